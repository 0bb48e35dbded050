// A site is switched on for the first time on a mountain: no device has a battery behind its clock, no time source answers, and
// there is no uplink. It must found itself, agree, count, and keep its own time, which says that it is uncertain; and hand
// everything to the cloud when there is one (DESIGN §6; PROTOCOLS, "Clocks": nothing asks the wall clock).

import { minutes, seconds } from "../../../src/base/units.ts";
import { uplinkUrl } from "../names.ts";
import { type Scenario, usualSite } from "../scenario.ts";
import type { World } from "../world.ts";

const aYear = 365 * 24 * 3_600_000;

function wallsAreRight(world: World): void {
  for (const machine of world.machines) {
    machine.wall = { hasBattery: true, hasSource: true };
    machine.clock?.synchronize();
  }
}

export const coldStart: Scenario = {
  name: "cold-start",
  what: "a site starts for the first time with all clocks in 1970, no time source and no uplink; both come later",
  site: usualSite,
  prepare: (world) => {
    for (const machine of world.machines) {
      machine.wall = { hasBattery: false, hasSource: false };
      world.network.cut(machine.name, uplinkUrl);
    }
  },
  play: async (stage) => {
    const { world } = stage;
    await stage.voters(5);
    stage.expect(
      "every wall clock stands in 1970",
      world.machines.every((machine) => (machine.clock?.wall().time ?? aYear) < aYear),
    );
    await stage.writes("a change commits", seconds(20));
    await stage.wait(minutes(2));
    const status = (await stage.coordinator()).status();
    stage.expect("windows wait for the cloud", (status?.outbox.waiting ?? 0) > 0);
    stage.expect("readings are counted", (status?.readings.counted ?? 0) > 0);
    stage.expect("site time says that it is uncertain", status?.isSiteTimeSynced === false);
    for (const machine of world.machines) world.network.heal(machine.name, uplinkUrl);
    await stage.wait(minutes(1));
    wallsAreRight(world);
    await stage.until(
      "site time is synchronized",
      () => world.coordinator()?.status()?.isSiteTimeSynced === true,
      minutes(10),
    );
  },
};
