// What a checker adds up of readings, by itself: it shares nothing with the fold that it judges. Sums are exact, because the
// world's sensors hand out whole numbers.

import type { Fold } from "../../../src/readings/types.ts";
import type { ReadingKey } from "./expected-definitions.ts";

export interface Amount {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly missing: number;
}

/** What readings add to one window. */
export interface WindowDelta {
  readonly key: ReadingKey;
  readonly amount: Amount;
}

export const nothing: Amount = {
  count: 0,
  sum: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  missing: 0,
};

export const addAmounts = (a: Amount, b: Amount): Amount => ({
  count: a.count + b.count,
  sum: a.sum + b.sum,
  min: Math.min(a.min, b.min),
  max: Math.max(a.max, b.max),
  missing: a.missing + b.missing,
});

export const amountOfFold = ({ count, sum, min, max, missing }: Fold): Amount => ({ count, sum, min, max, missing });

export function isSameAmount(a: Amount, b: Amount): boolean {
  return a.missing === b.missing && hasSameValues(a, b);
}

/** Whatever is missing. */
export function hasSameValues(a: Amount, b: Amount): boolean {
  return a.count === b.count && a.sum === b.sum && a.min === b.min && a.max === b.max;
}

export const showAmount = ({ count, sum, min, max, missing }: Amount): string =>
  `${count} readings (sum ${sum}, ${min} to ${max}) and ${missing} missing`;
