// Every scenario, by name.

import { SkeinError } from "../../../src/base/errors.ts";
import type { Scenario } from "../scenario.ts";
import { bridgeVoter } from "./bridge-voter.ts";
import { brokerThatHangs } from "./broker-that-hangs.ts";
import { clockOf1970 } from "./clock-of-1970.ts";
import { clonedCard, clonedCardUnknown } from "./cloned-card.ts";
import { coldStart } from "./cold-start.ts";
import { figure8 } from "./figure-8.ts";
import { majorityLost, majorityLostBehind } from "./majority-lost.ts";
import { realDays, realWeek } from "./real-site.ts";
import { rollingRestart } from "./rolling-restart.ts";
import { sitePowerCut } from "./site-power-cut.ts";
import { threeDaysOffline } from "./three-days-offline.ts";

export const scenarios: readonly Scenario[] = [
  figure8,
  bridgeVoter,
  brokerThatHangs,
  clonedCard,
  clonedCardUnknown,
  coldStart,
  sitePowerCut,
  threeDaysOffline,
  clockOf1970,
  rollingRestart,
  majorityLost,
  majorityLostBehind,
  realDays,
  realWeek,
];

export function scenario(name: string): Scenario {
  const found = scenarios.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = scenarios.map((each) => each.name).join(", ");
  throw new SkeinError("invalid-argument", `There is no scenario ${JSON.stringify(name)}; there are ${names}`);
}
