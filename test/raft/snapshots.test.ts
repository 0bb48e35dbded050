// Checkpoints, compaction and snapshots pulled in chunks (paper §7; RAFT-CASES 15–18, 47).

import { describe, expect, it } from "vitest";
import type { SnapshotName } from "../../src/raft/types.ts";
import { a, append, Bench, b, c, d, type Message, message, messages, noop, only, sends, votersEntry } from "./kit.ts";

const start = { index: 0, term: 0 };
const name = (index: number, digest = `at ${index}`, leader = b): SnapshotName =>
  ({ leader, index, term: 1, digest }) as SnapshotName;
const offer = (of: SnapshotName, bytes = 25) =>
  message<Message<"snapshot-offer">>({
    kind: "snapshot-offer",
    term: 1,
    name: of,
    bytes,
    voters: { current: [a, b, c] },
  });
const chunk = (of: SnapshotName, offset: number, length = 10, isLast = offset + length >= 25) =>
  message<Message<"snapshot-chunk">>({
    kind: "snapshot-chunk",
    term: 1,
    name: of,
    offset,
    data: new Uint8Array(length),
    isLast,
  });
const question = (of: SnapshotName, offset: number) => ({ kind: "snapshot-question", term: 1, name: of, offset });

describe("a checkpoint", () => {
  it("lets the log begin behind it, but for a tail (tail of 2 entries)", () => {
    const bench = new Bench().reign(b);
    bench.propose("x", "x", "x", "x");
    bench.sync();
    bench.acknowledge(b, 5);
    bench.step({ kind: "applied", index: 5 as never });
    expect(bench.step({ kind: "checkpointed", index: 5 as never, digest: "at 5", bytes: 25 })).toEqual([
      { kind: "compacted", start: { index: 3, term: 1, voters: { current: [a, b, c] } } },
    ]);
    expect(bench.status).toMatchObject({ start: 3, last: 5 });
  });

  it("that is older than the present one changes nothing", () => {
    const bench = new Bench({ start: { index: 5, term: 1 } });
    expect(bench.step({ kind: "checkpointed", index: 4 as never, digest: "at 4", bytes: 25 })).toEqual([]);
  });

  it("may be durable before the term in which it came as a snapshot: the term is at least its own", () => {
    const bench = new Bench({ start: { index: 5, term: 7 }, term: 6, vote: c });
    expect(bench.status).toMatchObject({ term: 7, vote: undefined, last: 5 });
  });

  it("never holds a configuration that is not committed (RAFT-CASES 15)", () => {
    const bench = new Bench({ limits: { tailEntries: 0 } }).reign(b);
    bench.step({ kind: "change-voters", context: 1, voters: [a, b, d] });
    const effects = bench.step({ kind: "checkpointed", index: 1 as never, digest: "at 1", bytes: 25 });
    expect(only(effects, "compacted")[0]?.start).toEqual({ index: 1, term: 1, voters: { current: [a, b, c] } });
    expect(bench.status.voters.incoming).toEqual([a, b, d]);
  });
});

describe("a leader", () => {
  const leading = () => new Bench({ start: { index: 5, term: 1 }, log: [1, 1] }).reign(b);

  it("offers its checkpoint to who misses more than its log holds, without any proposal (RAFT-CASES 16)", () => {
    const bench = leading();
    const gap = message<Message<"gap">>({ kind: "gap", term: 2, beat: 1, match: 0, lastIndex: 3, lastTerm: 1 });
    expect(bench.receive(c, gap)).toEqual([
      {
        kind: "send",
        to: c,
        message: {
          kind: "snapshot-offer",
          term: 2,
          name: { leader: a, index: 5, term: 1, digest: "at 5" },
          bytes: 25,
          voters: { current: [a, b, c] },
        },
      },
    ]);
  });

  it("offers it also where the logs part before the beginning of its own", () => {
    const bench = new Bench({ start: { index: 5, term: 3 }, log: [3] }).reign(b);
    const gap = message<Message<"gap">>({ kind: "gap", term: 4, beat: 1, match: 0, lastIndex: 5, lastTerm: 1 });
    expect(messages(bench.receive(c, gap), "snapshot-offer")).toHaveLength(1);
  });

  it("serves chunks by name and offset", () => {
    const bench = leading();
    const asked = { ...question(name(5, "at 5", a), 10), term: 2 } as Message<"snapshot-question">;
    expect(bench.receive(c, asked)).toEqual([
      { kind: "serve-chunk", to: c, term: 2, name: name(5, "at 5", a), offset: 10 },
    ]);
  });

  it("answers a question for a snapshot that it does not have with an offer (RAFT-CASES 47)", () => {
    const bench = leading();
    const asked = { ...question(name(5, "another", a), 10), term: 2 } as Message<"snapshot-question">;
    expect(messages(bench.receive(c, asked), "snapshot-offer")).toHaveLength(1);
    expect(only(bench.receive(c, asked), "serve-chunk")).toEqual([]);
  });

  it("keeps the log behind a checkpoint that is being pulled, so that the receiver can go on (RAFT-CASES 18)", () => {
    const bench = leading();
    const asked = { ...question(name(5, "at 5", a), 0), term: 2 } as Message<"snapshot-question">;
    const grow = () => {
      const from = bench.status.last;
      bench.propose("x", "x", "x", "x");
      bench.sync();
      bench.acknowledge(b, from + 4);
      bench.step({ kind: "applied", index: (from + 4) as never });
      return bench.step({ kind: "checkpointed", index: (from + 4) as never, digest: `at ${from + 4}`, bytes: 25 });
    };
    bench.receive(c, asked);
    expect(grow()).toEqual([]);
    expect(bench.status.start).toBe(5);
    expect(only(bench.receive(c, { ...asked, offset: 10 }), "serve-chunk")).toHaveLength(1);
    bench.step({ kind: "checkpoint-gone", name: name(5, "at 5", a) });
    expect(messages(bench.receive(c, { ...asked, offset: 10 }), "snapshot-offer")[0]?.name.index).toBe(12);
    expect(only(grow(), "compacted")[0]?.start.index).toBe(14);
  });
});

