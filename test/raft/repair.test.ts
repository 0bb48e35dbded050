// Gaps and their repair (paper §5.3; DESIGN §4, "One publish per batch"; RAFT-CASES 31, 32, 53).

import { describe, expect, it } from "vitest";
import { a, append, Bench, b, c, command, d, e, type Message, message, messages, noop, sends } from "./kit.ts";

const gap = (match: number, lastIndex = match, lastTerm = 1, beat = 1) =>
  message<Message<"gap">>({ kind: "gap", term: 1, beat, match, lastIndex, lastTerm });

describe("a voter that misses something", () => {
  const following = () => {
    const bench = new Bench({ log: [1] });
    bench.hear(b, append(1, 1, { index: 1, term: 1 }));
    return bench;
  };

  it("holds no more frames that are ahead than 64, nor more bytes of them than the window", () => {
    const missing = append(1, 900, { index: 1, term: 1 }, { entries: [noop(2, 1)] });
    const many = new Bench({ log: [1] });
    for (let index = 3; index < 103; index++) {
      many.hear(b, append(1, index, { index: index - 1, term: 1 }, { entries: [noop(index, 1)] }));
    }
    many.hear(b, missing);
    expect(many.status.last).toBe(2 + 64);

    const large = new Bench({ log: [1] });
    for (let index = 3; index < 13; index++) {
      const entries = [command(index, 1, "x".repeat(968))];
      large.hear(b, append(1, index, { index: index - 1, term: 1 }, { entries }));
    }
    large.hear(b, missing);
    expect(large.status.last).toBe(2 + 4);
  });

  it("holds a frame that is a little ahead, and needs nothing when its predecessor comes in time", () => {
    const bench = following();
    expect(bench.hear(b, append(1, 3, { index: 2, term: 1 }, { entries: [noop(3, 1)] }))).toEqual([]);
    bench.wait(49);
    const effects = bench.hear(b, append(1, 2, { index: 1, term: 1 }, { entries: [noop(2, 1)] }));
    expect(messages(effects, "append-ack")).toMatchObject([{ beat: 3, match: 3 }]);
    expect(messages(bench.wait(100), "gap")).toEqual([]);
  });

  it("asks after 50 ms, naming what it has and the beat that told it", () => {
    const bench = following();
    bench.hear(b, append(1, 3, { index: 2, term: 1 }, { entries: [noop(3, 1)] }));
    expect(bench.wait(50)).toEqual([
      { kind: "send", to: b, message: { kind: "gap", term: 1, beat: 3, match: 1, lastIndex: 1, lastTerm: 1 } },
    ]);
  });

  it("asks again until it has it: everything in flight may have been lost (RAFT-CASES 32)", () => {
    const bench = following();
    bench.hear(b, append(1, 3, { index: 5, term: 1 }));
    const asked = [50, 250, 250, 250].flatMap((span) => messages(bench.wait(span), "gap"));
    expect(asked).toHaveLength(4);
  });

  it("asks on at once while repairs bring it forward, and stops when it is there", () => {
    const bench = following();
    bench.hear(b, append(1, 3, { index: 3, term: 1 }));
    bench.wait(50);
    const first = bench.receive(b, append(1, 4, { index: 1, term: 1 }, { entries: [noop(2, 1)] }));
    expect(messages(first, "gap")).toMatchObject([{ match: 2 }]);
    const last = bench.receive(b, append(1, 5, { index: 2, term: 1 }, { entries: [noop(3, 1)] }));
    expect(messages(last, "gap")).toEqual([]);
    expect(messages(bench.wait(500), "gap")).toEqual([]);
  });

  it("asks at once where the terms conflict, and says where the logs may still agree (paper §5.3)", () => {
    const bench = new Bench({ log: [1, 1, 2, 2, 2] });
    const [asked] = messages(bench.hear(b, append(3, 1, { index: 5, term: 1 })), "gap");
    expect(asked).toMatchObject({ match: 0, lastIndex: 2, lastTerm: 1 });
  });

  it("answers a heartbeat all the same, so that the leader keeps its quorum", () => {
    const bench = following();
    expect(messages(bench.hear(b, append(1, 2, { index: 9, term: 1 })), "append-ack")).toMatchObject([{ match: 1 }]);
  });

  it("holds no more than its bound", () => {
    const bench = new Bench({ log: [1], limits: { windowBytes: 200 } });
    for (let i = 3; i < 60; i++) bench.hear(b, append(1, i, { index: i - 1, term: 1 }, { entries: [noop(i, 1)] }));
    bench.hear(b, append(1, 99, { index: 1, term: 1 }, { entries: [noop(2, 1)] }));
    expect(bench.status.last).toBe(8);
  });
});

