// A follower: the consistency check, the verified prefix, and what an acknowledgement promises (paper §5.3; DESIGN §4).

import { describe, expect, it } from "vitest";
import {
  a,
  append,
  Bench,
  b,
  c,
  command,
  type Message,
  message,
  messages,
  noop,
  only,
  sends,
  votersEntry,
} from "./kit.ts";

const start = { index: 0, term: 0 };
const ack = (term: number, beat: number, match: number) => ({ kind: "append-ack", term, beat, match });

describe("an append that fits", () => {
  it("is written, and acknowledged once it is on disk", () => {
    const bench = new Bench();
    const entries = [noop(1, 1), command(2, 1)];
    expect(bench.hear(b, append(1, 1, start, { entries }))).toEqual([
      { kind: "role", role: "follower", term: 1, leader: b, why: "follows b in term 1" },
      { kind: "persist", token: 1, hardState: { term: 1, vote: undefined }, entries, urgent: true },
      { kind: "send", to: b, message: ack(1, 1, 2), after: 1 },
    ]);
  });

  it("and comes again is not acknowledged before the first copy is on disk (RAFT-CASES 9)", () => {
    const bench = new Bench({ term: 1 });
    const one = append(1, 1, start, { entries: [noop(1, 1)] });
    bench.hear(b, one);
    expect(bench.hear(b, one)).toEqual([{ kind: "send", to: b, message: ack(1, 1, 1), after: 1 }]);
    bench.sync();
    expect(bench.hear(b, one)).toEqual([{ kind: "send", to: b, message: ack(1, 1, 1) }]);
  });

  it("is not acknowledged for what an empty one says while the disk works (RAFT-CASES 9)", () => {
    const bench = new Bench({ term: 1 });
    bench.hear(b, append(1, 1, start, { entries: [noop(1, 1)] }));
    expect(bench.hear(b, append(1, 2, { index: 1, term: 1 }))).toEqual([
      { kind: "send", to: b, message: ack(1, 2, 0) },
    ]);
  });

  it("removes nothing where no term conflicts, however short it is (RAFT-CASES 29)", () => {
    const bench = new Bench({ log: [1, 1, 1] });
    expect(only(bench.hear(b, append(1, 1, start, { entries: [noop(1, 1)] })), "persist")).toEqual([]);
    expect(bench.status.last).toBe(3);
  });

  it("replaces from the first conflict on (paper §5.3, Figure 7)", () => {
    const bench = new Bench({ log: [1, 1, 2, 2] });
    const entries = [noop(2, 1), noop(3, 3)];
    const effects = bench.hear(b, append(3, 1, { index: 1, term: 1 }, { entries }));
    expect(only(effects, "persist")).toEqual([
      {
        kind: "persist",
        token: 1,
        hardState: { term: 3, vote: undefined },
        truncateAfter: 2,
        entries: [noop(3, 3)],
        urgent: true,
      },
    ]);
    expect(bench.status).toMatchObject({ last: 3, synced: 2 });
  });

  it("is not promised by the sync of what it replaced (RAFT-CASES 10)", () => {
    const bench = new Bench({ term: 1 });
    bench.hear(b, append(1, 1, start, { entries: [noop(1, 1), noop(2, 1)] }));
    bench.hear(c, append(2, 1, start, { entries: [noop(1, 2), noop(2, 2)] }));
    bench.step({ kind: "persisted", token: 1 });
    expect(bench.status.synced).toBe(0);
    bench.step({ kind: "persisted", token: 2 });
    expect(bench.status.synced).toBe(2);
  });

  it("reaches into what is compacted here, and only the rest is compared", () => {
    const bench = new Bench({ start: { index: 5, term: 1 } });
    const entries = [noop(4, 1), noop(5, 1), noop(6, 1)];
    const effects = bench.hear(b, append(1, 1, { index: 3, term: 1 }, { entries }));
    expect(only(effects, "persist")[0]?.entries).toEqual([noop(6, 1)]);
    expect(messages(effects, "append-ack")).toEqual([ack(1, 1, 6)]);
  });
});

