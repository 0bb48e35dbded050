// What the dashboard topic said, as an outsider adds it up: items in the order of their numbers, repeats with the same bytes,
// and for each window its latest edition plus its supplements (PROTOCOLS, P5 and "Counting each reading once").

import { sha256 } from "../../src/base/hash.ts";
import { type AggregateValues, itemId } from "../../src/cli/dashboard/reader.ts";

type Aggregate = Pick<AggregateValues, "series" | "id" | "ts" | "spanMs" | "count" | "missing" | "edition" | "adds">;

interface PublishedWindow {
  readonly start: number;
  readonly end: number;
  latest:
    | { readonly place: readonly [generation: number, number: number]; readonly count: number; missing: number }
    | undefined;
  added: number;
  /** Of the supplements. */
  addedMissing: number;
}

interface Generation {
  highest: number;
  readonly holes: Set<number>;
  readonly digests: Map<number, string>;
}

export interface WindowTotals {
  readonly published: number;
  readonly reissued: number;
  readonly outOfOrder: number;
  /** Item numbers that never came. */
  readonly gaps: number;
}

export const windowName = (series: string, start: number): string => `${series} ${new Date(start).toISOString()}`;

export class PublishedWindows {
  readonly #windows = new Map<string, PublishedWindow>();
  readonly #generations = new Map<number, Generation>();
  readonly #violations: string[] = [];
  #reissued = 0;
  #outOfOrder = 0;
  #counted = 0;

  /** Any item of the outbox. `isLive` is false for a retained delivery: it may fill a hole, but says nothing about order. */
  item(id: string, topic: string, payload: Uint8Array, isLive: boolean): "first" | "repeat" {
    const [generation, number] = placeOf(id);
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

  /** The first arrival of an aggregate's item; repeats must not be handed in. */
  aggregate(message: Aggregate): void {
    const name = windowName(message.series, message.ts);
    const window = this.#windows.get(name) ?? emptyWindow(message);
    this.#windows.set(name, window);
    if (message.adds) {
      window.added += message.count;
      window.addedMissing += message.missing;
      this.#counted += message.count;
      return;
    }
    if (message.edition > 1) this.#reissued += 1;
    const place = placeOf(message.id);
    const { latest } = window;
    if (latest !== undefined && isBefore(place, latest.place)) return;
    if (latest !== undefined && latest.place[0] === place[0] && message.count < latest.count) {
      this.#violations.push(`window ${name}: count fell from ${latest.count} to ${message.count} (item ${message.id})`);
    }
    this.#counted += message.count - (latest?.count ?? 0);
    window.latest = { place, count: message.count, missing: message.missing };
  }

  /** Over the latest editions and supplements. */
  get counted(): number {
    return this.#counted;
  }

  /** Sampling instants without a value, in the windows that lie whole within a span of site time. */
  missingWithin({ from, to }: { readonly from: number; readonly to: number }): number {
    let missing = 0;
    for (const window of this.#windows.values()) {
      if (window.start >= from && window.end <= to) missing += (window.latest?.missing ?? 0) + window.addedMissing;
    }
    return missing;
  }

  count(name: string): number {
    const window = this.#windows.get(name);
    return window === undefined ? 0 : (window.latest?.count ?? 0) + window.added;
  }

  isPublished(name: string): boolean {
    return this.#windows.has(name);
  }

  names(): IterableIterator<string> {
    return this.#windows.keys();
  }

  totals(): WindowTotals {
    let gaps = 0;
    for (const { holes } of this.#generations.values()) gaps += holes.size;
    return { published: this.#windows.size, reissued: this.#reissued, outOfOrder: this.#outOfOrder, gaps };
  }

  /** What no correct site does, as sentences. */
  violations(): readonly string[] {
    const holes = [...this.#generations].flatMap(([generation, seen]) =>
      [...seen.holes].map((number) => `item ${generation}.${number} never came`),
    );
    const late = this.#outOfOrder === 0 ? [] : [`${this.#outOfOrder} items came after a higher number`];
    return [...this.#violations, ...late, ...holes];
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

const emptyWindow = ({ ts, spanMs }: Aggregate): PublishedWindow => ({
  start: ts,
  end: ts + spanMs,
  latest: undefined,
  added: 0,
  addedMissing: 0,
});

function placeOf(id: string): readonly [generation: number, number: number] {
  const [, generation, number] = itemId.exec(id) ?? [];
  return [Number(generation), Number(number)];
}

function isBefore(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}
