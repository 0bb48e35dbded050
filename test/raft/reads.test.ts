// Linearizable reads (ReadIndex, thesis §6.4; RAFT-CASES 36, 37, 44).

import { describe, expect, it } from "vitest";
import { a, append, Bench, b, c, type Message, message, messages, only } from "./kit.ts";

const question = (request: number, term = 1) =>
  message<Message<"read-question">>({ kind: "read-question", term, request });
const answer = (request: number, index: number | undefined) =>
  ({ kind: "read-answer", term: 1, request, index }) as Message<"read-answer">;

describe("a leader's read", () => {
  it("is ready when a quorum has answered a beat that was sent after the question (3 voters)", () => {
    const bench = new Bench().reign(b);
    const effects = bench.step({ kind: "read", context: 9 });
    expect(messages(effects, "append")).toMatchObject([{ beat: 2, entries: [] }]);
    expect(bench.acknowledge(b, 1, 1)).toEqual([]);
    expect(bench.acknowledge(b, 1, 2)).toEqual([{ kind: "read-ready", context: 9, index: 1 }]);
  });

  it("is not confirmed by a late answer, nor by a context that was used before (RAFT-CASES 37)", () => {
    const bench = new Bench().reign(b);
    bench.step({ kind: "read", context: 9 });
    bench.acknowledge(b, 1, 2);
    bench.step({ kind: "read", context: 9 });
    expect(bench.acknowledge(b, 1, 2)).toEqual([]);
    expect(bench.acknowledge(c, 1, 2)).toEqual([]);
    expect(only(bench.acknowledge(c, 1, 3), "read-ready")).toHaveLength(1);
  });

  it("waits until the state machine has applied what was committed when it was asked", () => {
    const bench = new Bench().reign(b);
    bench.propose("x");
    bench.sync();
    bench.acknowledge(b, 2);
    bench.step({ kind: "read", context: 9 });
    expect(bench.acknowledge(b, 2, 3)).toEqual([]);
    expect(bench.step({ kind: "applied", index: 2 as never })).toEqual([{ kind: "read-ready", context: 9, index: 2 }]);
  });

  it("is refused before the first commit of the term (RAFT-CASES 36)", () => {
    const bench = new Bench({ log: [1] }).lead(b);
    expect(bench.step({ kind: "read", context: 9 })).toEqual([{ kind: "read-refused", context: 9, leader: a }]);
  });

  it("is ready at once where nobody else votes (1 voter)", () => {
    const bench = new Bench({ voters: [a] }).reign();
    expect(bench.step({ kind: "read", context: 9 })).toEqual([{ kind: "read-ready", context: 9, index: 1 }]);
  });

  it("is refused when the leadership ends before it is confirmed", () => {
    const bench = new Bench().reign(b);
    bench.step({ kind: "read", context: 9 });
    bench.wait(1_499);
    expect(only(bench.wait(1), "read-refused")).toEqual([{ kind: "read-refused", context: 9, leader: undefined }]);
  });

  it("gathers with others while one is out: two publishes for many", () => {
    const bench = new Bench().reign(b);
    let publishes = 0;
    for (let i = 0; i < 50; i++) publishes += messages(bench.step({ kind: "read", context: i }), "append").length;
    expect(publishes).toBe(1);
    const first = bench.acknowledge(b, 1, 2);
    expect(only(first, "read-ready")).toHaveLength(1);
    expect(messages(first, "append")).toMatchObject([{ beat: 3 }]);
    expect(only(bench.acknowledge(c, 1, 3), "read-ready")).toHaveLength(49);
  });

  it("is refused beyond the bound", () => {
    const bench = new Bench().reign(b);
    let refused = 0;
    for (let i = 0; i < 1_030; i++) refused += only(bench.step({ kind: "read", context: i }), "read-refused").length;
    expect(refused).toBe(6);
  });
});

describe("a follower's read", () => {
  const following = () => {
    const bench = new Bench({ log: [1] });
    bench.hear(b, append(1, 1, { index: 1, term: 1 }, { commit: 1 }));
    bench.step({ kind: "applied", index: 1 as never });
    return bench;
  };

  it("asks the leader, and is ready when the answer is applied here", () => {
    const bench = following();
    const [asked] = messages(bench.step({ kind: "read", context: 9 }), "read-question");
    expect(asked?.term).toBe(1);
    expect(bench.receive(b, answer(asked?.request ?? 0, 1))).toEqual([{ kind: "read-ready", context: 9, index: 1 }]);
  });

  it("is not ready by an answer to another question, of another member, or twice", () => {
    const bench = following();
    const [asked] = messages(bench.step({ kind: "read", context: 9 }), "read-question");
    const request = asked?.request ?? 0;
    expect(bench.receive(b, answer(request - 1, 1))).toEqual([]);
    expect(bench.receive(c, answer(request, 1))).toEqual([]);
    expect(bench.receive(b, answer(request, 1))).toHaveLength(1);
    expect(bench.receive(b, answer(request, 1))).toEqual([]);
  });

  it("is refused when no leader is known, when the leader refuses, changes, or does not answer", () => {
    expect(new Bench().step({ kind: "read", context: 9 })).toEqual([
      { kind: "read-refused", context: 9, leader: undefined },
    ]);
    const refusing = following();
    const [asked] = messages(refusing.step({ kind: "read", context: 9 }), "read-question");
    expect(only(refusing.receive(b, answer(asked?.request ?? 0, undefined)), "read-refused")).toHaveLength(1);
    const changing = following();
    changing.step({ kind: "read", context: 9 });
    expect(only(changing.hear(c, append(2, 1, { index: 1, term: 1 })), "read-refused")).toHaveLength(1);
    const silent = following();
    silent.step({ kind: "read", context: 9 });
    silent.wait(1_900);
    silent.hear(b, append(1, 2, { index: 1, term: 1 }));
    expect(only(silent.wait(600), "read-refused")).toHaveLength(1);
  });

  it("is confirmed by the leader as its own are", () => {
    const bench = new Bench().reign(b);
    expect(messages(bench.receive(c, question(77)), "append")).toHaveLength(1);
    expect(bench.acknowledge(b, 1, 2)).toEqual([
      { kind: "send", to: c, message: { kind: "read-answer", term: 1, request: 77, index: 1 } },
    ]);
  });

  it("that reaches no leader is answered so", () => {
    expect(messages(new Bench({ term: 1 }).receive(c, question(77)), "read-answer")).toEqual([answer(77, undefined)]);
  });
});
