// Faults of wall clocks, and of the sources that set them.

import { hours, milliseconds } from "../../../src/base/units.ts";
import type { FaultKind } from "../fault.ts";
import type { Machine, WallState } from "../machine.ts";
import { machineAt } from "./devices.ts";
import { Holds } from "./holds.ts";

/** A clock is right again once its source is there, and is right itself. */
function correct(machine: Machine): void {
  if (machine.wall.hasSource && !wrong.isHeld(machine)) machine.clock?.synchronize();
}

const wrong = new Holds<Machine, true>((machine, isWrong) => {
  if (!isWrong) correct(machine);
});

const withoutSource = new Holds<Machine, WallState>((machine, wall) => {
  machine.wall = wall ?? { hasBattery: true, hasSource: true };
  if (wall === undefined) correct(machine);
  else machine.clock?.setSynchronized(false);
});

export const clockFaults: readonly FaultKind[] = [
  {
    name: "clock-jump",
    what: "a device's wall clock is wrong by up to two days, forward or back, and claims to be right, until its source sets it again",
    weight: 1,
    lasts: [5_000, 120_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine?.hasPower !== true) return undefined;
      machine.clock?.jumpWall(milliseconds((fault.strength - 0.5) * 4 * hours(24)));
      return wrong.begin(machine, true);
    },
  },
  {
    name: "clock-source-away",
    what: "no time source reaches a device: its clock drifts, and says so",
    weight: 1,
    lasts: [10_000, 300_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine === undefined) return undefined;
      return withoutSource.begin(machine, { hasBattery: true, hasSource: false });
    },
  },
  {
    name: "clock-of-1970",
    what: "a device wakes up in 1970, and no time source is there to tell it better",
    weight: 1,
    lasts: [10_000, 200_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine?.hasPower !== true) return undefined;
      machine.cutPower();
      const end = withoutSource.begin(machine, { hasBattery: false, hasSource: false });
      machine.powerOn();
      return end;
    },
  },
];
