// The protocol's own proof by trial: random schedules over the real fold, sender and gatherer, and each rule removed once.
// Schedules are numbered by their seed: `new World({ seed })` runs one again.

import { describe, expect, it } from "vitest";
import type { Violation } from "./counting-model/checker.ts";
import { rules } from "./counting-model/rules.ts";
import { World, type WorldOptions } from "./counting-model/world.ts";

const schedules = 2500;
const schedulesOverRealStore = 500;
const schedulesUntilCaught = 400;

async function firstViolation(
  count: number,
  options: Omit<WorldOptions, "seed"> = {},
): Promise<{ seed: number; violation: Violation } | undefined> {
  for (let seed = 1; seed <= count; seed++) {
    const violation = await new World({ seed, ...options }).run();
    if (violation !== undefined) return { seed, violation };
  }
  return undefined;
}

describe("counting each reading once", () => {
  it(`holds in ${schedules} random schedules`, { timeout: 120_000 }, async () => {
    expect(await firstViolation(schedules)).toBeUndefined();
  });

  it(`holds in ${schedulesOverRealStore} random schedules over the real store`, { timeout: 60_000 }, async () => {
    expect(await firstViolation(schedulesOverRealStore, { store: "real" })).toBeUndefined();
  });

  it.each(Object.keys(rules) as (keyof typeof rules)[])(
    "is found broken without the rule %s",
    { timeout: 60_000 },
    async (broken) => {
      expect(await firstViolation(schedulesUntilCaught, { broken }), rules[broken]).toBeDefined();
    },
  );
});
