// A plan and the items that it is about become what an entry says.

import { emptyFold, mergeFolds } from "../readings/fold.ts";
import { readAggregate } from "./aggregate-json.ts";
import type { MergePlan } from "./degrade-plan.ts";
import type { OutboxItem } from "./outbox.ts";
import type { OutboxMerge } from "./types.ts";

/** Undefined where an item is no longer there. */
export function mergeItems(plan: MergePlan, items: ReadonlyMap<number, OutboxItem>): OutboxMerge | undefined {
  const { counted, end, replaces } = plan;
  const numbers = plan.items.map(({ number }) => number);
  if (numbers.some((number) => !items.has(number))) return undefined;
  let fold = emptyFold;
  let oldest: ReturnType<typeof readAggregate>;
  for (const { number } of counted) {
    const item = items.get(number);
    const read = item === undefined ? undefined : readAggregate(item.payload);
    if (read === undefined || item?.merging === undefined) return undefined;
    fold = mergeFolds(fold, { ...read.fold, sketch: item.merging.sketch });
    if (oldest === undefined || read.key.start < oldest.key.start) oldest = read;
  }
  if (oldest === undefined) return undefined;
  const { key, isSupplement, unit } = oldest;
  const editions = plan.items.map(({ edition }) => edition);
  return {
    key,
    end,
    isSupplement,
    numbers,
    edition: isSupplement ? 0 : 1 + Math.max(...editions),
    unit: plan.items.every((item) => item.unit === unit) ? unit : "",
    isWhole:
      isSupplement || counted.every(({ start }) => plan.items.some((item) => item.start === start && item.isWhole)),
    replaces,
    fold,
  };
}
