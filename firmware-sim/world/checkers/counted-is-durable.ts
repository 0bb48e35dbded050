// Invariant B (PROTOCOLS, "Counting each reading once", "durable first"): `counted[o]` ≤ the last number whose sync had returned on
// o's card, after every apply at every replica. Only the origins of which an entry speaks can have moved.

import type { MemberKey } from "../../../src/base/ids.ts";
import { memberKey } from "../../../src/base/ids.ts";
import { booksOf } from "../books/site-books.ts";
import { type CheckerOf, Violation } from "../checker.ts";

const name = "counted-is-durable";

export const countedIsDurable: CheckerOf = (world) => {
  const { sequences } = booksOf(world);
  return {
    name,
    applied: ({ self, replica }) => {
      const { applying } = booksOf(world);
      if (applying === undefined) return;
      const { lineage, known } = applying;
      const origins: readonly MemberKey[] = [...known.moves.map(({ origin }) => origin), ...known.joins.map(memberKey)];
      for (const origin of origins) {
        const counted = replica.state.counted(origin) ?? 0;
        // What an heir inherited lay on the card of the origin before it.
        const durable = Math.max(sequences.last(origin) ?? 0, lineage.began.get(origin) ?? 0);
        if (counted <= durable) continue;
        const detail = `${origin} is counted up to ${counted}, and ${durable} is the last number that its card has synced`;
        throw new Violation(name, `at ${self} after ${known.index}, ${detail}`);
      }
    },
  };
};
