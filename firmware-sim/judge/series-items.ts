// Which items of one series count: the rule that docs/counting.md ("For whoever adds up") and docs/topics.md ("Items of the dashboard
// topic, and generations") give to consumers, for whoever adds up here: the judge, and the world's checkers.
//
// Of the editions of a window the highest id, and all supplements; without what an item that came replaces. An item of a lost
// majority is void, and replaces nothing: what it had replaced counts again. So nothing that came is forgotten while it may count.

import { compareItemIds, type ItemId, type ItemRange } from "../../src/site/item-id.ts";

export interface SeriesItem {
  readonly place: ItemId;
  /** Of its window, or of those merged in it. */
  readonly start: number;
  /** Not included. */
  readonly end: number;
  /** A supplement. */
  readonly adds: boolean;
  /** Of a merged item: it stands for the items of its series, with the same `adds`, in these ranges. */
  readonly replaces: readonly ItemRange[] | undefined;
}

/** A span of site time in which nothing of a series overlaps with anything outside it: a window, or several merged. */
export interface ItemSpan<Item> {
  readonly start: number;
  readonly end: number;
  readonly items: readonly Item[];
}

export class SeriesItems<Item extends SeriesItem> {
  #items: Item[] = [];
  #replacing: Item[] = [];
  /** By start. */
  readonly #editions = new Map<number, Item>();
  readonly #supplements = new Set<Item>();

  /** The first arrival of an item that is not void. Answers the edition in whose place it counts, if there is one. */
  add(item: Item): Item | undefined {
    this.#items.push(item);
    if (item.replaces !== undefined) {
      this.#replacing.push(item);
      this.#addUp(this.#items.slice(0, -1));
    }
    const before = this.#editions.get(item.start);
    this.#count(item);
    return this.#editions.get(item.start) === item ? before : undefined;
  }

  /** These count no more, and replace nothing. */
  drop(isVoid: (place: ItemId) => boolean): void {
    const kept = this.#items.filter(({ place }) => !isVoid(place));
    if (kept.length === this.#items.length) return;
    this.#items = kept;
    this.#replacing = kept.filter(({ replaces }) => replaces !== undefined);
    this.#addUp(kept);
  }

  counting(): readonly Item[] {
    return [...this.#editions.values(), ...this.#supplements];
  }

  /** Of what counts, in the order of time. */
  spans(): readonly ItemSpan<Item>[] {
    const spans: { start: number; end: number; items: Item[] }[] = [];
    for (const item of [...this.counting()].sort((a, b) => a.start - b.start)) {
      const last = spans.at(-1);
      if (last === undefined || item.start >= last.end) {
        spans.push({ start: item.start, end: item.end, items: [item] });
      } else {
        last.end = Math.max(last.end, item.end);
        last.items.push(item);
      }
    }
    return spans;
  }

  #addUp(items: readonly Item[]): void {
    this.#editions.clear();
    this.#supplements.clear();
    for (const item of items) this.#count(item);
  }

  #count(item: Item): void {
    const { place, start, adds } = item;
    if (this.#replacing.some((each) => each.adds === adds && isWithin(place, each.replaces ?? []))) return;
    if (adds) {
      this.#supplements.add(item);
      return;
    }
    const latest = this.#editions.get(start);
    if (latest === undefined || compareItemIds(latest.place, place) < 0) this.#editions.set(start, item);
  }
}

export const isWithin = (place: ItemId, ranges: readonly ItemRange[]): boolean =>
  ranges.some(({ first, last }) => compareItemIds(first, place) <= 0 && compareItemIds(place, last) <= 0);
