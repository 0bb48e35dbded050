import { expect, it } from "vitest";
import { CardBook } from "../../../../firmware-sim/world/books/card-book.ts";
import { instant, logIndex } from "../../../../src/base/units.ts";
import type { Entry, HardState, LogStart } from "../../../../src/raft/types.ts";
import { encodeRecord } from "../../../../src/replica/raft-log.ts";
import { a, b, c, limits, timing } from "../../../raft/kit.ts";
import { command, hardState, noop, startAt } from "./story.ts";

const voters = [a, b, c];
const initial = { self: b, timing, limits, random: () => 0, now: instant(0) };
const record = (
  card: CardBook,
  position: number,
  what: {
    restart?: LogStart;
    start?: LogStart;
    hardState?: HardState;
    truncateAfter?: number;
    entries?: readonly Entry[];
  },
) => {
  const truncateAfter = what.truncateAfter === undefined ? undefined : logIndex(what.truncateAfter);
  const payload = encodeRecord({ entries: [], ...what, truncateAfter }, logIndex(0));
  return card.record(position, payload);
};
const entries = [noop(1, 1), command(2, 1), command(3, 1)];

it("a card holds what its records say, and by their terms", () => {
  const card = new CardBook("card");
  record(card, 1, { restart: startAt(0, 0, voters) });
  record(card, 2, { hardState: hardState(1, a), entries });
  expect([0, 1, 3, 4].map((index) => card.holds(index, 1))).toEqual([true, true, true, false]);
  expect(card.holds(3, 2)).toBe(false);
  expect(card.hardState).toEqual(hardState(1, a));
});

it("says what a truncation takes away, and holds what replaces it", () => {
  const card = new CardBook("card");
  record(card, 1, { entries });
  expect(record(card, 2, { truncateAfter: 1, entries: [noop(2, 2)] })).toEqual({ from: 1, terms: [1, 1] });
  expect([card.holds(2, 1), card.holds(2, 2), card.holds(3, 1)]).toEqual([false, true, false]);
});

it("a compacted log stands for what it forgot, and keeps what is behind", () => {
  const card = new CardBook("card");
  record(card, 1, { entries });
  expect(record(card, 2, { start: startAt(2, 1, voters) })).toBeUndefined();
  expect([card.holds(1, 7), card.holds(3, 1), card.holds(4, 1)]).toEqual([true, true, false]);
  record(card, 3, { entries: [command(4, 1)] });
  expect(card.last).toBe(4);
});

it("the term that it wakes up in is that of its newest entry, where no later one was stored", () => {
  const card = new CardBook("card");
  record(card, 1, { hardState: hardState(1) });
  record(card, 2, { restart: startAt(9, 4, voters) });
  expect(card.term).toBe(4);
});

it("another log on the same card begins with nothing", () => {
  const card = new CardBook("card");
  card.member = a;
  record(card, 1, { restart: startAt(0, 0, voters) });
  record(card, 2, { hardState: hardState(3, b), entries });
  record(card, 1, { restart: startAt(0, 0, voters) });
  expect([card.member, card.hardState.term, card.last]).toEqual([undefined, 0, 0]);
});

it("another incarnation's log may have been filled where nobody looked, and goes on from there", () => {
  const card = new CardBook("card");
  record(card, 9, { restart: startAt(0, 0, voters) });
  const found = { hardState: hardState(1), start: startAt(7, 1, voters), entries: [], checkpoint: undefined };
  card.opened(2);
  expect(card.found(b, { ...initial, ...found })).toBeUndefined();
  record(card, 3, { entries: [command(8, 1)] });
  expect([card.member, card.last, card.holds(8, 1)]).toEqual([b, 8, true]);
});

it("a log with a hole is no log", () => {
  const card = new CardBook("card");
  expect(() => record(card, 1, { entries: [noop(1, 1), command(3, 1)] })).toThrow(
    /puts entry 3 after 1: a log with a hole/,
  );
});
