// What the dashboard topic said, as an outsider adds it up: items in the order of their numbers, repeats with the same bytes,
// and for each window its latest edition plus its supplements (PROTOCOLS, P5 and "Counting each reading once").

import { sha256 } from "../../src/base/hash.ts";
import { type AggregateValues, itemId } from "../../src/cli/dashboard/reader.ts";

type Aggregate = Pick<AggregateValues, "series" | "id" | "ts" | "spanMs" | "count" | "missing" | "edition" | "adds">;

/** An edition, or a supplement. */
interface PublishedItem {
  readonly place: readonly [generation: number, number: number];
  readonly count: number;
  readonly missing: number;
  readonly adds: boolean;
}

interface PublishedWindow {
  readonly start: number;
  readonly end: number;
  items: PublishedItem[];
}

export interface WindowTotals {
  readonly published: number;
  readonly reissued: number;
  readonly outOfOrder: number;
  /** Item numbers that never came. */
  readonly gaps: number;
}

export const windowName = (series: string, start: number): string => `${series} ${new Date(start).toISOString()}`;

/**
 * Numbers go on over generations: where a later one begins, at its lowest number, everything that an earlier one published
 * under that number or a higher one was lost with its majority, and is void.
 */
export class PublishedWindows {
  readonly #windows = new Map<string, PublishedWindow>();
  /** The lowest number of each generation. */
  readonly #begins = new Map<number, number>();
  #highest = 0;
  readonly #holes = new Set<number>();
  /** By id. */
  readonly #digests = new Map<string, string>();
  readonly #violations: string[] = [];
  #reissued = 0;
  #outOfOrder = 0;
  #counted = 0;

  /** Any item of the outbox. `isLive` is false for a retained delivery: it may fill a hole, but says nothing about order. */
  item(id: string, topic: string, payload: Uint8Array, isLive: boolean): "first" | "repeat" | "void" {
    const [generation, number] = placeOf(id);
    const digest = sha256(Buffer.concat([Buffer.from(`${topic}\n`), payload])).toString("base64");
    const before = this.#digests.get(id);
    if (before !== undefined) {
      if (before !== digest) this.#violations.push(`item ${id} came again with other bytes (${topic})`);
      return "repeat";
    }
    this.#digests.set(id, digest);
    if (this.#isVoid(generation, number)) return "void";
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

  /** The first arrival of an aggregate's item; repeats and void ones must not be handed in. */
  aggregate(message: Aggregate): void {
    const name = windowName(message.series, message.ts);
    const window = this.#windows.get(name) ?? emptyWindow(message);
    this.#windows.set(name, window);
    const place = placeOf(message.id);
    const { count, missing, adds } = message;
    if (!adds) {
      if (message.edition > 1) this.#reissued += 1;
      const latest = latestOf(window);
      const isNewer = latest === undefined || isBefore(latest.place, place);
      if (isNewer && latest?.place[0] === place[0] && count < latest.count) {
        this.#violations.push(`window ${name}: count fell from ${latest.count} to ${count} (item ${message.id})`);
      }
    }
    this.#change(window, [...window.items, { place, count, missing, adds }]);
  }

  /** Over the latest editions and supplements. */
  get counted(): number {
    return this.#counted;
  }

  /** Sampling instants without a value, in the windows that lie whole within a span of site time. */
  missingWithin({ from, to }: { readonly from: number; readonly to: number }): number {
    let missing = 0;
    for (const window of this.#windows.values()) {
      if (window.start >= from && window.end <= to) missing += totalOf(window, "missing");
    }
    return missing;
  }

  count(name: string): number {
    const window = this.#windows.get(name);
    return window === undefined ? 0 : totalOf(window, "count");
  }

  isPublished(name: string): boolean {
    return this.#windows.has(name);
  }

  names(): IterableIterator<string> {
    return this.#windows.keys();
  }

  totals(): WindowTotals {
    const gaps = this.#holes.size;
    return { published: this.#windows.size, reissued: this.#reissued, outOfOrder: this.#outOfOrder, gaps };
  }

  /** What no correct site does, as sentences. */
  violations(): readonly string[] {
    const holes = [...this.#holes].map((number) => `item ${this.#generationOf(number)}.${number} never came`);
    const late = this.#outOfOrder === 0 ? [] : [`${this.#outOfOrder} items came after a higher number`];
    return [...this.#violations, ...late, ...holes];
  }

  /** `generation` begins at `number`, as far as is known. */
  #begin(generation: number, number: number): void {
    this.#begins.set(generation, number);
    this.#highest = Math.min(this.#highest, number - 1);
    for (const hole of this.#holes) if (hole >= number) this.#holes.delete(hole);
    for (const window of this.#windows.values()) {
      const kept = window.items.filter(({ place }) => place[0] >= generation || place[1] < number);
      // What the same generation has published since lies above: it stays, and its numbers are known.
      if (kept.length < window.items.length) this.#change(window, kept);
    }
    for (const id of this.#digests.keys()) {
      const [of, known] = placeOf(id);
      if (of === generation && known > number) this.#highest = Math.max(this.#highest, known);
    }
    for (let hole = number + 1; hole < this.#highest; hole++) {
      if (!this.#digests.has(`${generation}.${hole}`)) this.#holes.add(hole);
    }
  }

  #isVoid(generation: number, number: number): boolean {
    return [...this.#begins].some(([later, begins]) => later > generation && number >= begins);
  }

  /** The one that must have published this number. */
  #generationOf(number: number): number {
    const begun = [...this.#begins].filter(([, begins]) => begins <= number).map(([generation]) => generation);
    return Math.max(Math.min(...this.#begins.keys()), ...begun);
  }

  #change(window: PublishedWindow, items: PublishedItem[]): void {
    const before = totalOf(window, "count");
    window.items = items;
    this.#counted += totalOf(window, "count") - before;
  }
}

const emptyWindow = ({ ts, spanMs }: Aggregate): PublishedWindow => ({ start: ts, end: ts + spanMs, items: [] });

/** The newest edition. */
function latestOf({ items }: PublishedWindow): PublishedItem | undefined {
  return items
    .filter(({ adds }) => !adds)
    .reduce<PublishedItem | undefined>(
      (latest, item) => (latest === undefined || isBefore(latest.place, item.place) ? item : latest),
      undefined,
    );
}

function totalOf(window: PublishedWindow, of: "count" | "missing"): number {
  const added = window.items.filter(({ adds }) => adds).reduce((sum, item) => sum + item[of], 0);
  return (latestOf(window)?.[of] ?? 0) + added;
}

function placeOf(id: string): readonly [generation: number, number: number] {
  const [, generation, number] = itemId.exec(id) ?? [];
  return [Number(generation), Number(number)];
}

function isBefore(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}
