// Invariant D (PROTOCOLS, "Counting each reading once", "monotone"): `counted`, and the counts of a key's editions, never fall
// within a generation; and each move begins exactly where its origin stands, so ranges neither overlap nor leave a hole.

import type { Lineage } from "../books/committed-entries.ts";
import { type CommittedItem, itemIdOf, publishedWindow } from "../books/committed-items.ts";
import { keyName } from "../books/expected-definitions.ts";
import { booksOf } from "../books/site-books.ts";
import { type CheckerOf, Violation } from "../checker.ts";

const name = "counting-monotone";

interface Edition {
  readonly edition: number;
  readonly count: number;
}

export const countingMonotone: CheckerOf = (world) => {
  /** Of each lineage its own: what an older generation published may be more. */
  const editions = new WeakMap<Lineage, Map<string, Edition>>();

  const published = (lineage: Lineage, item: CommittedItem): void => {
    const body = itemIdOf(item.payload)?.body;
    const told = body === undefined ? undefined : publishedWindow(body);
    if (told === undefined || told.adds) return;
    const known = editions.get(lineage) ?? new Map<string, Edition>();
    editions.set(lineage, known);
    const key = keyName(told.key);
    const before = known.get(key) ?? { edition: 0, count: 0 };
    const { edition, amount } = told;
    // A window's first edition in a later generation may be its third; a merged item's is one more than any of its windows' was.
    const isNext = told.replaces === undefined ? edition === before.edition + 1 : edition > before.edition;
    if (known.has(key) && !isNext) {
      throw new Violation(name, `item ${item.number} is edition ${edition} of ${key}, after edition ${before.edition}`);
    }
    if (amount.count < before.count) {
      throw new Violation(
        name,
        `edition ${edition} of ${key} has ${amount.count} readings, the one before ${before.count}`,
      );
    }
    known.set(key, { edition, count: amount.count });
  };

  return {
    name,
    applied: ({ self, replica }) => {
      const { applying } = booksOf(world);
      if (applying === undefined) return;
      const { lineage, known, isFirst, items } = applying;
      const places = new Map(known.moves.map(({ origin, to }) => [origin, to]));
      for (const [origin, place] of places) {
        const counted = replica.state.counted(origin);
        if (counted === place) continue;
        throw new Violation(
          name,
          `at ${self}, entry ${known.index} moves ${origin} to ${place}, and ${counted} is counted`,
        );
      }
      if (!isFirst) return;
      for (const { origin, from, to, stood } of known.moves) {
        if (from !== stood || to <= from) {
          throw new Violation(name, `entry ${known.index} moves ${origin} from ${from} to ${to}; it stood at ${stood}`);
        }
      }
      for (const item of items) published(lineage, item);
    },
  };
};