describe("the verified prefix", () => {
  it("is what an acknowledgement says, never the last index (RAFT-CASES 27, 30)", () => {
    const bench = new Bench({ log: [1, 1, 1] });
    const [acknowledged] = messages(bench.hear(b, append(2, 1, { index: 1, term: 1 })), "append-ack");
    expect(acknowledged).toEqual(ack(2, 1, 1));
    expect(bench.status.last).toBe(3);
  });

  it("bounds the commit index that a broadcast announces (RAFT-CASES 35)", () => {
    const bench = new Bench({ log: [1, 1, 1] });
    bench.hear(b, append(2, 1, { index: 1, term: 1 }, { commit: 3 }));
    expect(bench.status.commit).toBe(1);
    bench.hear(b, append(2, 2, { index: 3, term: 1 }));
    expect(bench.status.commit).toBe(3);
  });

  it("begins anew with each leader", () => {
    const bench = new Bench({ log: [1, 1, 1] });
    bench.hear(b, append(2, 1, { index: 3, term: 1 }));
    expect(messages(bench.hear(c, append(3, 1, { index: 9, term: 3 })), "append-ack")).toEqual([ack(3, 1, 0)]);
  });
});

describe("what is committed", () => {
  it("is applied in order, and only once it is on this disk (RAFT-CASES 46)", () => {
    const bench = new Bench({ term: 1 });
    expect(only(bench.hear(b, append(1, 1, start, { entries: [noop(1, 1)], commit: 1 })), "apply")).toEqual([]);
    expect(bench.sync()).toEqual([{ kind: "apply", entries: [noop(1, 1)] }]);
  });

  it("is applied by a learner without waiting, and nobody waits for its disk", () => {
    const bench = new Bench({ voters: [b, c], term: 1 });
    expect(bench.hear(b, append(1, 1, start, { entries: [noop(1, 1)], commit: 1 })).slice(1)).toEqual([
      { kind: "apply", entries: [noop(1, 1)] },
      { kind: "persist", token: 1, entries: [noop(1, 1)], urgent: false },
    ]);
  });

  it("is never truncated: who contradicts it is reported, and not followed in this term", () => {
    const bench = new Bench({ log: [1, 1] });
    bench.hear(b, append(1, 1, { index: 2, term: 1 }, { commit: 2 }));
    const effects = bench.hear(c, append(2, 1, { index: 1, term: 1 }, { entries: [noop(2, 2)] }));
    expect(only(effects, "diverged")).toEqual([
      { kind: "diverged", from: c, index: 2, detail: "entry 2 is of term 1 here and of term 2 there" },
    ]);
    expect(sends(effects)).toEqual([]);
    expect(bench.hear(c, append(2, 2, { index: 2, term: 1 }))).toEqual([]);
    expect(bench.status).toMatchObject({ last: 2, commit: 2, leader: undefined });
    expect(messages(bench.hear(c, append(3, 1, { index: 2, term: 1 })), "append-ack")).toHaveLength(1);
    expect(bench.status.leader).toBe(c);
  });

  it("is contradicted also by another entry before an append", () => {
    const bench = new Bench({ log: [1, 1] });
    bench.hear(b, append(1, 1, { index: 2, term: 1 }, { commit: 2 }));
    expect(only(bench.hear(c, append(3, 1, { index: 2, term: 2 })), "diverged")).toHaveLength(1);
  });
});

