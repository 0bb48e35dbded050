// Invariant A (PROTOCOLS, "Counting each reading once", "immutable"): a taken reading's number, stamp and, once counted, key never
// change; numbers of an origin have no holes below the last taken. Here: numbers as they are synced, and definitions, which decide
// keys. That stamps and values are the same at every fold shows in the sums (conservation).
//
// Numbers go on without a hole on one card, through restarts and new incarnations. Only where the site has counted more of the
// incarnation before than this card has (a copy made earlier), numbering goes on behind what is counted.

import type { DefinitionVersion } from "../../../src/readings/types.ts";
import type { Lineage } from "../books/committed-entries.ts";
import type { ExpectedVersion } from "../books/expected-definitions.ts";
import { type ExpectedAggregations, keepsPlaces } from "../books/expected-groups.ts";
import { booksOf, type SiteBooks } from "../books/site-books.ts";
import { type CheckerOf, Violation } from "../checker.ts";

const name = "readings-immutable";

export const readingsImmutable: CheckerOf = (world) => {
  const books = booksOf(world);
  /** The newest stamp that is counted, as the cards have it, and where versions begin that the site has. */
  const seen = new WeakMap<Lineage, { newest: number; beginnings: readonly number[] }>();
  return {
    name,
    synced: () => checkNumbers(books),
    recovered: () => checkNumbers(books),
    applied: ({ replica: { state } }) => {
      const { applying } = books;
      if (applying === undefined || !applying.isFirst) return;
      const { lineage, known } = applying;
      const before = seen.get(lineage) ?? { newest: 0, beginnings: [] };
      const newest = Math.max(before.newest, ...known.moves.map((move) => move.newest));
      if (known.kind !== "configure" || !known.isDone) {
        if (newest > before.newest) seen.set(lineage, { ...before, newest });
        return;
      }
      const { versions } = state.definitions;
      for (const { from } of before.beginnings.length === 0 ? [] : versions) {
        if (from > newest || before.beginnings.includes(from) || from === 0) continue;
        const detail = `definitions that begin at ${from}, and readings stamped ${newest} are counted already`;
        throw new Violation(name, `entry ${known.index} makes ${detail}`);
      }
      seen.set(lineage, { newest, beginnings: versions.map(({ from }) => from) });
      compareVersions(versions, lineage.facts.versions, known.index);
    },
  };
};

function checkNumbers({ sequences, lineages }: SiteBooks): void {
  const { newest } = sequences;
  if (newest === undefined || newest.payload.kind !== "readings") return;
  const { lastBefore, sequence } = newest;
  const { first } = newest.payload;
  if (first === lastBefore + 1) return;
  const origin = sequences.originOn(sequence.card);
  if (first <= lastBefore) {
    throw new Violation(name, `${origin} gives number ${first} again: ${lastBefore} is synced on ${sequence.card}`);
  }
  const isInherited = origin !== undefined && lineages.some(({ began }) => began.get(origin) === first - 1);
  if (isInherited) return;
  throw new Violation(name, `${origin} takes number ${first} after ${lastBefore}: there is a hole on ${sequence.card}`);
}

/** Found to say the same: most versions stay as they are for many entries. */
const agreed = new WeakMap<DefinitionVersion, ExpectedVersion>();

function compareVersions(
  shown: readonly DefinitionVersion[],
  expected: readonly ExpectedVersion[],
  index: number,
): void {
  const beginnings = (versions: readonly { readonly from: number }[]): string =>
    versions.map(({ from }) => from).join(", ");
  if (beginnings(shown) !== beginnings(expected)) {
    const both = `definitions begin at ${beginnings(shown)} after entry ${index}, and should at ${beginnings(expected)}`;
    throw new Violation(name, both);
  }
  for (const [place, version] of shown.entries()) {
    const known = expected[place];
    if (known === undefined || agreed.get(version) === known) continue;
    const { from, aggregations } = version;
    const own: ExpectedAggregations = new Map(
      aggregations.map(({ name: aggregation, window, sensors }) => [aggregation, { window, places: sensors }]),
    );
    if (!keepsPlaces(own, known.aggregations) || !keepsPlaces(known.aggregations, own)) {
      const detail = `the definitions from ${from} on are not what the configuration of entry ${index} says`;
      throw new Violation(name, detail);
    }
    agreed.set(version, known);
  }
}
