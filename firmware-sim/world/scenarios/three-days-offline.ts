// Three days without uplink, and with an election every few hours: every window's item waits on the cards of all voters, and
// reaches the cloud in order and without a gap when the link is back (promise P5).
//
// Virtual days cost what happens in them. So this site is slow by nature: readings once a minute, windows of ten minutes, and
// heartbeats, timeouts and keep-alives twenty times the usual.

import { hours, milliseconds, minutes } from "../../../src/base/units.ts";
import { uplinkUrl } from "../names.ts";
import { type Scenario, usualSite } from "../scenario.ts";

const powerCuts = 12;

/** The story of fewer or more days; its name is that of the usual one. */
export const offlineFor = (days: number): Scenario => ({
  name: "three-days-offline",
  what: "no uplink for three days, while coordinators come and go; then all of it reaches the cloud, in order",
  site: {
    ...usualSite,
    devices: 3,
    brokers: [undefined],
    sensorInterval: minutes(1),
    window: minutes(10),
    flushInterval: minutes(1),
    clients: [],
    pace: 20,
  },
  play: async (stage) => {
    const { world } = stage;
    await stage.voters(3);
    for (const machine of world.machines) world.network.cut(machine.name, uplinkUrl);
    for (let cut = 0; cut < powerCuts; cut++) {
      await stage.wait(milliseconds(hours(24 * days) / powerCuts));
      stage.fault("coordinator-power-cut", { lasts: minutes(2) });
    }
    const { outbox } = (await stage.coordinator()).status() ?? {};
    const least = (days * 24 * 60) / 10 / 2;
    stage.expect(`${outbox?.waiting} items wait, of three days`, (outbox?.waiting ?? 0) > least);
  },
});

export const threeDaysOffline = offlineFor(3);
