// The checkers that every run has. The last ones need a whole world: sensors whose values are told, and devices that come and go.

import type { CheckerOf } from "./checker.ts";
import { agreementCheckers } from "./checkers/agreement.ts";
import { countingCheckers } from "./checkers/counting.ts";
import { everybodyFollows } from "./checkers/everybody-follows.ts";
import { takenAsSensed } from "./checkers/taken-as-sensed.ts";

export const allCheckers: readonly CheckerOf[] = [
  ...agreementCheckers,
  ...countingCheckers,
  takenAsSensed,
  everybodyFollows,
];
