// Faults of disks that work again afterwards with all that they held.

import { milliseconds } from "../../../src/base/units.ts";
import { usualDisk } from "../../disk/simulated-disk.ts";
import { type FaultKind, over } from "../fault.ts";
import { machineAt } from "./devices.ts";

export const diskFaults: readonly FaultKind[] = [
  {
    name: "disk-hang",
    what: "a device's disk answers nothing for a while",
    weight: 2,
    lasts: [500, 20_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine?.hasPower !== true) return undefined;
      const { disk } = machine.card;
      disk.hang();
      return () => disk.resume();
    },
  },
  {
    name: "disk-full",
    what: "a device's disk has no room but what was reserved",
    weight: 1,
    lasts: [2_000, 60_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine?.hasPower !== true) return undefined;
      const { card } = machine;
      card.disk.fill();
      return () => card.disk.makeRoom();
    },
  },
  {
    name: "disk-full-at-start",
    what: "a device loses its power while its disk has no room, and must start so",
    weight: 1,
    lasts: [2_000, 30_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine?.isUp !== true) return undefined;
      const { card } = machine;
      card.disk.fill();
      machine.cutPower();
      machine.powerOn();
      return () => card.disk.makeRoom();
    },
  },
  {
    name: "disk-slow",
    what: "a device's card takes long for each sync",
    weight: 2,
    lasts: [5_000, 120_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine?.hasPower !== true) return undefined;
      const { card } = machine;
      card.disk.setLatency({
        syncLatencyMin: milliseconds(5),
        syncLatencyMax: milliseconds(20 + 800 * fault.strength),
      });
      // The machine's card may be a copy by then.
      return () => {
        for (const { disk } of [card, machine.card]) disk.setLatency(usualDisk);
      };
    },
  },
  {
    name: "disk-fails",
    what: "every write of a device fails until its process was started again",
    weight: 1,
    lasts: [1_000, 5_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine?.isUp !== true) return undefined;
      machine.card.disk.fail();
      return over;
    },
  },
];
