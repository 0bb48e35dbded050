import { expect, it } from "vitest";
import { logMatching } from "../../../../firmware-sim/world/checkers/log-matching.ts";
import { a, b, c } from "../../../raft/kit.ts";
import { command, noop, quietSite, startAt } from "./story.ts";

it("an entry that says one thing here and another there", () => {
  const { x, y } = quietSite(logMatching);
  x.put({ entries: [command(4, 1, "on")] });
  expect(() => y.put({ entries: [command(4, 1, "off")] })).toThrow(
    /log-matching: entry 4 of term 1 at b@.* something else/,
  );
});

it("the same entry after another one", () => {
  const { x, y } = quietSite(logMatching);
  x.put({ entries: [command(4, 1), command(5, 3)] });
  expect(() => y.put({ entries: [command(4, 2), command(5, 3)] })).toThrow(/entry 5 of term 3 at b@.* follows term 2/);
});

it("an entry of an older term after one of a newer", () => {
  const { x } = quietSite(logMatching);
  expect(() => x.put({ entries: [command(4, 2), command(5, 1)] })).toThrow(/entry 5 of term 1 follows term 2/);
});

it("a log with a hole", () => {
  const { x } = quietSite(logMatching);
  expect(() => x.put({ entries: [command(4, 1), command(6, 1)] })).toThrow(/has entry 6 in the place of 5/);
});

it("a card that comes back with another entry than was written", () => {
  const { z } = quietSite(logMatching);
  z.end();
  expect(() => z.begin({ entries: [noop(1, 1), command(2, 1, "rotten"), command(3, 1)] })).toThrow(
    /entry 2 of term 1 at c@/,
  );
});

it("a log that goes on behind a snapshot of another history", () => {
  const { x, y } = quietSite(logMatching);
  x.put({ entries: [command(4, 1), command(5, 3)] });
  y.put({ start: startAt(4, 2, [a, b, c]) });
  expect(() => y.put({ entries: [command(5, 3)] })).toThrow(/entry 5 of term 3 at b@.* follows term 2/);
});

it("what was taken back may be written anew in a later term", () => {
  const { x } = quietSite(logMatching);
  x.put({ entries: [command(4, 1, "never agreed")] });
  expect(() => x.put({ truncateAfter: startAt(3, 1, []).index, entries: [noop(4, 2)] })).not.toThrow();
});
