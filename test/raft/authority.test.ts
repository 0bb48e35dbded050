// Check-quorum by send time (DESIGN §4; RAFT-CASES 12, 20, 21, 44).

import { describe, expect, it } from "vitest";
import { a, append, Bench, b, c, type Message, message, messages, only, sends } from "./kit.ts";

describe("a leader's authority", () => {
  it("ends one shortest election timeout after it sent the newest beat that a quorum has answered", () => {
    const bench = new Bench().reign(b);
    bench.wait(250);
    bench.acknowledge(b, 1, 2);
    bench.wait(1_499);
    expect(bench.status).toMatchObject({ role: "leader", hasAuthority: true });
    expect(bench.wait(1)).toEqual([
      {
        kind: "role",
        role: "follower",
        term: 1,
        leader: undefined,
        why: "stepped down: no majority answered within 1.5 s",
      },
    ]);
  });

  it("is not prolonged by an old answer that arrives late, as from a thawed broker", () => {
    const bench = new Bench().reign(b);
    for (let i = 0; i < 5; i++) bench.wait(250);
    bench.acknowledge(b, 1, 1);
    bench.acknowledge(c, 1, 1);
    bench.wait(250);
    expect(bench.status.role).toBe("follower");
  });

  it("is checked before anything else: a paused process wakes up deposed, and answers no read", () => {
    const bench = new Bench().reign(b);
    bench.now = (bench.now + 20_000) as typeof bench.now;
    const effects = bench.step({ kind: "read", context: 1 });
    expect(only(effects, "read-refused")).toHaveLength(1);
    expect(messages(effects, "append")).toEqual([]);
  });

  it("does not come back with the answer that a paused process finds in its queue", () => {
    const bench = new Bench().reign(b);
    bench.wait(1_000);
    bench.now = (bench.now + 500) as typeof bench.now;
    bench.acknowledge(b, 1, 2);
    expect(bench.status.role).toBe("follower");
  });

  it("never ends where nobody else votes (1 voter)", () => {
    const bench = new Bench({ voters: [a] }).reign();
    bench.wait(3_600_000);
    expect(bench.status).toMatchObject({ role: "leader", hasAuthority: true });
  });

  it("needs both sets of a joint configuration", () => {
    const bench = new Bench().reign(b);
    bench.step({ kind: "change-voters", context: 1, voters: [a, "d@x", "e@x"] as never });
    for (let i = 0; i < 5; i++) {
      bench.wait(250);
      bench.acknowledge(b, 1, 3 + i);
    }
    bench.wait(250);
    expect(bench.status.role).toBe("follower");
  });

  it("is prolonged also by a member that answers with a question for what it missed", () => {
    const bench = new Bench().reign(b);
    for (let i = 0; i < 8; i++) {
      bench.wait(250);
      const beat = messages(bench.step({ kind: "probe", member: c }), "append")[0]?.beat ?? 0;
      const gap = { kind: "gap", term: 1, beat, match: 0, lastIndex: 0, lastTerm: 0 } as const;
      bench.receive(c, message<Message<"gap">>(gap));
    }
    expect(bench.status.role).toBe("leader");
  });
});

describe("a leader", () => {
  it("steps down when its disk does not answer for 10 s, and not before (RAFT-CASES 12)", () => {
    const bench = new Bench().reign(b);
    bench.propose("x");
    const until = (end: number) => {
      while (bench.now < end && bench.status.role === "leader") {
        const [beat] = messages(bench.wait(250), "append");
        if (beat !== undefined) bench.acknowledge(b, 1, beat.beat);
      }
    };
    const begin = bench.now;
    until(begin + 9_700);
    expect(bench.status.role).toBe("leader");
    until(begin + 10_300);
    expect(bench.status.why).toBe("stepped down: its disk has not answered for 10.0 s");
  });

  it("steps down for a later term in any answer, and keeps the term (paper §5.1)", () => {
    const bench = new Bench().reign(b);
    const answer = { kind: "append-ack", term: 3, beat: 1, match: 0 } as const;
    const effects = bench.receive(b, message<Message<"append-ack">>(answer));
    expect(only(effects, "persist")[0]?.hardState).toEqual({ term: 3, vote: undefined });
    expect(bench.status).toMatchObject({ role: "follower", term: 3 });
  });

  it("follows a later leader at once", () => {
    const bench = new Bench().reign(b);
    bench.hear(c, append(2, 1, { index: 1, term: 1 }));
    expect(bench.status).toMatchObject({ role: "follower", term: 2, leader: c });
  });

  it("sends nothing more once it has stepped down", () => {
    const bench = new Bench().reign(b);
    bench.wait(1_500);
    bench.wait(1_500);
    expect(sends(bench.wait(100))).toEqual([]);
  });
});
