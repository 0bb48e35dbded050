// The books that the checkers of counting share: what the cards hold, what the committed log says, and what the outbox held. Kept
// once for a world, by a checker that stands before the others and is told everything first.

import type { Entry } from "../../../src/raft/types.ts";
import type { Applied } from "../../../src/site/types.ts";
import { type CheckerOf, Violation, type WatchedLife } from "../checker.ts";
import { type KnownEntry, Lineage } from "./committed-entries.ts";
import { type CommittedItem, itemsSince } from "./committed-items.ts";
import { perWorld } from "./per-world.ts";
import { ReadingSequences } from "./reading-sequences.ts";
import type { ToldMerge } from "./told-items.ts";

/** What is being applied at this moment. */
export interface Applying {
  readonly lineage: Lineage;
  readonly known: KnownEntry;
  /** No other replica applied it before. */
  readonly isFirst: boolean;
  /** What it put into the outbox. */
  readonly items: readonly CommittedItem[];
  /** Those of them that stand for others, and for which; only of the first replica that applies it. */
  readonly merges: readonly ToldMerge[];
}

/** More of them are no recovery, but a site that falls apart. */
const lineagesMax = 16;

export class SiteBooks {
  readonly sequences = new ReadingSequences((revision) =>
    this.lineages
      .toReversed()
      .map(({ versions }) => versions.get(revision))
      .find((each) => each !== undefined),
  );
  readonly lineages: Lineage[] = [];
  readonly #lineageOf = new Map<number, Lineage>();
  /** Number of the next item, by life. */
  readonly #nextItem = new Map<number, number>();
  /** Undefined: an entry of so long ago that nobody remembers what it did. */
  applying: Applying | undefined;

  applied(life: WatchedLife, entry: Entry, applied: Applied | undefined): void {
    const lineage = this.#find(life, entry);
    this.#lineageOf.set(life.number, lineage);
    this.#apply(life, entry, applied, { lineage, isFirst: entry.index > lineage.head });
  }

  /** A lineage that parts from the one whose entries up to `committed` the life has. */
  generationBegan(life: WatchedLife, committed: number): void {
    const parent = this.newest;
    if (parent === undefined) throw new Violation("committed-entries", "a site is recovered that was never founded");
    this.#lineageOf.set(life.number, this.#add(new Lineage(Math.min(committed, parent.head), parent)));
    this.began(life);
  }

  adopted(life: WatchedLife, entry: Entry, applied: Applied | undefined): void {
    const lineage = this.lineageOf(life);
    if (lineage !== undefined) this.#apply(life, entry, applied, { lineage, isFirst: true });
  }

  #apply(
    life: WatchedLife,
    entry: Entry,
    applied: Applied | undefined,
    { lineage, isFirst }: { readonly lineage: Lineage; readonly isFirst: boolean },
  ): void {
    const known = isFirst ? lineage.append(entry, applied, this.sequences) : lineage.entry(entry.index);
    const items = this.#itemsOf(life, applied);
    const merges = isFirst ? items.flatMap((item) => lineage.told.add(entry.index, item) ?? noMerges) : noMerges;
    this.applying = known === undefined ? undefined : { lineage, known, isFirst, items, merges };
  }

  /** The state of `life` came from its card or from a snapshot. */
  began({ number, replica }: WatchedLife): void {
    this.#nextItem.set(number, replica.state.outbox.next);
  }

  ended({ number }: WatchedLife): void {
    this.#lineageOf.delete(number);
    this.#nextItem.delete(number);
  }

  /** Whose log `life` follows; undefined until it has applied an entry. */
  lineageOf({ number }: WatchedLife): Lineage | undefined {
    return this.#lineageOf.get(number);
  }

  /** Of the newest generation. */
  get newest(): Lineage | undefined {
    const generation = ({ facts }: Lineage): number => facts.generation?.number ?? 0;
    return this.lineages.reduce<Lineage | undefined>(
      (best, each) =>
        best === undefined ||
        generation(each) > generation(best) ||
        (generation(each) === generation(best) && each.head > best.head)
          ? each
          : best,
      undefined,
    );
  }

  #itemsOf({ number, replica: { state } }: WatchedLife, applied: Applied | undefined): readonly CommittedItem[] {
    if (applied?.touched.has("outbox") !== true) return noItems;
    const items = itemsSince(state, this.#nextItem.get(number) ?? 1);
    this.#nextItem.set(number, state.outbox.next);
    return items;
  }

  #find(life: WatchedLife, { index, term }: Entry): Lineage {
    const own = this.#lineageOf.get(life.number);
    const lineages = own === undefined ? this.lineages.toReversed() : [own, ...this.lineages.toReversed()];
    const same = lineages.find((lineage) => lineage.entry(index)?.term === term);
    if (same !== undefined) return same;
    const next = lineages.find(({ head }) => head === index - 1);
    if (next !== undefined) return next;
    const [likely] = lineages;
    if (likely === undefined) return this.#add(new Lineage(index - 1));
    if (index > likely.head) {
      throw new Violation("committed-entries", `${life.self} applies ${index}, and nobody has applied those before it`);
    }
    const isForgotten = likely.entry(index) === undefined;
    return isForgotten ? likely : this.#add(new Lineage(index - 1, likely));
  }

  #add(lineage: Lineage): Lineage {
    if (this.lineages.length >= lineagesMax) {
      throw new Violation("committed-entries", "replicas apply other entries at the same index, again and again");
    }
    this.lineages.push(lineage);
    return lineage;
  }
}

const noItems: readonly CommittedItem[] = [];
const noMerges: readonly ToldMerge[] = [];
/** The same for all checkers of one world. */
export const booksOf = perWorld(() => new SiteBooks());

/** Stands before all checkers that ask the books. */
export const siteBooks: CheckerOf = (world) => {
  const books = booksOf(world);
  return {
    name: "site-books",
    lifeBegan: (life) => {
      books.sequences.lifeBegan(life);
      books.began(life);
    },
    lifeEnded: (life) => books.ended(life),
    applied: (life, entry, outcome) => books.applied(life, entry, outcome),
    generationBegan: (life, committed) => books.generationBegan(life, committed),
    adopted: (life, entry, outcome) => books.adopted(life, entry, outcome),
    replaced: (life) => books.began(life),
    synced: (record) => books.sequences.synced(record),
    recovered: (record) => books.sequences.recovered(record),
    cardLost: (card, what) => {
      if (what === "everything") books.sequences.lost(card);
      if (what === "readings") books.sequences.rotted(card);
    },
    cardCopied: (card, copy) => books.sequences.copied(card, copy),
  };
};
