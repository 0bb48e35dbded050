// Devices come and go in the storm, and the site heals with those that are left.

import { expect, it } from "vitest";
import { allCheckers } from "../../../firmware-sim/world/all-checkers.ts";
import type { CheckedWorld, Checker } from "../../../firmware-sim/world/checker.ts";
import type { PlannedFault } from "../../../firmware-sim/world/fault.ts";
import { runWorld } from "../../../firmware-sim/world/run-world.ts";
import type { SitePlan } from "../../../firmware-sim/world/site.ts";
import { memberOf } from "../../../src/base/ids.ts";
import { seconds } from "../../../src/base/units.ts";
import { bareSite } from "./bare-site.ts";

const site: SitePlan = {
  ...bareSite,
  devices: 6,
  sensorsEach: 1,
  sensorInterval: 2_000,
  clients: [{ pause: seconds(4), writes: 0.5, echoes: 0, isImpatient: false }],
  storm: 40_000,
};

/** The members at the end and the lives of each machine, in which these came to pass from the second second on. */
async function after(...kinds: readonly string[]) {
  const faults = kinds.map(
    (kind, i): PlannedFault => ({
      kind,
      at: 2_000 + 1_000 * i,
      lasts: 20_000,
      target: 4,
      strength: 0.5,
    }),
  );
  let members: readonly string[] = [];
  const lives = new Map<string, string[]>();
  const spy = (world: CheckedWorld): Checker => ({
    name: "spy",
    lifeBegan: ({ machine, self }) => {
      const { incarnation } = memberOf(self);
      lives.set(machine, [...(lives.get(machine) ?? []), incarnation]);
    },
    healed: () => {
      const [life] = world.lives();
      members = [...(life?.replica.state.members.keys() ?? [])].sort();
    },
  });
  const report = await runWorld(3, { site, faults }, [...allCheckers, spy]);
  expect(report.violation).toBeUndefined();
  expect([...report.faults.keys()]).toEqual(kinds);
  return { members, lives };
}

it("a new device joins in the storm, and is counted when the site must heal", async () => {
  const { members, lives } = await after("device-joins");
  expect(members).toEqual(["pi-1", "pi-2", "pi-3", "pi-4", "pi-5", "pi-6", "pi-7"]);
  expect(lives.get("pi-7")).toHaveLength(1);
});

it("a device that is removed and switched off for good is no member any more, and nobody waits for it", async () => {
  const { members } = await after("device-leaves");
  expect(members).toEqual(["pi-1", "pi-2", "pi-3", "pi-4", "pi-6"]);
});

it("a device that is removed and comes back with its card joins as another incarnation", async () => {
  const { members, lives } = await after("device-leaves-and-returns");
  expect(members).toEqual(["pi-1", "pi-2", "pi-3", "pi-4", "pi-5", "pi-6"]);
  expect(new Set(lives.get("pi-5")).size).toBe(2);
});
