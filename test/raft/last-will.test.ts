// The last will as a hint (DESIGN §4): at the most a pre-vote that fails.

import { describe, expect, it } from "vitest";
import type { RaftEffect } from "../../src/raft/types.ts";
import { a, append, Bench, b, c, d, type Message, message, messages, noop, type Options } from "./kit.ts";

const attempt = 2 ** 47;
const beat = (number: number) => append(1, number, { index: 0, term: 0 });
const left = (leader = b) => ({ kind: "leader-left", leader }) as const;
const preVoteRequest = () =>
  message<Message<"pre-vote-request">>({ kind: "pre-vote-request", term: 2, attempt: 7, lastIndex: 0, lastTerm: 0 });
const preVoteReply = (granted: boolean) =>
  message<Message<"pre-vote-reply">>({ kind: "pre-vote-reply", term: granted ? 2 : 1, attempt, granted });

/** Follows `b` in term 1, whom it has just heard. */
function follower(options: Options = {}): Bench {
  const bench = new Bench({ voters: [a, b, c, d], ...options });
  bench.hear(b, beat(1));
  return bench;
}
const asks = (effects: readonly RaftEffect[]): number => messages(effects, "pre-vote-request").length;
const isGranted = (effects: readonly RaftEffect[]): boolean | undefined =>
  messages(effects, "pre-vote-reply")[0]?.granted;

describe("a voter that is told that its leader left", () => {
  it.each([
    ["first", a, 22],
    ["second", c, 37],
    ["third", d, 52],
  ])("asks for an election in its turn, long before its timeout (%s in the configuration)", (_, self, after) => {
    const bench = follower({ self });
    expect(bench.step(left())).toEqual([]);
    expect(asks(bench.wait(after))).toBe(0);
    const asked = bench.wait(1);
    expect(asks(asked)).toBe(3);
    expect(bench.status).toMatchObject({ term: 1, why: "asks for an election: b left all brokers" });
  });

  it("gives another one its pre-vote, which it refused before", () => {
    const bench = follower();
    expect(isGranted(bench.receive(c, preVoteRequest()))).toBe(false);
    bench.step(left());
    expect(isGranted(bench.receive(c, preVoteRequest()))).toBe(true);
  });

  it("does not ask while the one whom it gave its pre-vote holds an election, and then does", () => {
    const bench = follower();
    bench.step(left());
    bench.receive(c, preVoteRequest());
    expect(asks(bench.wait(250))).toBe(0);
    expect(asks(bench.wait(23))).toBe(3);
  });

  it("is asked so often by another one that it would never ask: then its timeout ends that", () => {
    const bench = follower();
    bench.step(left());
    let asked = 0;
    for (let passed = 0; passed < 2_000; passed += 100) {
      bench.receive(c, preVoteRequest());
      asked += asks(bench.wait(100));
    }
    expect(asked).toBe(3);
  });

  it("still needs a majority: alone it changes nothing, and follows the leader again that speaks", () => {
    const bench = follower();
    bench.step(left());
    bench.wait(30);
    bench.receive(c, preVoteReply(false));
    bench.receive(d, preVoteReply(false));
    expect(bench.status).toMatchObject({ term: 1, role: "pre-candidate" });
    bench.hear(b, beat(2));
    expect(bench.status).toMatchObject({ term: 1, role: "follower", leader: b });
  });

  it("is sticky again once the leader is heard, and does not ask", () => {
    const bench = follower();
    bench.step(left());
    bench.hear(b, beat(2));
    expect(isGranted(bench.receive(c, preVoteRequest()))).toBe(false);
    expect(asks(bench.wait(1_000))).toBe(0);
  });

  it("does not take for the leader's voice what a thawed broker repeats (RAFT-CASES 34)", () => {
    const bench = follower();
    bench.hear(b, beat(2));
    bench.step(left());
    bench.hear(b, beat(1));
    bench.hear(b, beat(2));
    expect(asks(bench.wait(23))).toBe(3);
  });

  it("neither hurries nor waits when it is told again and again", () => {
    const bench = follower();
    let asked = 0;
    for (let passed = 0; passed < 22; passed += 2) {
      bench.step(left());
      asked += asks(bench.wait(2));
    }
    expect(asked).toBe(0);
    expect(asks(bench.wait(1))).toBe(3);
    bench.step(left());
    expect(asks(bench.wait(1_000))).toBe(0);
  });

  it.each([
    ["somebody else left", c],
    ["it left itself", a],
  ])("does nothing when it is told that %s", (_, who) => {
    const bench = follower();
    bench.step(left(who));
    expect(asks(bench.wait(1_000))).toBe(0);
    expect(isGranted(bench.receive(d, preVoteRequest()))).toBe(false);
  });

  it("does nothing of an earlier leader's will once it follows another", () => {
    const bench = follower();
    bench.hear(c, append(2, 1, { index: 0, term: 0 }));
    bench.step(left(b));
    expect(asks(bench.wait(1_000))).toBe(0);
  });

  it("gives pre-votes but never asks, if it does not vote in its own configuration", () => {
    const bench = follower({ voters: [b, c, d] });
    bench.step(left());
    expect(isGranted(bench.receive(c, preVoteRequest()))).toBe(true);
    expect(asks(bench.wait(5_000))).toBe(0);
  });

  it("does not ask while its disk hangs: it could not serve", () => {
    const bench = follower();
    bench.hear(b, append(1, 2, { index: 0, term: 0 }, { entries: [noop(1, 1)] }));
    bench.wait(1_400);
    for (let number = 3; number < 12; number++) {
      bench.hear(b, beat(number));
      bench.wait(1_400);
    }
    bench.step(left());
    expect(asks(bench.wait(100))).toBe(0);
    bench.sync();
  });
});

describe("a leader", () => {
  it("leads on when it is told that it left", () => {
    const bench = new Bench().reign(b);
    expect(bench.step(left(a))).toEqual([]);
    expect(bench.status.role).toBe("leader");
  });

  it("speaks up at once when somebody may take it for gone; others have nothing to say", () => {
    const bench = new Bench().reign(b);
    expect(messages(bench.step({ kind: "speak-up" }), "append")).toHaveLength(1);
    expect(follower().step({ kind: "speak-up" })).toEqual([]);
  });
});
