// The checkers that every run has.

import type { CheckerOf } from "./checker.ts";
import { agreementCheckers } from "./checkers/agreement.ts";
import { countingCheckers } from "./checkers/counting.ts";

export const allCheckers: readonly CheckerOf[] = [...agreementCheckers, ...countingCheckers];
