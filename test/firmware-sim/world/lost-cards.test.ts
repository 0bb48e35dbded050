// Cards that rot, or are lost at the worst moment: the fault comes to pass, the checkers allow what is lost with it, and the site heals.

import { expect, it } from "vitest";
import { allCheckers } from "../../../firmware-sim/world/all-checkers.ts";
import type { PlannedFault } from "../../../firmware-sim/world/fault.ts";
import { runWorld } from "../../../firmware-sim/world/run-world.ts";
import type { SitePlan } from "../../../firmware-sim/world/site.ts";
import { seconds } from "../../../src/base/units.ts";
import { bareSite } from "./bare-site.ts";

const site: SitePlan = {
  ...bareSite,
  devices: 6,
  sensorsEach: 1,
  window: 20_000,
  clients: [{ pause: seconds(4), writes: 0.5, echoes: 0, isImpatient: false }],
  storm: 60_000,
};

const fault = (kind: string, at: number, how: Partial<PlannedFault> = {}): PlannedFault => ({
  kind,
  at,
  lasts: 20_000,
  target: 4,
  strength: 0.9,
  ...how,
});

/** How often each of these situations was reached. */
async function reached(faults: readonly PlannedFault[], ...situations: readonly string[]): Promise<number[]> {
  const report = await runWorld(5, { site, faults }, allCheckers);
  expect(report.violation).toBeUndefined();
  return situations.map((name) => report.situations.get(name) ?? 0);
}

it("a record of the readings rots while its device is off: it begins anew, and what it had uncounted is gone", async () => {
  const rot = fault("readings-rot", 15_000);
  expect(await reached([rot], "uncounted readings rotted", "new incarnation", "heir admitted")).toEqual([1, 1, 0]);
});

it("the coordinator's card is wiped as it has begun a change of the voters", async () => {
  const wiped = fault("card-wiped-at-voter-change", 1_000, { lasts: 59_000 });
  const faults = [wiped, fault("power-cut", 2_000, { target: 1, lasts: 58_000 }), fault("device-leaves", 5_000)];
  const [joint = 0] = await reached(faults, "card lost in a joint configuration");
  expect(joint).toBeGreaterThan(0);
});

it("cards are lost while nobody leads (all voters without power, one of them wiped when it is back first)", async () => {
  const faults = [
    fault("voters-power-cut", 5_000),
    ...[0, 1, 2, 3, 4, 5].map((target) => fault("card-wiped", 6_000 + 3_500 * target, { target })),
  ];
  const [alone = 0] = await reached(faults, "card lost without a coordinator");
  expect(alone).toBeGreaterThan(0);
});
