// What people do to the members of a site: a copied card started beside its original, a device removed that comes back.

import type { FaultKind } from "../fault.ts";
import { machineAt } from "./devices.ts";

export const memberFaults: readonly FaultKind[] = [
  {
    name: "copy-beside",
    what: "a device's card is copied, and the copy is started in another machine beside it; later it is thrown away",
    weight: 1,
    lasts: [5_000, 60_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      const isAlone = world.machines.filter(({ device }) => device === machine?.device).length === 1;
      // While the original is away the site may take the copy for it; that is the fault card-moved.
      if (machine?.isUp !== true || !isAlone || machine.gate.isPaused || !world.mayLoseCard(machine)) return undefined;
      const copy = world.addMachine(`${machine.name}-copy-${fault.at}`, machine.device, world.copyOf(machine.card));
      copy.powerOn();
      return () => world.discard(copy);
    },
  },
  {
    name: "device-removed",
    what: "a person removes a device from the site; later its agent is restarted, so that it joins again",
    weight: 1,
    lasts: [5_000, 60_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      const coordinator = world.coordinator();
      if (machine?.isUp !== true || coordinator === undefined || machine === coordinator) return undefined;
      if (!world.operator.remove(coordinator.device, machine.device)) return undefined;
      return () => {
        machine.cutPower();
        machine.powerOn();
      };
    },
  },
];
