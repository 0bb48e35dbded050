// The whole site loses its power at one instant, brokers and all, again and again, and right after a change was acknowledged: what
// was acknowledged is there afterwards (promise P2), and readings that were taken are counted once (P3).

import { seconds } from "../../../src/base/units.ts";
import { type Scenario, usualSite } from "../scenario.ts";

const times = 4;

export const sitePowerCut: Scenario = {
  name: "site-power-cut",
  what: "all devices and their brokers lose their power at one instant, right after a change was acknowledged; four times",
  site: { ...usualSite, brokers: ["pi-1", "pi-2"] },
  play: async (stage) => {
    const { world } = stage;
    for (let time = 1; time <= times; time++) {
      await stage.voters(5);
      await stage.writes("a change is acknowledged", seconds(20));
      const committed = stage.replicaOf(await stage.coordinator())?.commit ?? 0;
      for (const machine of world.machines) machine.cutPower();
      stage.expect("nothing runs", [...world.checkpost.lives()].length === 0);
      await stage.wait(seconds(time));
      for (const machine of world.machines) machine.powerOn();
      await stage.coordinator();
      stage.expect(
        "every committed entry is in the log that goes on",
        (stage.replicaOf(await stage.coordinator())?.last ?? 0) >= committed,
      );
    }
  },
};
