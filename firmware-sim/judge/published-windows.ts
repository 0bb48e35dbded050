// What the dashboard topic said, as an outsider adds it up (docs/counting.md, "For whoever adds up"): of the values of a window the
// latest by item number, plus its supplements, without whatever a merged item replaces.

import type { AggregateValues, ItemPlace } from "../../src/cli/dashboard/reader.ts";
import { ItemLedger, isBefore, isWithin, placeOf, type Replacement } from "./item-ledger.ts";

type Aggregate = Pick<
  AggregateValues,
  "series" | "id" | "ts" | "spanMs" | "count" | "missing" | "edition" | "adds" | "replaces" | "replacedItems"
>;

interface Value {
  readonly place: ItemPlace;
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly missing: number;
  readonly replacement: Replacement | undefined;
}

/** A span of site time in which nothing of a series overlaps with anything outside it: a window, or several merged. */
export interface PublishedSpan {
  readonly series: string;
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

interface Replacing extends Replacement {
  readonly adds: boolean;
}

class PublishedSeries {
  /** By start. */
  readonly values = new Map<number, Value>();
  readonly supplements = new Set<Value>();
  readonly replacing: Replacing[] = [];

  all(): readonly Value[] {
    return [...this.values.values(), ...this.supplements];
  }
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
  readonly #items = new ItemLedger();
  readonly #starts = new Set<string>();
  readonly #violations: string[] = [];
  #reissued = 0;
  #counted = 0;

  /** Any item of the outbox. `isLive` is false for a retained delivery: it may fill a hole, but says nothing about order. */
  item(id: string, topic: string, payload: Uint8Array, isLive: boolean): "first" | "repeat" {
    return this.#items.came(id, topic, payload, isLive);
  }

  /** The first arrival of an aggregate's item; repeats must not be handed in. */
  aggregate(message: Aggregate): void {
    const { ts, spanMs, count, missing, adds, replaces, replacedItems } = message;
    const series = this.#series.get(message.series) ?? new PublishedSeries();
    this.#series.set(message.series, series);
    this.#starts.add(windowName(message.series, ts));
    const replacement = replaces === undefined ? undefined : { ranges: replaces, items: replacedItems };
    const value: Value = { place: placeOf(message.id), start: ts, end: ts + spanMs, count, missing, replacement };
    if (series.replacing.some((each) => each.adds === adds && isWithin(value.place, each))) return;
    if (replacement !== undefined) this.#replace(series, replacement, adds);
    if (adds) {
      series.supplements.add(value);
      this.#counted += count;
    } else this.#newEdition(series, value, message);
  }

  /** Over the latest editions and supplements. */
  get counted(): number {
    return this.#counted;
  }

  /** Sampling instants without a value, in the windows that lie whole within a span of site time. */
  missingWithin({ from, to }: { readonly from: number; readonly to: number }): number {
    let missing = 0;
    for (const series of this.#series.values()) {
      for (const value of series.all()) if (value.start >= from && value.end <= to) missing += value.missing;
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

  /** What was heard of it no longer counts, whether this one has it or another that replaced it before. */
  #replace(series: PublishedSeries, replacement: Replacement, adds: boolean): void {
    series.replacing.push({ ...replacement, adds });
    this.#items.replaced(replacement);
    const known = adds ? [...series.supplements] : [...series.values.values()];
    for (const each of known.filter(({ place }) => isWithin(place, replacement))) {
      if (each.replacement !== undefined) this.#items.forget(each.replacement);
      if (adds) series.supplements.delete(each);
      else series.values.delete(each.start);
      this.#counted -= each.count;
    }
  }

  #newEdition(series: PublishedSeries, value: Value, { series: name, id, edition }: Aggregate): void {
    const { place, start, count } = value;
    if (edition > 1 && value.replacement === undefined) this.#reissued += 1;
    const latest = series.values.get(start);
    if (latest !== undefined && isBefore(place, latest.place)) return;
    if (latest !== undefined && latest.place.generation === place.generation && count < latest.count) {
      this.#violations.push(
        `window ${windowName(name, start)}: count fell from ${latest.count} to ${count} (item ${id})`,
      );
    }
    this.#counted += count - (latest?.count ?? 0);
    series.values.set(start, value);
  }
}

function spansOf(series: string, published: PublishedSeries): readonly PublishedSpan[] {
  const spans: { series: string; start: number; end: number; count: number }[] = [];
  for (const { start, end, count } of [...published.all()].sort((a, b) => a.start - b.start)) {
    const last = spans.at(-1);
    if (last === undefined || start >= last.end) spans.push({ series, start, end, count });
    else {
      last.end = Math.max(last.end, end);
      last.count += count;
    }
  }
  return spans;
}
