// What a dashboard receives for one window: one flat JSON object, keys always in this order, the same bytes for the same state
// (docs/schemas/aggregate.schema.json). Ordinary dashboards plot it as it is: numbers are numbers, and a key never changes its
// type. Where nothing was measured (`count` 0) the statistics are absent: a gap in the graph is true, a zero would not be.

import type { Term } from "../base/units.ts";
import { foldQuantile } from "../readings/fold.ts";
import type { Fold } from "../readings/types.ts";
import type { SiteWindow } from "./windows.ts";

export interface PublishedAs {
  /** `{generation}.{number}`. */
  readonly id: string;
  /** Of the coordinator whose entry closed it. */
  readonly term: Term;
  /** 0 for a supplement, which is added to the last edition instead of replacing it. */
  readonly edition: number;
  /** Of all sensors in the group; empty where they differ. */
  readonly unit: string;
}

export function formatAggregate({ key, end, isSupplement }: SiteWindow, fold: Fold, as: PublishedAs): Uint8Array {
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
  };
  return Buffer.from(JSON.stringify(values));
}

/** Below the prefix of the site's topics. */
export const aggregateTopic = ({ key }: SiteWindow): string => `aggregates/${key.aggregation}/${key.group}`;

/** Rounding may carry a mean of equal values past them. */
const clamp = (mean: number, { min, max }: Fold): number => Math.min(max, Math.max(min, mean));
