// What the dashboard topic said, as an outsider adds it up (docs/counting.md, "For whoever adds up"): of the values of a window the
// latest by item id, plus its supplements, without whatever a merged item replaces, and without what is void.

import type { AggregateValues } from "../../src/cli/dashboard/reader.ts";
import type { Replaced } from "../../src/site/aggregate-json.ts";
import { ItemLedger, placeOf } from "./item-ledger.ts";
import { type SeriesItem, SeriesItems } from "./series-items.ts";

type Aggregate = Pick<
  AggregateValues,
  "series" | "id" | "ts" | "spanMs" | "count" | "missing" | "edition" | "adds" | "replaces" | "replacedItems"
>;

interface Value extends SeriesItem {
  readonly count: number;
  readonly missing: number;
  readonly replacedItems: number;
}

/** A window, or several merged. */
export interface PublishedSpan {
  readonly series: string;
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

interface PublishedSeries {
  readonly values: SeriesItems<Value>;
  /** Undefined: to be added up again. */
  counted: number | undefined;
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

  /** Any item of the outbox. `isLive` is false for a retained delivery: it may fill a hole, but says nothing about order. */
  item(id: string, topic: string, payload: Uint8Array, isLive: boolean): "first" | "repeat" | "void" {
    const arrival = this.#items.came(id, topic, payload, isLive);
    if (arrival !== "begins") return arrival;
    this.#dropVoid();
    return "first";
  }

  /** The first arrival of an aggregate's item; repeats and void ones must not be handed in. */
  aggregate(message: Aggregate): void {
    const { id, ts, spanMs, count, missing, adds, edition, replaces, replacedItems } = message;
    this.#starts.add(windowName(message.series, ts));
    if (edition > 1 && replaces === undefined) this.#reissued += 1;
    if (replaces !== undefined && this.#items.replaced(replaces)) this.#dropVoid();
    const series = this.#series.get(message.series) ?? { values: new SeriesItems<Value>(), counted: undefined };
    this.#series.set(message.series, series);
    const place = placeOf(id);
    const before = series.values.add({
      place,
      start: ts,
      end: ts + spanMs,
      adds,
      replaces,
      replacedItems,
      count,
      missing,
    });
    series.counted = undefined;
    if (before === undefined || before.place.generation !== place.generation || count >= before.count) return;
    const name = windowName(message.series, ts);
    this.#violations.push(`window ${name}: count fell from ${before.count} to ${count} (item ${id})`);
  }

  /** Over the latest editions and supplements. */
  get counted(): number {
    let sum = 0;
    for (const series of this.#series.values()) {
      series.counted ??= series.values.counting().reduce((counted, { count }) => counted + count, 0);
      sum += series.counted;
    }
    return sum;
  }

  /** Sampling instants without a value, in the windows that lie whole within a span of site time. */
  missingWithin({ from, to }: { readonly from: number; readonly to: number }): number {
    return this.#counting()
      .filter(({ start, end }) => start >= from && end <= to)
      .reduce((sum, { missing }) => sum + missing, 0);
  }

  /** What is published now, of each series in the order of time. */
  spans(): readonly PublishedSpan[] {
    return [...this.#series].flatMap(([series, { values }]) =>
      values.spans().map(({ start, end, items }) => {
        const count = items.reduce((sum, item) => sum + item.count, 0);
        return { series, start, end, count };
      }),
    );
  }

  totals(): WindowTotals {
    const replacements = this.#replacements();
    return {
      published: this.#starts.size,
      reissued: this.#reissued,
      outOfOrder: this.#items.outOfOrder(replacements),
      gaps: this.#items.gaps(replacements).length,
    };
  }

  /** What no correct site does, as sentences. */
  violations(): readonly string[] {
    return [...this.#violations, ...this.#items.violations(this.#replacements())];
  }

  #counting(): readonly Value[] {
    return [...this.#series.values()].flatMap(({ values }) => values.counting());
  }

  #replacements(): readonly Replaced[] {
    return this.#counting().flatMap(({ replaces, replacedItems }) =>
      replaces === undefined ? [] : [{ ranges: replaces, items: replacedItems }],
    );
  }

  #dropVoid(): void {
    for (const series of this.#series.values()) {
      series.values.drop((place) => this.#items.isVoid(place));
      series.counted = undefined;
    }
  }
}
