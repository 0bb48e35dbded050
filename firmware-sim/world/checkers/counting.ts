// The checkers of counting, cloud, time, incarnations and bounds, in the order in which they are to be told: the books first, and
// what breaks a rule before what only shows the damage.

import { siteBooks } from "../books/site-books.ts";
import type { Checker, CheckerOf } from "../checker.ts";
import { boundsChecker } from "./bounds.ts";
import { conservation } from "./conservation.ts";
import { countRefusals } from "./count-refusals.ts";
import { countedIsDurable } from "./counted-is-durable.ts";
import { countingMonotone } from "./counting-monotone.ts";
import { everythingCounted } from "./everything-counted.ts";
import { incarnations } from "./incarnations.ts";
import { noLostChange } from "./no-lost-change.ts";
import { outboxOrder } from "./outbox-order.ts";
import { readingsImmutable } from "./readings-immutable.ts";
import { siteTimeChecker } from "./site-time.ts";

/** To these an entry that a recovery adopts is one that is applied. */
const withAdopted =
  (of: CheckerOf): CheckerOf =>
  (world) => {
    const checker = of(world);
    const also: Pick<Checker, "adopted"> = { adopted: (...told) => checker.applied?.(...told) };
    return Object.assign(checker, also);
  };

export const countingCheckers: readonly CheckerOf[] = [
  siteBooks,
  ...[incarnations, readingsImmutable, noLostChange, countedIsDurable, countingMonotone].map(withAdopted),
  countRefusals,
  siteTimeChecker,
  conservation,
  withAdopted(outboxOrder),
  everythingCounted,
  boundsChecker,
];