describe("a heartbeat", () => {
  it("is answered at once while the disk hangs, with what is on it", () => {
    const bench = new Bench({ log: [1] });
    bench.hear(b, append(1, 1, { index: 1, term: 1 }, { entries: [noop(2, 1)] }));
    bench.wait(1_000);
    expect(bench.hear(b, append(1, 2, { index: 2, term: 1 }))).toEqual([
      { kind: "send", to: b, message: ack(1, 2, 1) },
    ]);
  });

  it("of a later term is answered when that term is on disk: nobody forgets whom it has heard", () => {
    const bench = new Bench();
    expect(bench.hear(b, append(1, 1, start)).slice(1)).toEqual([
      { kind: "persist", token: 1, hardState: { term: 1, vote: undefined }, entries: [], urgent: true },
      { kind: "send", to: b, message: ack(1, 1, 0), after: 1 },
    ]);
  });

  it("that is older than one heard already does not count as hearing the leader (RAFT-CASES 34)", () => {
    const bench = new Bench();
    bench.hear(b, append(1, 5, start));
    const due = bench.raft.nextTick();
    bench.wait(1_000);
    bench.hear(b, append(1, 4, start));
    expect(bench.raft.nextTick()).toBe(due);
    bench.hear(b, append(1, 6, start));
    expect(bench.raft.nextTick()).toBe(3_000);
  });

  it("that was heard before does not bring back a leader that fell silent (RAFT-CASES 34)", () => {
    const bench = new Bench();
    for (const beat of [1, 2, 3]) bench.hear(b, append(1, beat, start));
    bench.wait(2_000);
    expect(bench.hear(b, append(1, 3, start))).toEqual([]);
    expect(bench.status.role).toBe("pre-candidate");
    bench.hear(b, append(1, 4, start));
    expect(bench.status).toMatchObject({ role: "follower", leader: b });
  });

  it("of an older term is answered with the present one, and changes nothing", () => {
    const bench = new Bench({ term: 5 });
    bench.wait(300);
    expect(bench.hear(b, append(4, 1, start, { entries: [noop(1, 4)] }))).toEqual([
      { kind: "send", to: b, message: ack(5, 1, 0) },
    ]);
    expect(bench.hear(b, append(4, 2, start))).toEqual([]);
  });

  it("is not answered by a learner, but the unicast that asks how far it is, is", () => {
    const bench = new Bench({ voters: [b, c], log: [1] });
    expect(sends(bench.hear(b, append(1, 1, { index: 1, term: 1 })))).toEqual([]);
    expect(bench.receive(b, append(1, 2, { index: 1, term: 1 }))).toEqual([
      { kind: "send", to: b, message: ack(1, 2, 1) },
    ]);
  });

  it("is answered from the entry on that makes a learner a voter (RAFT-CASES 6)", () => {
    const bench = new Bench({ voters: [b], term: 1 });
    const entries = [votersEntry(1, 1, { current: [b], incoming: [a, b] })];
    const effects = bench.hear(b, append(1, 1, start, { entries }));
    expect(only(effects, "persist")[0]?.urgent).toBe(true);
    expect(messages(effects, "append-ack")).toEqual([ack(1, 1, 1)]);
  });
});

describe("what no leader sends", () => {
  it("is ignored: the own broadcast, heard back (RAFT-CASES 33)", () => {
    const bench = new Bench().reign(b);
    expect(bench.hear(a, append(1, 1, start, { entries: [noop(1, 1)] }))).toEqual([]);
  });

  it("is reported: a second leader in one term", () => {
    const bench = new Bench();
    bench.hear(b, append(1, 1, start));
    expect(only(bench.hear(c, append(1, 1, start)), "diverged")).toHaveLength(1);
    expect(bench.status.leader).toBe(b);
  });

  it.each([
    ["entries out of order", [noop(2, 1), noop(1, 1)]],
    ["a hole", [noop(1, 1), noop(3, 1)]],
    ["falling terms", [noop(1, 2), noop(2, 1)]],
    ["a term above the leader's", [noop(1, 9)]],
  ])("is ignored: %s", (_, entries) => {
    const bench = new Bench();
    expect(bench.hear(b, append(2, 1, start, { entries }))).toEqual([]);
  });

  it("is an acknowledgement to a follower", () => {
    const bench = new Bench({ term: 1 });
    expect(
      bench.receive(b, message<Message<"append-ack">>({ kind: "append-ack", term: 1, beat: 1, match: 5 })),
    ).toEqual([]);
  });
});
