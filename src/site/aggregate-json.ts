// What a dashboard receives for one window: one flat JSON object, keys always in this order, the same bytes for the same state
// (docs/schemas/aggregate.schema.json). Ordinary dashboards plot it as it is: numbers are numbers, and a key never changes its
// type. Where nothing was measured (`count` 0) the statistics are absent: a gap in the graph is true, a zero would not be.
//
// It says everything about its window but the quantile sketch, and can be read back: that is how items that wait are merged.

import { type SiteTime, siteTime, type Term } from "../base/units.ts";
import { foldQuantile } from "../readings/fold.ts";
import type { Fold, WindowKey } from "../readings/types.ts";
import { formatRanges, type ItemId, type ItemRange, parseItemId, parseRanges } from "./item-id.ts";

export interface PublishedWindow {
  readonly key: WindowKey;
  /** Not included. */
  readonly end: SiteTime;
  readonly isSupplement: boolean;
}

export interface PublishedAs {
  /** `{generation}.{number}`. */
  readonly id: string;
  /** Of the coordinator whose entry closed it. */
  readonly term: Term;
  /** 0 for a supplement, which is added to the last edition instead of replacing it. */
  readonly edition: number;
  /** Of all sensors in the group; empty where they differ. */
  readonly unit: string;
  /** Of a window merged from items that waited. */
  readonly replaces: Replaced | undefined;
}

/** The items of the same series and kind (supplement or not) whose id lies in a range. */
export interface Replaced {
  /** Ascending. */
  readonly ranges: readonly ItemRange[];
  /** How many items these are. */
  readonly items: number;
}

export function formatAggregate({ key, end, isSupplement }: PublishedWindow, fold: Fold, as: PublishedAs): Uint8Array {
  const values = {
    ts: key.start,
    spanMs: end - key.start,
    count: fold.count,
    sum: fold.sum,
    mean: fold.count === 0 ? undefined : clamp(fold.sum / fold.count, fold),
    min: fold.count === 0 ? undefined : fold.min,
    max: fold.count === 0 ? undefined : fold.max,
    p50: foldQuantile(fold, 0.5),
    p95: foldQuantile(fold, 0.95),
    p99: foldQuantile(fold, 0.99),
    missing: fold.missing,
    id: as.id,
    term: as.term,
    edition: as.edition,
    adds: isSupplement,
    aggregation: key.aggregation,
    group: key.group,
    unit: as.unit,
    replaces: as.replaces && formatRanges(as.replaces.ranges),
    replacedItems: as.replaces?.items,
  };
  return Buffer.from(JSON.stringify(values));
}

interface AggregateFields
  extends Partial<Record<"ts" | "spanMs" | "count" | "sum" | "min" | "max" | "missing" | "edition" | "adds", unknown>>,
    Partial<Record<"aggregation" | "group" | "unit" | "id" | "replaces" | "replacedItems", unknown>> {}

export interface ReadAggregate extends PublishedWindow {
  readonly id: ItemId;
  readonly edition: number;
  readonly unit: string;
  readonly replaces: Replaced | undefined;
  readonly fold: Omit<Fold, "sketch">;
}

/** Reads back what `formatAggregate` wrote; undefined for anything else. */
export function readAggregate(payload: Uint8Array): ReadAggregate | undefined {
  let values: AggregateFields;
  try {
    values = JSON.parse(Buffer.from(payload).toString()) as AggregateFields;
  } catch {
    return undefined;
  }
  const { ts, spanMs, count, sum, min, max, missing, edition, aggregation, group, unit, adds } = values;
  const { replaces, replacedItems } = values;
  const id = parseItemId(values.id);
  const ranges = replaces === undefined ? undefined : parseRanges(replaces);
  if (replaces !== undefined && ranges === undefined) return undefined;
  const numbers = [ts, spanMs, count, sum, missing, edition];
  if (id === undefined || !numbers.every((number) => typeof number === "number")) return undefined;
  if (typeof aggregation !== "string" || typeof group !== "string" || typeof unit !== "string") return undefined;
  return {
    key: { aggregation, group, start: siteTime(ts as number) },
    end: siteTime((ts as number) + (spanMs as number)),
    isSupplement: adds === true,
    id,
    edition: edition as number,
    unit,
    replaces: ranges && { ranges, items: Number(replacedItems) },
    fold: {
      count: count as number,
      sum: sum as number,
      missing: missing as number,
      min: typeof min === "number" ? min : Number.POSITIVE_INFINITY,
      max: typeof max === "number" ? max : Number.NEGATIVE_INFINITY,
    },
  };
}

/** Below the prefix of the site's topics. */
export const aggregateTopic = ({ key }: Pick<PublishedWindow, "key">): string =>
  `aggregates/${key.aggregation}/${key.group}`;

/** Rounding may carry a mean of equal values past them. */
const clamp = (mean: number, { min, max }: Omit<Fold, "sketch">): number => Math.min(max, Math.max(min, mean));
