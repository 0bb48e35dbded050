// Which items of the outbox came: in the order of their numbers over all generations, repeats with the same bytes, and no number
// without an account (PROTOCOLS, P5): it came, or an item that came says that it replaces it.

import { assert } from "../../src/base/errors.ts";
import { sha256 } from "../../src/base/hash.ts";
import type { Replaced } from "../../src/site/aggregate-json.ts";
import { type ItemId, type ItemRange, parseItemId } from "../../src/site/item-id.ts";
import { GenerationBegins } from "./generation-begins.ts";
import { isWithin } from "./series-items.ts";

interface Came {
  readonly place: ItemId;
  readonly digest: string;
  readonly isLive: boolean;
}

/** `begins`: the first of its generation, as far as is known; what is void may have become more. */
export type Arrival = "first" | "begins" | "repeat" | "void";

export class ItemLedger {
  readonly #begins = new GenerationBegins();
  /** By id, in the order of their first arrivals. */
  readonly #came = new Map<string, Came>();
  readonly #violations: string[] = [];
  #highest = 0;
  readonly #holes = new Set<number>();
  /** They came after a higher number. */
  #late: ItemId[] = [];

  /** `isLive` is false for a retained delivery: it may fill a hole, but says nothing about order. */
  came(id: string, topic: string, payload: Uint8Array, isLive: boolean): Arrival {
    const place = placeOf(id);
    const digest = sha256(Buffer.concat([Buffer.from(`${topic}\n`), payload])).toString("base64");
    const before = this.#came.get(id);
    if (before !== undefined) {
      if (before.digest !== digest) this.#violations.push(`item ${id} came again with other bytes (${topic})`);
      return "repeat";
    }
    const came: Came = { place, digest, isLive };
    this.#came.set(id, came);
    if (this.isVoid(place)) return "void";
    if (this.#begins.heard(place)) {
      this.#numberAnew();
      return "begins";
    }
    this.#number(came);
    return "first";
  }

  /** An item that came replaces these. True if a generation begins earlier than was known. */
  replaced(ranges: readonly ItemRange[]): boolean {
    const isEarlier = this.#begins.heardRanges(ranges);
    if (isEarlier) this.#numberAnew();
    return isEarlier;
  }

  isVoid(place: ItemId): boolean {
    return this.#begins.isVoid(place);
  }

  /** How many came after a higher number; not those of a coordinator who had not heard that they are replaced. */
  outOfOrder(replacements: readonly Replaced[]): number {
    return this.#late.filter((place) => !isReplaced(place, replacements)).length;
  }

  /** Items that never came, and that none of these accounts for. */
  gaps(replacements: readonly Replaced[]): readonly string[] {
    return [...this.#holes]
      .map((number): ItemId => ({ generation: this.#begins.of(number), number }))
      .filter((place) => !isReplaced(place, replacements))
      .map(({ generation, number }) => `${generation}.${number}`);
  }

  /** What no correct site does, as sentences. `replacements`: of the items that count. */
  violations(replacements: readonly Replaced[]): readonly string[] {
    const outOfOrder = this.outOfOrder(replacements);
    const late = outOfOrder === 0 ? [] : [`${outOfOrder} items came after a higher number`];
    const gaps = this.gaps(replacements);
    const explained = replacements.reduce((sum, { items }) => sum + items, 0);
    const more = this.#holes.size - gaps.length - explained;
    const tooMany = more > 0 ? [`${more} more items never came than others say that they replace`] : [];
    return [...this.#violations, ...late, ...gaps.map((id) => `item ${id} never came`), ...tooMany];
  }

  #number({ place, isLive }: Came): void {
    const { number } = place;
    if (this.#holes.delete(number)) {
      if (isLive) this.#late.push(place);
    } else {
      for (let hole = this.#highest + 1; hole < number; hole++) this.#holes.add(hole);
      this.#highest = Math.max(this.#highest, number);
    }
  }

  /** Where a generation begins earlier, other items are void, as if they had never come. */
  #numberAnew(): void {
    this.#highest = 0;
    this.#holes.clear();
    this.#late = [];
    for (const came of this.#came.values()) if (!this.isVoid(came.place)) this.#number(came);
  }
}

const isReplaced = (place: ItemId, replacements: readonly Replaced[]): boolean =>
  replacements.some(({ ranges }) => isWithin(place, ranges));

export function placeOf(id: string): ItemId {
  const place = parseItemId(id);
  assert(place !== undefined, "the reader lets only ids through");
  return place;
}
