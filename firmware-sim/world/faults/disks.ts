// Faults of disks that work again afterwards with all that they held.

import { milliseconds } from "../../../src/base/units.ts";
import type { DiskLatency } from "../../disk/device.ts";
import { type SimulatedDisk, usualDisk } from "../../disk/simulated-disk.ts";
import { type FaultKind, over } from "../fault.ts";
import type { Card } from "../machine.ts";
import { machineAt } from "./devices.ts";
import { Holds } from "./holds.ts";

/** Of one life of a card: a power cut ends it. */
const hung = new Holds<SimulatedDisk, true>((disk, isHung) => (isHung ? disk.hang() : disk.resume()));
const full = new Holds<Card, true>(({ disk }, isFull) => (isFull ? disk.fill() : disk.makeRoom()));
const slow = new Holds<Card, Partial<DiskLatency>>(({ disk }, latency) => disk.setLatency(latency ?? usualDisk));

export const fillCard = (card: Card): (() => void) => full.begin(card, true);

export const diskFaults: readonly FaultKind[] = [
  {
    name: "disk-hang",
    what: "a device's disk answers nothing for a while",
    weight: 2,
    lasts: [500, 20_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine?.hasPower !== true) return undefined;
      return hung.begin(machine.card.disk, true);
    },
  },
  {
    name: "coordinator-disk-hang",
    what: "the coordinator's disk answers nothing for longer than a coordinator waits for it, or almost",
    weight: 1,
    lasts: [8_000, 25_000],
    begin: (world) => {
      const machine = world.coordinator();
      return machine && hung.begin(machine.card.disk, true);
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
      return fillCard(machine.card);
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
      const end = fillCard(machine.card);
      machine.cutPower();
      machine.powerOn();
      return end;
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
      return slow.begin(machine.card, {
        syncLatencyMin: milliseconds(5),
        syncLatencyMax: milliseconds(20 + 800 * fault.strength),
      });
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
