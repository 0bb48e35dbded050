import { describe, expect, it } from "vitest";
import { monotonic } from "../../../../firmware-sim/world/checkers/monotonic.ts";
import { logIndex, term } from "../../../../src/base/units.ts";
import { a, b, c, d } from "../../../raft/kit.ts";
import { command, hardState, noop, quietSite } from "./story.ts";

describe("within a life", () => {
  it.each([
    ["the term", { term: term(0) }, /term falls from 1 to 0/],
    ["the commit index", { commit: logIndex(2), applied: logIndex(2) }, /commit falls from 3 to 2/],
    ["the applied index", { applied: logIndex(2) }, /applied falls from 3 to 2/],
    ["what is synced of what is committed", { synced: logIndex(2) }, /synced falls from 3 to 2, below its commit 3/],
    ["the vote of a term", { vote: b }, /takes back its vote for a@/],
  ])("%s falls", (_what, status, message) => {
    const { y } = quietSite(monotonic);
    expect(() => y.step(status)).toThrow(message);
  });

  it.each([
    ["more is applied than committed", { applied: logIndex(4), last: logIndex(4) }, /more is applied than committed/],
    ["more is committed than there is", { commit: logIndex(4) }, /more is committed than there is/],
    ["more is synced than there is", { synced: logIndex(4) }, /more is synced than there is/],
    ["the log is longer than what was written", { last: logIndex(4) }, /the log ends elsewhere/],
  ])("%s", (_what, status, message) => {
    const { y } = quietSite(monotonic);
    expect(() => y.step(status)).toThrow(message);
  });

  it("a device takes for synced what its card has not", () => {
    const { y } = quietSite(monotonic);
    y.write({ entries: [command(4, 1)] });
    expect(() => y.step({ synced: logIndex(4) })).toThrow(/more is taken for synced than its card has/);
  });

  it("a voter applies what its card has not", () => {
    const { y } = quietSite(monotonic);
    y.write({ entries: [command(4, 1)] });
    expect(() => y.commit(4)).toThrow(/b@.*, a voter, applies entry 4 before its card has it/);
  });

  it("a learner may: its state is in memory only", () => {
    const { story } = quietSite(monotonic);
    const learner = story.device(d).begin();
    learner.write({ hardState: hardState(1), entries: [noop(1, 1), command(2, 1)] });
    expect(() => learner.commit(2)).not.toThrow();
  });

  it("uncommitted entries may be taken back", () => {
    const { y } = quietSite(monotonic);
    y.put({ entries: [command(4, 1)] });
    expect(() => y.put({ truncateAfter: logIndex(3), entries: [noop(4, 2)] })).not.toThrow();
  });
});

describe("after a power cut", () => {
  const entries = [noop(1, 1), command(2, 1), command(3, 1)];

  it.each([
    ["the term is an older one", { hardState: hardState(0) }, /finds term 0, and 1 was synced/],
    ["the vote is gone", { hardState: hardState(1) }, /finds the vote for undefined in term 1/],
    ["the vote is another", { hardState: hardState(1, c) }, /finds the vote for c@.* and that for a@/],
    ["a synced entry is gone", { entries: entries.slice(0, 2) }, /finds entry 3 of term undefined, and that of term 1/],
    ["an older entry is back", { entries: [...entries.slice(0, 2), command(3, 0)] }, /finds entry 3 of term 0/],
  ])("%s", (_what, found, message) => {
    const { y } = quietSite(monotonic);
    y.end();
    expect(() => y.begin(found)).toThrow(message);
  });

  it("what was not synced may be there or not, and may have replaced what was (no violation)", () => {
    const { y } = quietSite(monotonic);
    y.put({ entries: [command(4, 1), command(5, 1)] });
    y.end();
    y.begin({ hardState: hardState(2, a), entries: [...entries, noop(4, 2)] });
    y.end();
    y.begin({ hardState: hardState(2, a), entries: [...entries, noop(4, 2), command(5, 2)] });
  });

  it("a device forgets the commit index that it had heard of (no violation)", () => {
    const { y } = quietSite(monotonic);
    y.end();
    expect(y.begin().status.commit).toBe(0);
  });
});
