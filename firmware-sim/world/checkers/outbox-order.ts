// Promise P5 (DESIGN §1 and §9): items reach the uplink in the order of their numbers, in each generation, without a gap; a repeat
// is byte for byte the same, on the same topic, under the same id. And an item is a function of committed state: what reaches the
// uplink is what apply made, and every replica made the same.
//
// A coarser item may say that it `replaces` others ("1.17-1.90,1.120-1.131", docs/counting.md): those numbers may never come. A
// gap is none only if an item that apply made names it; and when the site has healed, one that came.

import { type CommittedItem, type ItemId, itemDigest, itemIdOf, readItemId } from "../books/committed-items.ts";
import { booksOf, type SiteBooks } from "../books/site-books.ts";
import { type CheckerOf, type UplinkPublish, Violation } from "../checker.ts";

const name = "outbox-order";

/** What of one generation has come. */
interface Arrived {
  highest: number;
  readonly digests: Map<number, string>;
  /** Numbers that were passed over. */
  readonly empty: Set<number>;
}

interface NumberRange {
  readonly first: number;
  readonly last: number;
}

export const outboxOrder: CheckerOf = (world) => {
  const books = booksOf(world);
  const generations = new Map<number, Arrived>();
  /** What items say that they replace: those that apply made, and those that came. */
  const made: NumberRange[] = [];
  const came: NumberRange[] = [];
  return {
    name,
    applied: ({ self }) => {
      const { applying } = books;
      if (applying === undefined) return;
      const { lineage, known, isFirst, items } = applying;
      for (const item of items) {
        const id = idOf(item);
        const digest = itemDigest(item);
        const before = lineage.items.get(id);
        if (before === undefined && isFirst) {
          lineage.items.set(known.index, id, digest);
          made.push(...rangesOf(item));
        } else if (before !== digest) {
          throw new Violation(
            name,
            `${self} makes another item ${id} of entry ${known.index} than who applied it first`,
          );
        }
      }
    },
    uplink: (publish) => {
      const read = itemIdOf(publish.payload);
      if (read === undefined) return;
      const { id } = read;
      const arrived = generations.get(id.generation) ?? {
        highest: 0,
        digests: new Map<number, string>(),
        empty: new Set(),
      };
      generations.set(id.generation, arrived);
      const { topic } = publish;
      const digest = itemDigest(publish);
      const isRepeat = checkRepeat(arrived, id, { topic, digest });
      if (isRepeat) return;
      checkOrder(arrived, id, made);
      checkMade(books, publish, id);
      came.push(...rangesOf(publish));
      arrived.highest = id.number;
      arrived.digests.set(id.number, digest);
    },
    second: () => {
      // Numbers go on through generations: an older one may have had the last.
      const reached = Math.max(0, ...[...generations.values()].map(({ highest }) => highest));
      const cursor = Math.max(0, ...[...world.lives()].map(({ replica }) => replica.state.cursor));
      if (cursor > reached)
        throw new Violation(name, `the cursor is at ${cursor}, and ${reached} is the last item that came`);
    },
    healed: () => {
      for (const [generation, { empty }] of generations) {
        for (const number of empty) {
          if (!isNamed(number, came)) {
            throw new Violation(name, `item ${generation}.${number} never came, and none that came replaces it`);
          }
        }
      }
    },
  };
};

const show = ({ generation, number }: ItemId): string => `${generation}.${number}`;

function idOf({ number, payload }: CommittedItem): string {
  const id = itemIdOf(payload)?.id;
  if (id?.number !== number)
    throw new Violation(name, `item ${number} bears the id ${id === undefined ? "of none" : show(id)}`);
  return show(id);
}

function checkRepeat(
  { digests, highest }: Arrived,
  id: ItemId,
  { topic, digest }: { topic: string; digest: string },
): boolean {
  const before = digests.get(id.number);
  if (before === undefined) {
    if (id.number <= highest)
      throw new Violation(name, `item ${show(id)} comes on ${topic} after ${id.generation}.${highest}`);
    return false;
  }
  if (before !== digest) throw new Violation(name, `item ${show(id)} comes again with other bytes, on ${topic}`);
  return true;
}

/** A generation's first item goes on from the one before it. Numbers between are empty because an item replaces them. */
function checkOrder({ highest, digests, empty }: Arrived, id: ItemId, made: readonly NumberRange[]): void {
  if (digests.size === 0 && id.generation > 1) return;
  for (let number = highest + 1; number < id.number; number++) {
    if (!isNamed(number, made)) {
      throw new Violation(
        name,
        `item ${show(id)} comes after ${id.generation}.${highest}, and nothing replaces ${number}`,
      );
    }
    empty.add(number);
  }
}

const isNamed = (number: number, ranges: readonly NumberRange[]): boolean =>
  ranges.some(({ first, last }) => first <= number && number <= last);

/** What the item says that it replaces. Numbers go on through generations, so they alone say where. */
function rangesOf({ payload }: Pick<CommittedItem, "payload">): readonly NumberRange[] {
  const read = itemIdOf(payload);
  if (read?.body["replaces"] === undefined) return [];
  const { id, body } = read;
  const { replaces } = body;
  const ranges =
    typeof replaces === "string" ? replaces.split(",").map((range) => range.split("-").map(readItemId)) : [];
  return ranges.map(([first, last, ...rest]) => {
    const isRun = first !== undefined && last !== undefined && rest.length === 0 && first.number <= last.number;
    if (!isRun || last.number >= id.number) {
      throw new Violation(name, `item ${show(id)} replaces ${JSON.stringify(replaces)}, which are no runs before it`);
    }
    return { first: first.number, last: last.number };
  });
}

function checkMade({ lineages }: SiteBooks, { topic, payload, retain }: UplinkPublish, id: ItemId): void {
  const own = itemDigest({ topic: topic.replace(/^skein\/1\/[^/]+\//, ""), payload, retain });
  const isMade = lineages.some((lineage) => lineage.items.get(show(id)) === own);
  if (!isMade) throw new Violation(name, `item ${show(id)} on ${topic} is not what any replica made`);
}
