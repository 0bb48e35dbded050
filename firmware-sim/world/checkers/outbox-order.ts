// Promise P5 (DESIGN §1 and §9): items reach the uplink in the order of their numbers, in each generation, without a gap; a repeat
// is byte for byte the same, on the same topic, under the same id. And an item is a function of committed state: what reaches the
// uplink is what apply made, and every replica made the same.
//
// A number may be left out, or come late, if the committed log replaced it by a merged item (docs/decisions/0006): a coordinator that
// knows sends the merged one under its own, higher number, and one that does not know yet may still send the other. Whatever the
// site knows to be acknowledged has come, or something stands for it that comes later.

import type { Lineage } from "../books/committed-entries.ts";
import { type CommittedItem, type ItemId, itemDigest, itemIdOf } from "../books/committed-items.ts";
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
  /** Up to where everything came or was replaced. */
  const complete = new WeakMap<Lineage, number>();
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
      const id = itemIdOf(publish.payload)?.id;
      if (id === undefined) return;
      const arrived = generations.get(id.generation) ?? { highest: 0, digests: new Map<number, string>() };
      generations.set(id.generation, arrived);
      const { topic } = publish;
      const digest = itemDigest(publish);
      const isRepeat = checkRepeat(arrived, id, { topic, digest });
      if (isRepeat) return;
      checkOrder(books, arrived, id, topic);
      checkMade(books, publish, id);
      arrived.highest = Math.max(arrived.highest, id.number);
      arrived.digests.set(id.number, digest);
    },
    second: () => {
      for (const life of world.lives()) {
        const lineage = books.lineageOf(life);
        if (lineage === undefined) continue;
        const { cursor } = life.replica.state;
        const from = complete.get(lineage) ?? 0;
        for (let number = from + 1; number <= cursor; number++) checkArrived(generations, lineage, number);
        complete.set(lineage, Math.max(from, cursor));
      }
    },
    healed: () => {
      const reached = Math.max(0, ...[...generations.values()].map(({ highest }) => highest));
      for (let number = 1; number <= reached; number++) {
        const item = books.newest?.told.inForceFor(number);
        if (item === undefined || hasCome(generations, item.id)) continue;
        throw new Violation(name, `item ${number} never came, nor what stands for it, ${show(item.id)}`);
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

const hasCome = (generations: ReadonlyMap<number, Arrived>, { generation, number }: ItemId): boolean =>
  generations.get(generation)?.digests.has(number) === true;

function checkArrived(generations: ReadonlyMap<number, Arrived>, { told }: Lineage, number: number): void {
  const item = told.get(number);
  if (item === undefined || item.replacedBy !== undefined || hasCome(generations, item.id)) return;
  throw new Violation(name, `the cursor is past item ${show(item.id)}, which never came`);
}

function checkRepeat({ digests }: Arrived, id: ItemId, { topic, digest }: { topic: string; digest: string }): boolean {
  const before = digests.get(id.number);
  if (before === undefined) return false;
  if (before !== digest) throw new Violation(name, `item ${show(id)} comes again with other bytes, on ${topic}`);
  return true;
}

/** A generation's first item goes on from the one before it. */
function checkOrder({ lineages }: SiteBooks, { highest, digests }: Arrived, id: ItemId, topic: string): void {
  const isReplaced = (number: number): boolean =>
    lineages.some(({ told }) => told.get(number)?.replacedBy !== undefined);
  if (id.number <= highest && !isReplaced(id.number)) {
    throw new Violation(name, `item ${show(id)} comes on ${topic} after ${id.generation}.${highest}`);
  }
  if (digests.size === 0 && id.generation > 1) return;
  for (let number = highest + 1; number < id.number; number++) {
    if (isReplaced(number)) continue;
    throw new Violation(
      name,
      `item ${show(id)} comes after ${id.generation}.${highest}, and nothing replaces ${number}`,
    );
  }
}

function checkMade({ lineages }: SiteBooks, { topic, payload, retain }: UplinkPublish, id: ItemId): void {
  const own = itemDigest({ topic: topic.replace(/^skein\/1\/[^/]+\//, ""), payload, retain });
  const isMade = lineages.some((lineage) => lineage.items.get(show(id)) === own);
  if (!isMade) throw new Violation(name, `item ${show(id)} on ${topic} is not what any replica made`);
}
