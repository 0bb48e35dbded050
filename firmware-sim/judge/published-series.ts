// One series of the dashboard topic, as an outsider adds it up. Everything that came is kept, because a later generation may make
// void what had taken the place of something else.

import type { ItemPlace } from "../../src/cli/dashboard/reader.ts";
import { type ItemLedger, isBefore, isWithin, type Replacement } from "./item-ledger.ts";

/** An edition, or a supplement. */
export interface PublishedValue {
  readonly place: ItemPlace;
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly missing: number;
  readonly adds: boolean;
  readonly replacement: Replacement | undefined;
}

export class PublishedSeries {
  readonly #items: Pick<ItemLedger, "isVoid" | "replaced" | "forget">;
  #heard: PublishedValue[] = [];
  /** Without supplements, by start. */
  readonly #editions = new Map<number, PublishedValue>();
  readonly #supplements = new Set<PublishedValue>();
  readonly #merged: PublishedValue[] = [];
  #counted = 0;

  constructor(items: Pick<ItemLedger, "isVoid" | "replaced" | "forget">) {
    this.#items = items;
  }

  /** The first arrival of an item. Answers the count that its window had, if it has fallen. */
  add(value: PublishedValue): number | undefined {
    this.#heard.push(value);
    return this.#place(value);
  }

  /** Another generation begins: what it makes void was never there. */
  dropVoid(): void {
    const kept = this.#heard.filter(({ place }) => !this.#items.isVoid(place));
    if (kept.length === this.#heard.length) return;
    for (const { replacement } of this.#heard) if (replacement !== undefined) this.#items.forget(replacement);
    this.#heard = kept;
    this.#editions.clear();
    this.#supplements.clear();
    this.#merged.length = 0;
    this.#counted = 0;
    for (const value of kept) this.#place(value);
  }

  get counted(): number {
    return this.#counted;
  }

  valid(): readonly PublishedValue[] {
    return [...this.#editions.values(), ...this.#supplements];
  }

  #place(value: PublishedValue): number | undefined {
    const { place, start, count, adds } = value;
    if (this.#merged.some((merged) => isReplaced(value, merged))) return undefined;
    if (value.replacement !== undefined) this.#replace(value, value.replacement);
    if (adds) {
      this.#supplements.add(value);
      this.#counted += count;
      return undefined;
    }
    const latest = this.#editions.get(start);
    if (latest !== undefined && isBefore(place, latest.place)) return undefined;
    this.#counted += count - (latest?.count ?? 0);
    this.#editions.set(start, value);
    const isFallen = latest?.place.generation === place.generation && count < latest.count;
    return isFallen ? latest.count : undefined;
  }

  /** What was heard of it no longer counts, whether this one has it or another that replaced it before. */
  #replace(merged: PublishedValue, replacement: Replacement): void {
    this.#merged.push(merged);
    this.#items.replaced(replacement);
    for (const value of this.valid()) {
      if (!isReplaced(value, merged)) continue;
      if (value.replacement !== undefined) this.#items.forget(value.replacement);
      if (value.adds) this.#supplements.delete(value);
      else this.#editions.delete(value.start);
      this.#counted -= value.count;
    }
  }
}

const isReplaced = ({ place, adds }: PublishedValue, merged: PublishedValue): boolean =>
  merged.adds === adds && merged.replacement !== undefined && isWithin(place, merged.replacement);
