// The checkers of counting, cloud, time, incarnations and bounds, in the order in which they are to be told: the books first.

import { siteBooks } from "../books/site-books.ts";
import type { CheckerOf } from "../checker.ts";
import { conservation } from "./conservation.ts";
import { countedIsDurable } from "./counted-is-durable.ts";
import { countingMonotone } from "./counting-monotone.ts";
import { readingsImmutable } from "./readings-immutable.ts";

export const countingCheckers: readonly CheckerOf[] = [
  siteBooks,
  readingsImmutable,
  countedIsDurable,
  countingMonotone,
  conservation,
];
