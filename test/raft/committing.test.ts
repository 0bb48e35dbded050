// What a leader counts as committed, and how proposals become appends (paper §5.3, §5.4.2; thesis §10.2).

import { describe, expect, it } from "vitest";
import { a, append, Bench, b, c, command, messages, noop, only, sends } from "./kit.ts";

describe("an entry is committed", () => {
  it("when a majority has it on disk, and the announcement travels with the next append or heartbeat (3 voters)", () => {
    const bench = new Bench().reign(b);
    bench.propose("x");
    bench.sync();
    expect(bench.status.commit).toBe(1);
    expect(bench.acknowledge(b, 2, 1)).toEqual([{ kind: "apply", entries: [command(2, 1)] }]);
    expect(messages(bench.wait(250), "append")).toMatchObject([{ commit: 2, previousIndex: 2, entries: [] }]);
  });

  it("without the leader's own disk, if enough others have it; applied when it has it too (RAFT-CASES 46)", () => {
    const bench = new Bench().reign(b);
    bench.propose("x");
    bench.acknowledge(b, 2);
    expect(bench.status.commit).toBe(1);
    expect(only(bench.acknowledge(c, 2), "apply")).toEqual([]);
    expect(bench.status.commit).toBe(2);
    expect(bench.sync()).toEqual([{ kind: "apply", entries: [command(2, 1)] }]);
  });

  it("only when it is on the own disk (1 voter; RAFT-CASES 14)", () => {
    const bench = new Bench({ voters: [a] }).lead();
    bench.propose("x");
    expect(bench.status.commit).toBe(1);
    bench.sync();
    expect(bench.status.commit).toBe(2);
  });

  it("of an older term only together with one of this term (paper §5.4.2, Figure 8; RAFT-CASES 26)", () => {
    const bench = new Bench({ log: [1, 2] }).lead(b);
    bench.acknowledge(b, 2);
    expect(bench.status.commit).toBe(0);
    bench.acknowledge(b, 3);
    expect(bench.status.commit).toBe(3);
  });

  it("by voters only: what others acknowledge is shown and not counted", () => {
    const bench = new Bench({ voters: [a, b] }).reign(b);
    bench.propose("x");
    bench.sync();
    bench.acknowledge(c, 2);
    expect(bench.status.commit).toBe(1);
    expect(bench.status.followers.find((one) => one.member === c)?.match).toBe(2);
  });

  it("is not taken back by a late acknowledgement: match is monotone in a term (RAFT-CASES 28, 31)", () => {
    const bench = new Bench().reign(b);
    bench.propose("x");
    bench.acknowledge(b, 2);
    bench.acknowledge(b, 1);
    bench.sync();
    expect(bench.status.commit).toBe(2);
  });

  it.each([
    ["beyond the log", { match: 99, beat: 1 }],
    ["of a beat that was never sent", { match: 1, beat: 99 }],
    ["of no beat at all", { match: 1, beat: 0 }],
  ])("not by an acknowledgement %s", (_, { match, beat }) => {
    const bench = new Bench().lead(b);
    bench.acknowledge(b, match, beat);
    expect(bench.status.commit).toBe(0);
  });
});

describe("proposals", () => {
  it("go out at once when nothing is in flight: one publish for everyone, and one write", () => {
    const bench = new Bench().reign(b);
    const head = { kind: "append", term: 1, beat: 2, previousIndex: 1, previousTerm: 1, commit: 1, siteTime: 0 };
    const entries = [command(2, 1, "x"), command(3, 1, "y")];
    expect(bench.propose("x", "y")).toEqual([
      { kind: "proposed", context: 1, index: 2, term: 1 },
      { kind: "proposed", context: 2, index: 3, term: 1 },
      { kind: "send", message: { ...head, entries } },
      { kind: "persist", token: 3, entries, urgent: true },
    ]);
  });

  it("that come while two appends are in flight go out together when one is committed (64 outstanding)", () => {
    const bench = new Bench({ limits: { batchBytes: 40_000, windowBytes: 80_000 } }).reign(b);
    let publishes = 0;
    for (let i = 0; i < 64; i++) publishes += messages(bench.propose("x"), "append").length;
    expect(publishes).toBe(2);
    bench.sync();
    const [next] = messages(bench.acknowledge(b, 2), "append");
    expect(next?.entries).toHaveLength(62);
    expect(next?.previousIndex).toBe(3);
  });

  it("fill an append up to its bytes, and never more", () => {
    const bench = new Bench().reign(b);
    const sizes = (effects: ReturnType<Bench["propose"]>) =>
      messages(effects, "append").map((one) => one.entries.length);
    bench.propose("x");
    bench.propose("x");
    expect(sizes(bench.propose("y".repeat(600), "y".repeat(300), "y".repeat(600)))).toEqual([2]);
    bench.sync();
    expect(sizes(bench.acknowledge(b, 5))).toEqual([1]);
  });

  it("wait while the window beyond the commit index is full", () => {
    const bench = new Bench({ limits: { windowBytes: 1_000 } }).reign(b);
    const publishes = [1, 2, 3, 4, 5].map(() => messages(bench.propose("y".repeat(900)), "append").length);
    expect(publishes).toEqual([1, 1, 0, 0, 0]);
  });

  it("beyond the bound are refused as busy, and are taken again later", () => {
    const bench = new Bench({ limits: { uncommittedBytes: 2_000 } }).reign(b);
    const refusals = [1, 2, 3].flatMap(() => only(bench.propose("y".repeat(900)), "proposal-refused"));
    expect(refusals).toEqual([{ kind: "proposal-refused", context: 1, reason: "busy", leader: a }]);
    bench.sync();
    bench.acknowledge(b, 3);
    expect(only(bench.propose("y"), "proposed")).toHaveLength(1);
  });

  it("larger than an append are refused", () => {
    const bench = new Bench().reign(b);
    expect(bench.propose("y".repeat(1_001))).toEqual([
      { kind: "proposal-refused", context: 1, reason: "too-large", leader: a },
    ]);
  });

  it("are refused by a follower, which names the leader", () => {
    const bench = new Bench();
    bench.hear(b, append(1, 1, { index: 0, term: 0 }));
    expect(bench.propose("x")).toEqual([{ kind: "proposal-refused", context: 1, reason: "not-leader", leader: b }]);
  });

  it("that were not appended yet are refused when the leadership ends", () => {
    const bench = new Bench().reign(b);
    for (let i = 0; i < 3; i++) bench.propose("x");
    const effects = bench.hear(b, append(2, 1, { index: 1, term: 1 }, { entries: [noop(2, 2)] }));
    expect(only(effects, "proposal-refused")).toEqual([
      { kind: "proposal-refused", context: 1, reason: "not-leader", leader: undefined },
    ]);
  });
});

describe("a heartbeat", () => {
  it("is one publish, whatever the number of voters, and is not sent where an append was", () => {
    const bench = new Bench().reign(b);
    bench.wait(200);
    bench.propose("x");
    expect(sends(bench.wait(100))).toEqual([]);
    expect(sends(bench.wait(150))).toHaveLength(1);
  });

  it("never waits for the disk", () => {
    const bench = new Bench().reign(b);
    bench.propose("x");
    const [heartbeat] = sends(bench.wait(250));
    expect(heartbeat?.after).toBeUndefined();
  });
});