describe("a learner that misses something", () => {
  const learner = (random: number) => {
    const bench = new Bench({ voters: [b, c], log: [1], random: () => random });
    bench.hear(b, append(1, 1, { index: 1, term: 1 }));
    bench.hear(b, append(1, 2, { index: 3, term: 1 }));
    return bench;
  };

  it("asks after a delay drawn at random, up to 500 ms more than a voter (RAFT-CASES 53)", () => {
    expect([0, 0.5, 0.99].map((random) => Math.round(learner(random).raft.nextTick() ?? 0))).toEqual([50, 300, 545]);
  });

  it("does not ask when the repair of another passes by", () => {
    const bench = learner(0.5);
    bench.wait(200);
    bench.hear(b, append(1, 3, { index: 1, term: 1 }, { entries: [noop(2, 1), noop(3, 1)] }));
    expect(sends(bench.wait(5_000))).toEqual([]);
  });
});

describe("a leader that is asked", () => {
  const leading = (rest: ConstructorParameters<typeof Bench>[0] = {}) => {
    const bench = new Bench({ voters: [a, b, c], ...rest }).reign(b);
    bench.propose("x");
    bench.sync();
    bench.acknowledge(b, 2);
    return bench;
  };

  it("repairs by unicast, from where the logs may still agree", () => {
    const bench = leading();
    expect(sends(bench.receive(c, gap(0, 1)))).toMatchObject([
      { to: c, message: { kind: "append", previousIndex: 1, previousTerm: 1, entries: [command(2, 1)], commit: 2 } },
    ]);
  });

  it("goes back behind what conflicts, at the least to what the member has verified or committed", () => {
    const bench = new Bench({ log: [1, 2, 2] }).lead(b);
    const asked = (match: number, lastIndex: number, lastTerm: number) => {
      const question = message<Message<"gap">>({ kind: "gap", term: 3, beat: 1, match, lastIndex, lastTerm });
      return messages(bench.receive(c, question), "append")[0]?.previousIndex;
    };
    expect(asked(0, 9, 1)).toBe(1);
    expect(asked(0, 3, 2)).toBe(3);
    expect(asked(2, 9, 1)).toBe(2);
  });

  it("publishes on the log topic what a second one asks for, and leaves it at that for the others (RAFT-CASES 53)", () => {
    const bench = leading();
    const answers = [c, d, e].map((member) => sends(bench.receive(member, gap(1))));
    expect(answers[0]).toMatchObject([{ to: c }]);
    expect(answers[1]).toHaveLength(1);
    expect(answers[1]?.[0]).not.toHaveProperty("to");
    expect(answers[2]).toEqual([]);
  });

  it("answers 49 learners at once with one unicast and one publish (RAFT-CASES 53)", () => {
    const bench = leading();
    let count = 0;
    for (let i = 0; i < 49; i++) count += sends(bench.receive(`m${i}${a}` as typeof a, gap(1))).length;
    expect(count).toBe(2);
  });

  it("answers anew who lost it once more", () => {
    const bench = leading();
    for (const member of [c, d]) bench.receive(member, gap(1));
    bench.wait(250);
    expect(sends(bench.receive(c, gap(1)))).toHaveLength(1);
  });

  it("keeps repairs to their byte rate, and serves the rest when it is their turn", () => {
    const bench = leading({ limits: { repairBytesPerSecond: 600, batchBytes: 1_000 } });
    bench.propose("y".repeat(900));
    bench.sync();
    bench.acknowledge(b, 3);
    expect(messages(bench.receive(c, gap(2)), "append")).toHaveLength(1);
    expect(messages(bench.receive(d, gap(0, 0, 0)), "append")).toEqual([]);
    const due = (bench.raft.nextTick() ?? 0) - bench.now;
    expect(due).toBeLessThanOrEqual(250);
    let served = 0;
    for (let i = 0; i < 8 && served === 0; i++) {
      const effects = bench.wait(100);
      served = sends(effects).filter((one) => one.to === d).length;
      bench.acknowledge(b, 3, messages(effects, "append")[0]?.beat ?? 1);
    }
    expect(served).toBe(1);
  });

  it("does not take back what is matched already (RAFT-CASES 28)", () => {
    const bench = leading();
    bench.acknowledge(c, 2);
    bench.receive(c, gap(0, 0, 0));
    expect(bench.status.followers.find((one) => one.member === c)?.match).toBe(2);
  });

  it("ignores a question of another term, or from beyond its log", () => {
    const bench = leading();
    expect(bench.receive(c, { ...gap(0), term: 0 as never })).toEqual([]);
    expect(bench.receive(c, gap(99))).toEqual([]);
  });
});
