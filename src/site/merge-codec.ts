// What a `degrade` says of one merged item, as an array in a log entry.

import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import { siteTime } from "../base/units.ts";
import { packFold, packKey, unpackFold, unpackKey } from "./fold-codec.ts";
import type { ItemId, ItemRange } from "./item-id.ts";
import type { OutboxMerge } from "./types.ts";

const unitLengthMax = 64;

export function packMerge(merge: OutboxMerge): readonly unknown[] {
  const { key, end, isSupplement, numbers, edition, unit, isWhole, fold, replaces } = merge;
  const ranges = replaces.ranges.map(({ first, last }) => [...packId(first), ...packId(last)]);
  return [packKey(key), end, isSupplement, numbers, edition, unit, isWhole, replaces.items, ranges, packFold(fold)];
}

export function unpackMerge(value: unknown): OutboxMerge | undefined {
  const fields = new Fields(value, 10);
  return fields.finish({
    key: fields.decoded(unpackKey),
    end: siteTime(fields.count()),
    isSupplement: fields.flag(),
    numbers: fields.list(limits.degradeMergeItems, (item) =>
      Number.isSafeInteger(item) ? (item as number) : undefined,
    ),
    edition: fields.count(),
    unit: fields.text(unitLengthMax),
    isWhole: fields.flag(),
    replaces: { items: fields.count(), ranges: fields.list(limits.degradeRanges, unpackRange) },
    fold: fields.decoded(unpackFold),
  });
}

const packId = ({ generation, number }: ItemId): readonly number[] => [generation, number];

function unpackRange(value: unknown): ItemRange | undefined {
  const fields = new Fields(value, 4);
  const id = (): ItemId => ({ generation: fields.count(), number: fields.count() });
  return fields.finish({ first: id(), last: id() });
}
