// An update: each device in turn is stopped as systemd stops it and started again. The coordinator hands over before it goes, so
// that nobody waits for an election; nothing is lost, and no reading is taken twice (thesis §3.10).

import { milliseconds, minutes, seconds } from "../../../src/base/units.ts";
import { type Scenario, usualSite } from "../scenario.ts";

/** The coordinator hands over to a voter, which may be the next to be stopped. */
const changesMax = 5;

export const rollingRestart: Scenario = {
  name: "rolling-restart",
  what: "each device in turn is stopped in good order and started again",
  site: { ...usualSite, devices: 7 },
  play: async (stage) => {
    await stage.voters(5);
    const { world } = stage;
    let changes = 0;
    let last = await stage.coordinator();
    let silence = 0;
    for (const machine of world.machines) {
      const stopped = machine.stop().then(
        () => undefined,
        (failure: unknown) => world.break(failure),
      );
      await stage.until("the process ends", () => !machine.hasPower, seconds(20));
      await stopped;
      machine.powerOn();
      const until = world.time.now + seconds(20);
      while (world.time.now < until) {
        await stage.wait(milliseconds(100));
        const now = world.coordinator();
        if (now === undefined) silence += 100;
        else if (now !== last) {
          changes += 1;
          last = now;
        }
      }
    }
    stage.expect("the coordinator was among those that were stopped", changes >= 1);
    stage.expect(`the coordinator changed ${changes} times, at most ${changesMax}`, changes <= changesMax);
    stage.expect(`the site was without a coordinator for ${silence} ms`, silence < minutes(1) / 10);
    await stage.writes("a change commits", seconds(20));
  },
};
