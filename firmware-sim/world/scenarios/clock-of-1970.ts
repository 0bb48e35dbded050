// A Raspberry Pi has no clock that outlives its power: one device wakes up in 1970, and then the coordinator itself does. Its
// readings must bear the site's time, and site time must not follow it back (DESIGN §6).

import { seconds } from "../../../src/base/units.ts";
import { type Scenario, usualSite } from "../scenario.ts";

const aYear = 365 * 24 * 3_600_000;

export const clockOf1970: Scenario = {
  name: "clock-of-1970",
  what: "a voter and then the coordinator wake up in 1970 with no time source",
  site: usualSite,
  play: async (stage) => {
    const [, follower] = await stage.voters(5);
    for (const machine of [follower, await stage.coordinator()]) {
      if (machine === undefined) return;
      const before = (await stage.coordinator()).status()?.siteTime ?? 0;
      machine.cutPower();
      machine.wall = { hasBattery: false, hasSource: false };
      await stage.wait(seconds(5));
      machine.powerOn();
      await stage.until("it is a member again", () => machine.status()?.siteTime !== undefined, seconds(60));
      await stage.wait(seconds(30));
      stage.expect("its wall clock stands in 1970", (machine.clock?.wall().time ?? aYear) < aYear);
      stage.expect("it knows the site's time all the same", (machine.status()?.siteTime ?? 0) > before);
      machine.wall = { hasBattery: true, hasSource: true };
      machine.clock?.synchronize();
    }
  },
};
