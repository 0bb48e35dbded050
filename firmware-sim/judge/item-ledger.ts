// Which items of the outbox came: in the order of their numbers, repeats with the same bytes, and no number without an account
// (PROTOCOLS, P5): it came, or an item that came says that it replaces it.
//
// Numbers go on over generations: where a later one begins, at its lowest number, everything that an earlier one published under
// that number or a higher one was lost with its majority, and is void.

import { sha256 } from "../../src/base/hash.ts";
import { type ItemPlace, type ItemRange, itemId } from "../../src/cli/dashboard/reader.ts";

/** What a merged item says. */
export interface Replacement {
  readonly ranges: readonly ItemRange[];
  /** How many items it replaces. */
  readonly items: number;
}

export class ItemLedger {
  readonly #isBegun: () => void;
  /** The lowest number of each generation. */
  readonly #begins = new Map<number, number>();
  #highest = 0;
  readonly #holes = new Set<number>();
  /** By id. */
  readonly #digests = new Map<string, string>();
  /** Of items that nothing has replaced again. */
  readonly #replacements = new Set<Replacement>();
  readonly #violations: string[] = [];
  #outOfOrder = 0;

  /** `isBegun`: a generation begins elsewhere than was known, so other items are void than before. */
  constructor(isBegun: () => void) {
    this.#isBegun = isBegun;
  }

  /** `isLive` is false for a retained delivery: it may fill a hole, but says nothing about order. */
  came(id: string, topic: string, payload: Uint8Array, isLive: boolean): "first" | "repeat" | "void" {
    const place = placeOf(id);
    const { generation, number } = place;
    const digest = sha256(Buffer.concat([Buffer.from(`${topic}\n`), payload])).toString("base64");
    const before = this.#digests.get(id);
    if (before !== undefined) {
      if (before !== digest) this.#violations.push(`item ${id} came again with other bytes (${topic})`);
      return "repeat";
    }
    this.#digests.set(id, digest);
    if (this.isVoid(place)) return "void";
    const wasMissing = this.#holes.has(number);
    if (number < (this.#begins.get(generation) ?? Number.POSITIVE_INFINITY)) this.#begin(generation, number);
    if (wasMissing) {
      this.#holes.delete(number);
      if (isLive) this.#outOfOrder += 1;
    } else {
      for (let hole = this.#highest + 1; hole < number; hole++) this.#holes.add(hole);
      this.#highest = Math.max(this.#highest, number);
    }
    return "first";
  }

  isVoid({ generation, number }: ItemPlace): boolean {
    return [...this.#begins].some(([later, begins]) => later > generation && number >= begins);
  }

  replaced(replacement: Replacement): void {
    this.#replacements.add(replacement);
  }

  /** Another item replaces the one that said this, or it is void. */
  forget(replacement: Replacement): void {
    this.#replacements.delete(replacement);
  }

  get outOfOrder(): number {
    return this.#outOfOrder;
  }

  /** Ids that never came, and that none that came accounts for. */
  gaps(): readonly string[] {
    if (this.#holes.size === 0) return [];
    const ranges = [...this.#replacements].flatMap((replacement) => replacement.ranges);
    return [...this.#holes]
      .filter((hole) => !ranges.some(({ first, last }) => first.number <= hole && hole <= last.number))
      .map((hole) => `${this.#generationOf(hole)}.${hole}`);
  }

  /** What no correct site does, as sentences. */
  violations(): readonly string[] {
    const late = this.#outOfOrder === 0 ? [] : [`${this.#outOfOrder} items came after a higher number`];
    const gaps = this.gaps();
    const explained = [...this.#replacements].reduce((sum, { items }) => sum + items, 0);
    const more = this.#holes.size - gaps.length - explained;
    const tooMany = more > 0 ? [`${more} more items never came than others say that they replace`] : [];
    return [...this.#violations, ...late, ...gaps.map((id) => `item ${id} never came`), ...tooMany];
  }

  /** `generation` begins at `number`, as far as is known. */
  #begin(generation: number, number: number): void {
    const isFirst = this.#begins.size === 0;
    this.#begins.set(generation, number);
    this.#highest = Math.min(this.#highest, number - 1);
    for (const hole of this.#holes) if (hole >= number) this.#holes.delete(hole);
    // What the same generation has published since lies above: it stays, and its numbers are known.
    for (const id of this.#digests.keys()) {
      const known = placeOf(id);
      if (known.generation === generation && known.number > number) {
        this.#highest = Math.max(this.#highest, known.number);
      }
    }
    for (let hole = number + 1; hole < this.#highest; hole++) {
      if (!this.#digests.has(`${generation}.${hole}`)) this.#holes.add(hole);
    }
    if (!isFirst) this.#isBegun();
  }

  /** The one that must have published this number. */
  #generationOf(number: number): number {
    const begun = [...this.#begins].filter(([, begins]) => begins <= number).map(([generation]) => generation);
    return Math.max(Math.min(...this.#begins.keys()), ...begun);
  }
}

export function placeOf(id: string): ItemPlace {
  const [, generation, number] = itemId.exec(id) ?? [];
  return { generation: Number(generation), number: Number(number) };
}

export function isBefore(a: ItemPlace, b: ItemPlace): boolean {
  return a.generation < b.generation || (a.generation === b.generation && a.number < b.number);
}

export const isWithin = (place: ItemPlace, { ranges }: Pick<Replacement, "ranges">): boolean =>
  ranges.some(({ first, last }) => !isBefore(place, first) && !isBefore(last, place));
