// Promise P5 (DESIGN §1 and §9): items reach the uplink in the order of their numbers, in each generation, without a gap; a repeat
// is byte for byte the same, on the same topic, under the same id. And an item is a function of committed state: what reaches the
// uplink is what apply made, and every replica made the same.
//
// A coarse item may say that it `replaces` a run of numbers ("g.first-g.last"): those never come, or came before.

import { type CommittedItem, type ItemId, itemDigest, itemIdOf, readItemId } from "../books/committed-items.ts";
import { booksOf, type SiteBooks } from "../books/site-books.ts";
import { type CheckerOf, type UplinkPublish, Violation } from "../checker.ts";

const name = "outbox-order";

/** What of one generation has come. */
interface Arrived {
  highest: number;
  readonly digests: Map<number, string>;
}

export const outboxOrder: CheckerOf = (world) => {
  const books = booksOf(world);
  const generations = new Map<number, Arrived>();
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
        if (before === undefined && isFirst) lineage.items.set(known.index, id, digest);
        else if (before !== digest) {
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
      const { id, body } = read;
      const arrived = generations.get(id.generation) ?? { highest: 0, digests: new Map<number, string>() };
      generations.set(id.generation, arrived);
      const { topic } = publish;
      const digest = itemDigest(publish);
      const { replaces } = body;
      const isRepeat = checkRepeat(arrived, id, { topic, digest });
      if (isRepeat) return;
      checkOrder(arrived, id, firstReplaced(id, replaces));
      checkMade(books, publish, id);
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

/** A generation's first item goes on from the one before it. */
function checkOrder({ highest, digests }: Arrived, id: ItemId, replaced: number): void {
  if (digests.size === 0 && id.generation > 1) return;
  if (replaced <= highest + 1) return;
  throw new Violation(
    name,
    `item ${show(id)} comes after ${id.generation}.${highest}: ${id.number - highest - 1} never came`,
  );
}

/** The first number that the item stands for: its own where it replaces none. */
function firstReplaced(id: ItemId, replaces: unknown): number {
  if (replaces === undefined) return id.number;
  const [first, last, ...rest] = typeof replaces === "string" ? replaces.split("-").map(readItemId) : [];
  if (
    first === undefined ||
    last === undefined ||
    rest.length > 0 ||
    first.number > last.number ||
    last.number > id.number
  ) {
    throw new Violation(name, `item ${show(id)} replaces ${JSON.stringify(replaces)}, which is no run before it`);
  }
  return last.number >= id.number - 1 ? first.number : id.number;
}

function checkMade({ lineages }: SiteBooks, { topic, payload, retain }: UplinkPublish, id: ItemId): void {
  const own = itemDigest({ topic: topic.replace(/^skein\/1\/[^/]+\//, ""), payload, retain });
  const isMade = lineages.some((lineage) => lineage.items.get(show(id)) === own);
  if (!isMade) throw new Violation(name, `item ${show(id)} on ${topic} is not what any replica made`);
}
