// Site time (DESIGN §6): along the committed log it never decreases; on each device given stamps never decrease; and what is
// counted bears no stamp that is more than 2 s ahead of the entry that counts it, nor any above the entry's own `stampMax`.
//
// Stamps that a record gives afterwards, to readings taken without site time, are reconstructed: they keep their order among
// themselves, and are not compared with others.

import type { Lineage } from "../books/committed-entries.ts";
import { booksOf } from "../books/site-books.ts";
import { type CheckerOf, Violation } from "../checker.ts";

const name = "site-time";
const leadMax = 2_000;

export const siteTimeChecker: CheckerOf = (world) => {
  const books = booksOf(world);
  /** Of the newest entry that bears a time; the first entries of a site bear none. */
  const newest = new WeakMap<Lineage, number>();
  const newestIn = (lineage: Lineage): number => newest.get(lineage) ?? 0;
  /** By card: the last stamp that its present life gave. */
  const lastStamps = new Map<string, number>();
  return {
    name,
    lifeBegan: ({ card }) => lastStamps.delete(card),
    synced: () => {
      const record = books.sequences.newest;
      if (record?.payload.kind !== "readings" || record.payload.unstampedIn !== undefined) return;
      const { card } = record.sequence;
      let last = lastStamps.get(card) ?? 0;
      for (const { time, sensor } of record.payload.readings) {
        if (time < last) {
          const origin = books.sequences.originOn(card);
          throw new Violation(name, `${origin} stamps a reading of ${sensor} with ${time} after one with ${last}`);
        }
        last = time;
      }
      lastStamps.set(card, last);
    },
    applied: ({ self, replica }) => {
      const { applying } = books;
      if (applying === undefined) return;
      const { lineage, known, isFirst } = applying;
      const { index, siteTime, stampMax } = known;
      if (isFirst) {
        if (siteTime !== 0 && siteTime < newestIn(lineage)) {
          throw new Violation(name, `entry ${index} bears ${siteTime}, and one before it ${newestIn(lineage)}`);
        }
        newest.set(lineage, Math.max(siteTime, newestIn(lineage)));
        for (const { origin, newest: stamp } of known.moves) {
          if (stamp > siteTime + leadMax) {
            throw new Violation(name, `entry ${index} of ${siteTime} counts a reading of ${origin} stamped ${stamp}`);
          }
          if (stamp > stampMax) {
            throw new Violation(name, `entry ${index} says ${stampMax} is its newest stamp; ${origin} has ${stamp}`);
          }
        }
      }
      const floor = replica.state.siteTimeFloor;
      if (known.kind !== undefined && isFirst && floor !== lineage.facts.floor) {
        throw new Violation(
          name,
          `${self} is at ${floor} after ${index}, and ${lineage.facts.floor} is the newest time in the log`,
        );
      }
    },
  };
};
