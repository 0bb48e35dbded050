// Faults of wall clocks, and of the sources that set them.

import { hours, milliseconds } from "../../../src/base/units.ts";
import type { FaultKind } from "../fault.ts";
import { machineAt } from "./devices.ts";

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
      return () => machine.clock?.synchronize();
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
      machine.wall = { ...machine.wall, hasSource: false };
      machine.clock?.setSynchronized(false);
      return () => {
        machine.wall = { ...machine.wall, hasSource: true };
        machine.clock?.synchronize();
      };
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
      machine.wall = { hasBattery: false, hasSource: false };
      machine.powerOn();
      return () => {
        machine.wall = { hasBattery: true, hasSource: true };
        machine.clock?.synchronize();
      };
    },
  },
];
