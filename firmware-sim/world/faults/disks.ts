// Faults of cards. Which of them may lose what was promised is decided by `world.mayLose`.

import type { FaultKind } from "../fault.ts";
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
      const { disk } = machine.card;
      disk.fill();
      return () => disk.makeRoom();
    },
  },
];