describe("a follower that is offered a snapshot", () => {
  const offered = (options: ConstructorParameters<typeof Bench>[0] = {}) => {
    const bench = new Bench({ log: [1], ...options });
    bench.hear(b, append(1, 1, { index: 20, term: 1 }, { commit: 20 }));
    bench.wait(50);
    return bench;
  };

  it("pulls it chunk by chunk, and stands at it when it is installed", () => {
    const bench = offered();
    expect(bench.receive(b, offer(name(20)))).toEqual([{ kind: "send", to: b, message: question(name(20), 0) }]);
    const [stored, next] = bench.receive(b, chunk(name(20), 0));
    expect(stored).toMatchObject({ kind: "store-chunk", offset: 0, isLast: false, voters: { current: [a, b, c] } });
    expect(next).toEqual({ kind: "send", to: b, message: question(name(20), 10) });
    bench.receive(b, chunk(name(20), 10));
    expect(only(bench.receive(b, chunk(name(20), 20, 5)), "store-chunk")).toMatchObject([{ offset: 20, isLast: true }]);
    const at = { index: 20, term: 1, voters: { current: [a, b, c] } };
    expect(bench.step({ kind: "snapshot-installed", name: name(20), voters: at.voters })).toEqual([
      { kind: "send", to: b, message: { kind: "gap", term: 1, beat: 1, match: 20, lastIndex: 20, lastTerm: 1 } },
      { kind: "persist", token: 1, start: at, entries: [], urgent: true },
      { kind: "compacted", start: at },
    ]);
    expect(bench.status).toMatchObject({ start: 20, last: 20, commit: 20, applied: 20, synced: 20 });
  });

  it("goes on with appends after it", () => {
    const bench = offered();
    bench.receive(b, offer(name(20), 5));
    bench.receive(b, chunk(name(20), 0, 5, true));
    bench.step({ kind: "snapshot-installed", name: name(20), voters: { current: [a, b, c] } });
    const effects = bench.receive(b, append(1, 2, { index: 20, term: 1 }, { entries: [noop(21, 1)], commit: 21 }));
    expect(messages(effects, "append-ack")).toMatchObject([{ match: 21 }]);
    expect(only(bench.sync(), "apply")).toEqual([{ kind: "apply", entries: [noop(21, 1)] }]);
  });

  it("keeps what follows it in a log that agrees with it", () => {
    const bench = new Bench({ log: Array.from({ length: 22 }, () => 1) });
    bench.hear(b, append(1, 1, { index: 30, term: 1 }));
    bench.receive(b, offer(name(20), 5));
    bench.receive(b, chunk(name(20), 0, 5, true));
    const effects = bench.step({ kind: "snapshot-installed", name: name(20), voters: { current: [a, b, c] } });
    expect(only(effects, "persist")).toEqual([]);
    expect(only(effects, "compacted")[0]?.start.index).toBe(18);
    expect(bench.status).toMatchObject({ last: 22, applied: 20 });
  });

  it("forgets a log that does not, and any configuration in it (RAFT-CASES 15)", () => {
    const old = votersEntry(30, 0, { current: [a, b, c], incoming: [d] });
    const entries = [...Array.from({ length: 29 }, (_, i) => noop(i + 1, 0)), old];
    const bench = new Bench({ entries, term: 1 });
    bench.hear(b, append(1, 1, { index: 40, term: 1 }));
    bench.receive(b, offer(name(20), 5));
    bench.receive(b, chunk(name(20), 0, 5, true));
    bench.step({ kind: "snapshot-installed", name: name(20), voters: { current: [a, b, c] } });
    expect(bench.status).toMatchObject({ last: 20, voters: { current: [a, b, c] } });
    expect(bench.status.voters.incoming).toBeUndefined();
  });

  it("asks again when a chunk does not come, and gives up after a while", () => {
    const bench = offered();
    bench.receive(b, offer(name(20)));
    let asked = 0;
    let gaps = 0;
    for (let i = 0; i < 30; i++) {
      const effects = [...bench.wait(200), ...bench.hear(b, append(1, 2 + i, { index: 20, term: 1 }))];
      asked += messages(effects, "snapshot-question").length;
      gaps += messages(effects, "gap").length;
    }
    expect(asked).toBe(8);
    expect(gaps).toBeGreaterThan(0);
  });

  it("takes no chunk of another snapshot, nor one that is not the next (RAFT-CASES 47)", () => {
    const bench = offered();
    bench.receive(b, offer(name(20)));
    expect(bench.receive(b, chunk(name(20, "another"), 0))).toEqual([]);
    expect(bench.receive(c, chunk(name(20), 0))).toEqual([]);
    expect(bench.receive(b, chunk(name(20), 10))).toEqual([]);
    bench.receive(b, chunk(name(20), 0));
    expect(bench.receive(b, chunk(name(20), 0))).toEqual([]);
  });

  it("takes none that is older than what is committed here (RAFT-CASES 17)", () => {
    const bench = new Bench({ log: [1, 1, 1] });
    bench.hear(b, append(1, 1, { index: 3, term: 1 }, { commit: 3 }));
    expect(bench.receive(b, offer(name(3)))).toEqual([]);
    expect(bench.receive(b, offer(name(2)))).toEqual([]);
  });

  it("drops one that it has caught up with by itself meanwhile (RAFT-CASES 17)", () => {
    const bench = new Bench({ term: 1 });
    bench.hear(b, append(1, 1, { index: 3, term: 1 }));
    bench.receive(b, offer(name(3)));
    bench.receive(b, append(1, 2, start, { entries: [noop(1, 1), noop(2, 1), noop(3, 1)], commit: 3 }));
    expect(bench.receive(b, chunk(name(3), 0))).toEqual([]);
  });

  it("applies and commits nothing while it is being installed, and does not campaign (RAFT-CASES 17)", () => {
    const bench = new Bench({ log: [1, 1] });
    bench.hear(b, append(1, 1, { index: 30, term: 1 }));
    bench.receive(b, offer(name(20), 5));
    bench.receive(b, chunk(name(20), 0, 5, true));
    expect(only(bench.hear(b, append(1, 2, { index: 2, term: 1 }, { commit: 2 })), "apply")).toEqual([]);
    expect(bench.status.commit).toBe(0);
    expect(sends(bench.wait(60_000))).toEqual([]);
    bench.step({ kind: "snapshot-failed", name: name(20), reason: "its digest does not match" });
    bench.wait(60_000);
    expect(bench.status.role).toBe("pre-candidate");
  });

  it("applies nothing while it is being installed that was committed before and is synced only now (RAFT-CASES 17)", () => {
    const bench = new Bench({ term: 1 });
    bench.hear(b, append(1, 1, start, { entries: [noop(1, 1)], commit: 1 }));
    bench.hear(b, append(1, 2, { index: 30, term: 1 }));
    bench.receive(b, offer(name(20), 5));
    bench.receive(b, chunk(name(20), 0, 5, true));
    expect(bench.sync()).toEqual([]);
    const voters = { current: [a, b, c] };
    expect(only(bench.step({ kind: "snapshot-installed", name: name(20), voters }), "apply")).toEqual([]);
  });

  it("takes no chunk while it campaigns: the leader may be gone, and it may become leader itself", () => {
    const bench = offered();
    bench.receive(b, offer(name(20)));
    bench.wait(2_500);
    expect(bench.status.role).toBe("pre-candidate");
    expect(bench.receive(b, chunk(name(20), 0))).toEqual([]);
  });

  it("waits for a leader when it is installed and none is known", () => {
    const bench = offered();
    bench.receive(b, offer(name(20), 5));
    bench.receive(b, chunk(name(20), 0, 5, true));
    const later = { kind: "vote-request", term: 2, attempt: 7, lastIndex: 0, lastTerm: 0 } as const;
    bench.receive(c, message<Message<"vote-request">>(later));
    bench.step({ kind: "snapshot-installed", name: name(20), voters: { current: [a, b, c] } });
    bench.wait(0);
    expect(bench.raft.nextTick()).toBeGreaterThan(bench.now);
    expect(bench.status).toMatchObject({ last: 20, leader: undefined, term: 2 });
  });

  it("takes one only from the leader that it follows", () => {
    const bench = offered();
    expect(bench.receive(c, offer(name(20, "at 20", c)))).toEqual([]);
    expect(bench.receive(b, offer(name(20, "at 20", c)))).toEqual([]);
  });
});
