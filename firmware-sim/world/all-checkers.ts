// The checkers that every run has.

import type { CheckerOf } from "./checker.ts";
import { agreementCheckers } from "./checkers/agreement.ts";

export const allCheckers: readonly CheckerOf[] = [...agreementCheckers];
