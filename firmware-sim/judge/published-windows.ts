// What the dashboard topic said, as an outsider adds it up (docs/counting.md, "For whoever adds up"): of the values of a window the
// latest by item number, plus its supplements, without whatever a merged item replaces, or a later generation has made void.

import type { AggregateValues } from "../../src/cli/dashboard/reader.ts";
import { ItemLedger, placeOf } from "./item-ledger.ts";
import { PublishedSeries, type PublishedValue } from "./published-series.ts";

type Aggregate = Pick<
  AggregateValues,
  "series" | "id" | "ts" | "spanMs" | "count" | "missing" | "edition" | "adds" | "replaces" | "replacedItems"
>;

/** A span of site time in which nothing of a series overlaps with anything outside it: a window, or several merged. */
export interface PublishedSpan {
  readonly series: string;
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

export interface WindowTotals {
  readonly published: number;
  readonly reissued: number;
  readonly outOfOrder: number;
  /** Item numbers that never came, and that none that came replaces. */
  readonly gaps: number;
}

export const windowName = (series: string, start: number): string => `${series} ${new Date(start).toISOString()}`;

export class PublishedWindows {
  readonly #series = new Map<string, PublishedSeries>();
  readonly #items = new ItemLedger(() => this.#dropVoid());
  readonly #starts = new Set<string>();
  readonly #violations: string[] = [];
  #reissued = 0;

  /** Any item of the outbox. `isLive` is false for a retained delivery: it may fill a hole, but says nothing about order. */
  item(id: string, topic: string, payload: Uint8Array, isLive: boolean): "first" | "repeat" | "void" {
    return this.#items.came(id, topic, payload, isLive);
  }

  /** The first arrival of an aggregate's item; repeats and void ones must not be handed in. */
  aggregate(message: Aggregate): void {
    const { ts, spanMs, count, missing, adds, edition, replaces, replacedItems } = message;
    const series = this.#series.get(message.series) ?? new PublishedSeries(this.#items);
    this.#series.set(message.series, series);
    this.#starts.add(windowName(message.series, ts));
    const replacement = replaces === undefined ? undefined : { ranges: replaces, items: replacedItems };
    const place = placeOf(message.id);
    const value: PublishedValue = { place, start: ts, end: ts + spanMs, count, missing, adds, replacement };
    if (edition > 1 && replacement === undefined) this.#reissued += 1;
    const fallen = series.add(value);
    if (fallen !== undefined) {
      const name = windowName(message.series, ts);
      this.#violations.push(`window ${name}: count fell from ${fallen} to ${count} (item ${message.id})`);
    }
  }

  /** Over the latest editions and supplements. */
  get counted(): number {
    let counted = 0;
    for (const series of this.#series.values()) counted += series.counted;
    return counted;
  }

  /** Sampling instants without a value, in the windows that lie whole within a span of site time. */
  missingWithin({ from, to }: { readonly from: number; readonly to: number }): number {
    let missing = 0;
    for (const series of this.#series.values()) {
      for (const value of series.valid()) if (value.start >= from && value.end <= to) missing += value.missing;
    }
    return missing;
  }

  /** What is published now, of each series in the order of time. */
  spans(): readonly PublishedSpan[] {
    return [...this.#series].flatMap(([name, series]) => spansOf(name, series));
  }

  totals(): WindowTotals {
    const { outOfOrder } = this.#items;
    return { published: this.#starts.size, reissued: this.#reissued, outOfOrder, gaps: this.#items.gaps().length };
  }

  /** What no correct site does, as sentences. */
  violations(): readonly string[] {
    return [...this.#violations, ...this.#items.violations()];
  }

  #dropVoid(): void {
    for (const series of this.#series.values()) series.dropVoid();
  }
}

function spansOf(series: string, published: PublishedSeries): readonly PublishedSpan[] {
  const spans: { series: string; start: number; end: number; count: number }[] = [];
  for (const { start, end, count } of [...published.valid()].sort((a, b) => a.start - b.start)) {
    const last = spans.at(-1);
    if (last === undefined || start >= last.end) spans.push({ series, start, end, count });
    else {
      last.end = Math.max(last.end, end);
      last.count += count;
    }
  }
  return spans;
}
