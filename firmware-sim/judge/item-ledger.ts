// Which items of the outbox came: in the order of their numbers, repeats with the same bytes, and no number without an account
// (PROTOCOLS, P5): it came, or an item that came says that it replaces it.

import { sha256 } from "../../src/base/hash.ts";
import { type ItemPlace, type ItemRange, itemId } from "../../src/cli/dashboard/reader.ts";

interface Generation {
  highest: number;
  readonly holes: Set<number>;
  readonly digests: Map<number, string>;
}

/** What a merged item says. */
export interface Replacement {
  readonly ranges: readonly ItemRange[];
  /** How many items it replaces. */
  readonly items: number;
}

export class ItemLedger {
  readonly #generations = new Map<number, Generation>();
  readonly #violations: string[] = [];
  /** Of items that nothing has replaced again. */
  readonly #replacements = new Set<Replacement>();
  #outOfOrder = 0;

  /** `isLive` is false for a retained delivery: it may fill a hole, but says nothing about order. */
  came(id: string, topic: string, payload: Uint8Array, isLive: boolean): "first" | "repeat" {
    const { generation, number } = placeOf(id);
    const seen = this.#generation(generation);
    const digest = sha256(Buffer.concat([Buffer.from(`${topic}\n`), payload])).toString("base64");
    const before = seen.digests.get(number);
    if (before !== undefined) {
      if (before !== digest) this.#violations.push(`item ${id} came again with other bytes (${topic})`);
      return "repeat";
    }
    seen.digests.set(number, digest);
    if (seen.holes.delete(number)) {
      if (isLive) this.#outOfOrder += 1;
    } else {
      for (let hole = seen.highest + 1; hole < number; hole++) seen.holes.add(hole);
      seen.highest = number;
    }
    return "first";
  }

  replaced(replacement: Replacement): void {
    this.#replacements.add(replacement);
  }

  /** Another item replaces the one that said this. */
  forget(replacement: Replacement): void {
    this.#replacements.delete(replacement);
  }

  get outOfOrder(): number {
    return this.#outOfOrder;
  }

  /** Item numbers that never came, and that none that came accounts for. */
  gaps(): readonly string[] {
    const replacements = [...this.#replacements];
    return [...this.#generations].flatMap(([generation, { holes }]) =>
      [...holes]
        .filter((number) => !replacements.some((each) => isWithin({ generation, number }, each)))
        .map((number) => `${generation}.${number}`),
    );
  }

  /** What no correct site does, as sentences. */
  violations(): readonly string[] {
    const late = this.#outOfOrder === 0 ? [] : [`${this.#outOfOrder} items came after a higher number`];
    let holes = 0;
    for (const generation of this.#generations.values()) holes += generation.holes.size;
    const gaps = this.gaps();
    const explained = [...this.#replacements].reduce((sum, { items }) => sum + items, 0);
    const more = holes - gaps.length - explained;
    const tooMany = more > 0 ? [`${more} more items never came than others say that they replace`] : [];
    return [...this.#violations, ...late, ...gaps.map((id) => `item ${id} never came`), ...tooMany];
  }

  #generation(number: number): Generation {
    let generation = this.#generations.get(number);
    if (generation === undefined) {
      generation = { highest: 0, holes: new Set(), digests: new Map() };
      this.#generations.set(number, generation);
    }
    return generation;
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
