// Where each generation of a site begins in the numbers of its items (docs/topics.md, "Items of the dashboard topic, and
// generations"). Numbers go on over generations: what an earlier one published at the number where a later one begins, or at a
// higher one, was lost with its majority, and is void. A number counts as used by its generation when an item bears it, or when
// an item says that it replaces it: the first ones may have been merged before they were ever sent.

import type { ItemId, ItemRange } from "../../src/site/item-id.ts";

export class GenerationBegins {
  /** The lowest number of each generation. */
  readonly #begins = new Map<number, number>();

  /** True if that generation begins earlier than was known. */
  heard({ generation, number }: ItemId): boolean {
    if (number >= (this.#begins.get(generation) ?? Number.POSITIVE_INFINITY)) return false;
    this.#begins.set(generation, number);
    return true;
  }

  /** As `heard`, of what an item replaces. */
  heardRanges(ranges: readonly ItemRange[]): boolean {
    return ranges.filter(({ first }) => this.heard(first)).length > 0;
  }

  isVoid({ generation, number }: ItemId): boolean {
    return [...this.#begins].some(([later, begins]) => later > generation && number >= begins);
  }

  /** The generation that must have published this number. */
  of(number: number): number {
    const begun = [...this.#begins].filter(([, begins]) => begins <= number).map(([generation]) => generation);
    return Math.max(Math.min(...this.#begins.keys()), ...begun);
  }
}
