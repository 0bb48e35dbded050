// Keys and folds as compact arrays, the same in log entries and in cells: `[count, sum, missing, min, max, sketch]`.

import { Fields } from "../base/shape.ts";
import { siteTime } from "../base/units.ts";
import { decodeSketch, encodeSketch } from "../readings/sketch.ts";
import type { Fold, Sketch, WindowKey } from "../readings/types.ts";

/** `name`, then levels of a topic: 1–64 letters, digits, `-`, `_`, `.` each. */
const groupPattern = /^[A-Za-z0-9_.-]{1,64}(?:\/[A-Za-z0-9_.-]{1,64}){0,7}$/;
const aggregationPattern = /^[a-z0-9][a-z0-9-]{0,31}$/;

export const isAggregationName = (value: unknown): value is string =>
  typeof value === "string" && aggregationPattern.test(value);
export const isGroup = (value: unknown): value is string => typeof value === "string" && groupPattern.test(value);

export const packKey = (key: WindowKey): readonly unknown[] => [key.aggregation, key.group, key.start];

export function unpackKey(value: unknown): WindowKey | undefined {
  const fields = new Fields(value, 3);
  return fields.finish({
    aggregation: fields.matching(isAggregationName),
    group: fields.matching(isGroup),
    start: siteTime(fields.count()),
  });
}

export function packFold(fold: Fold): readonly unknown[] {
  if (fold.count === 0) return [0, fold.missing];
  return [fold.count, fold.missing, fold.sum, fold.min, fold.max, encodeSketch(fold.sketch)];
}

/** Undefined for what no fold of finite values gives: extremes in the wrong order, a sketch of another count. */
export function unpackFold(value: unknown): Fold | undefined {
  const fields = new Fields(value);
  const count = fields.count();
  const missing = fields.count();
  if (count === 0) return fields.finish({ ...emptyValues, missing });
  const sum = fields.matching(isFiniteNumber);
  const min = fields.matching(isFiniteNumber);
  const max = fields.matching(isFiniteNumber);
  const sketch = fields.decoded(decodeSketch);
  if (fields.finish(true) === undefined || min > max || sizeOf(sketch) !== count) return undefined;
  return { count, sum, min, max, missing, sketch };
}

const emptyValues = {
  count: 0,
  sum: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  sketch: { positive: new Map<number, number>(), negative: new Map<number, number>(), zero: 0 },
};

const isFiniteNumber = (value: unknown): value is number => Number.isFinite(value);

function sizeOf(sketch: Sketch): number {
  let size = sketch.zero;
  for (const count of sketch.positive.values()) size += count;
  for (const count of sketch.negative.values()) size += count;
  return size;
}
