// Frozen partials (docs/decisions/0008) tried on the counting model: cards that hold a few readings, devices that are cut off, and
// each rule of freezing removed once. `new World({ seed, store: "freezing" })` runs a schedule again.

import { describe, expect, it } from "vitest";
import { type FreezingRule, freezingRules } from "./counting-model/freezing-rules.ts";
import { World } from "./counting-model/world.ts";

const schedules = 1500;
const schedulesUntilCaught = 1500;

describe("counting where full cards freeze their oldest readings", () => {
  it(`holds in ${schedules} random schedules, in most of which something is frozen`, { timeout: 180_000 }, async () => {
    const total = { schedules: 0, frozen: 0, merged: 0, counted: 0 };
    for (let seed = 1; seed <= schedules; seed++) {
      const world = new World({ seed, store: "freezing" });
      expect(await world.run(), `seed ${seed}`).toBeUndefined();
      const { frozen, merged, counted } = world.checker.freezes;
      total.frozen += frozen;
      total.merged += merged;
      total.counted += counted;
      if (counted > 0) total.schedules += 1;
    }
    expect(total.schedules, JSON.stringify(total)).toBeGreaterThan(schedules / 2);
    expect(total.merged, JSON.stringify(total)).toBeGreaterThan(schedules / 10);
  });

  it.each(Object.keys(freezingRules) as FreezingRule[])(
    "is found broken without the rule %s",
    { timeout: 60_000 },
    async (broken) => {
      let found: unknown;
      for (let seed = 1; seed <= schedulesUntilCaught && found === undefined; seed++) {
        found = await new World({ seed, store: "freezing", broken }).run();
      }
      expect(found, freezingRules[broken]).toBeDefined();
    },
  );
});
