// The counting model's schedules over the site's own state machine (test/readings/counting-model).

import { expect, it } from "vitest";
import { RealSite } from "../readings/counting-model/real-site.ts";
import { World } from "../readings/counting-model/world.ts";

const schedules = 150;

it(`the site counts each reading once in ${schedules} random schedules`, { timeout: 120_000 }, async () => {
  for (let seed = 1; seed <= schedules; seed++) {
    const violation = await new World({ seed, makeSite: () => new RealSite(), ignoresMissing: true }).run();
    expect(violation, `seed ${seed}`).toBeUndefined();
  }
});

const freezingSchedules = 60;

it(`and where full cards freeze their oldest readings, in ${freezingSchedules}`, { timeout: 120_000 }, async () => {
  let counted = 0;
  for (let seed = 1; seed <= freezingSchedules; seed++) {
    const world = new World({ seed, store: "freezing", makeSite: () => new RealSite(), ignoresMissing: true });
    expect(await world.run(), `seed ${seed}`).toBeUndefined();
    counted += world.checker.freezes.counted;
  }
  expect(counted).toBeGreaterThan(freezingSchedules);
});
