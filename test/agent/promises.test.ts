import { expect, it } from "vitest";
import { Promises } from "../../src/agent/promises.ts";
import { type MemberKey, memberKey } from "../../src/base/ids.ts";
import { logIndex, term } from "../../src/base/units.ts";
import type { RaftMessage } from "../../src/raft/types.ts";
import { memberNamed } from "../mqtt/site-of-devices.ts";

const a: MemberKey = memberKey(memberNamed("a"));
const first = { session: 4, start: 40 };
const second = { session: 5, start: 50 };
const leading = { term: term(7), from: logIndex(100) };
const ack = (match: number, of = 7): RaftMessage => ({
  kind: "append-ack",
  term: term(of),
  beat: 1,
  match: logIndex(match),
});
const began = (of: number, lastIndex: number, lastTerm = of) => ({
  term: term(of),
  lastIndex: logIndex(lastIndex),
  lastTerm: term(lastTerm),
});

it("a card that begins with less than an earlier run acknowledged in this term has gone back", () => {
  const promises = new Promises();
  promises.heard(a, first, ack(150));
  expect(promises.contradiction(a, second, began(7, 149), leading)).toMatch(
    /acknowledged entry 150.*ends at entry 149/,
  );
  expect(promises.contradiction(a, second, began(7, 150), leading)).toBeUndefined();
  expect(promises.contradiction(a, second, began(8, 140, 8), leading)).toMatch(/entry 150/);
});

it("a longer log of an older term is not what was acknowledged", () => {
  const promises = new Promises();
  promises.heard(a, first, ack(150));
  expect(promises.contradiction(a, second, began(7, 400, 6), leading)).toMatch(/ends at entry 400 of term 6/);
});

it("a term that is missing on the card is a vote or an acknowledgement that was forgotten", () => {
  const promises = new Promises();
  promises.heard(a, first, { kind: "vote-reply", term: term(7), attempt: 1, granted: true });
  expect(promises.contradiction(a, second, began(6, 400), leading)).toMatch(/took part in term 7.*knows term 6/);
});

it("of an earlier term only the term counts: a later coordinator may have cut the log back", () => {
  const promises = new Promises();
  promises.heard(a, first, ack(150, 6));
  expect(promises.contradiction(a, second, began(6, 90), leading)).toBeUndefined();
});

it("what a run says itself, or a later one, is never held against it, in whatever order it comes", () => {
  const promises = new Promises();
  const third = { session: 6, start: 60 };
  for (const [run, match] of [
    [second, 120],
    [first, 110],
    [second, 180],
    [third, 190],
    [first, 112],
  ] as const)
    promises.heard(a, run, ack(match));
  expect(promises.contradiction(a, second, began(7, 115), leading)).toBeUndefined();
  expect(promises.contradiction(a, second, began(7, 111), leading)).toMatch(/entry 112/);
  expect(promises.contradiction(a, third, began(7, 179), leading)).toMatch(/entry 180/);
});

it("two runs with one session are not one", () => {
  const promises = new Promises();
  promises.heard(a, second, ack(150));
  expect(promises.contradiction(a, { session: 5, start: 51 }, began(7, 149), leading)).toBeDefined();
});
