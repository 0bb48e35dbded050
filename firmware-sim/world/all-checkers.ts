// The checkers that every run has.

import type { CheckerOf } from "./checker.ts";

export const allCheckers: readonly CheckerOf[] = [];
