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
