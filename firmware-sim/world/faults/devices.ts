// Faults of whole devices: power, process, and the people who pull plugs.

import { type FaultKind, over, type PlannedFault } from "../fault.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";
import { hangBroker } from "./brokers.ts";
import { Holds, together } from "./holds.ts";
import { giveBackPower, takePower } from "./power.ts";

export function machineAt(world: World, { target }: PlannedFault): Machine | undefined {
  return world.machines[target % world.machines.length];
}

const cutPowerOf = (machine: Machine | undefined): (() => void) | undefined =>
  machine?.hasPower === true ? takePower(machine) : undefined;

/** A power cut ends it for the process, and another one may begin. */
const suspended = new Holds<Machine, true>(({ gate }, isSuspended) => {
  if (isSuspended) gate.pause();
  else gate.resume();
});

/** A broker that the process embeds is suspended with it. */
function suspend(world: World, machine: Machine): (() => void) | undefined {
  if (machine.gate.isPaused) return undefined;
  const resume = suspended.begin(machine, true);
  return together([...world.brokersIn(machine).map(hangBroker), resume]);
}

export const deviceFaults: readonly FaultKind[] = [
  {
    name: "power-cut",
    hides: "silence",
    what: "a device loses its power, and comes back",
    weight: 4,
    lasts: [200, 60_000],
    begin: (world, fault) => cutPowerOf(machineAt(world, fault)),
  },
  {
    name: "coordinator-power-cut",
    hides: "silence",
    what: "the coordinator loses its power, and comes back",
    weight: 4,
    lasts: [200, 40_000],
    begin: (world) => cutPowerOf(world.coordinator()),
  },
  {
    name: "voters-power-cut",
    hides: "silence",
    what: "all voters lose their power at one instant, and come back one after the other",
    weight: 1,
    lasts: [1_000, 20_000],
    begin: (world, { lasts }) => {
      const voters = world.machines.filter((machine) => machine.status()?.isVoter === true);
      if (voters.length === 0) return undefined;
      const backs = voters.map(takePower);
      for (const [i, back] of backs.entries()) world.after((lasts * i) / voters.length, "power is back", back);
      return together(backs);
    },
  },
  {
    name: "site-power-cut",
    hides: "silence",
    what: "the whole site loses its power at one instant; brokers in no device go on",
    weight: 1,
    lasts: [1_000, 30_000],
    begin: (world) => {
      const backs = world.machines.filter(({ hasPower }) => hasPower).map(takePower);
      return backs.length === 0 ? undefined : together(backs);
    },
  },
  {
    name: "restart",
    what: "a device's agent is stopped as by SIGTERM, and started again",
    weight: 2,
    lasts: [100, 10_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine?.isUp !== true) return undefined;
      let isOver = false;
      let back = over;
      const stopped = (): void => {
        if (!isOver) back = takePower(machine);
      };
      machine.stop().then(stopped, (failure: unknown) => world.break(failure));
      return () => {
        isOver = true;
        machine.cutPower(); // where stopping hangs, systemd kills
        back();
        giveBackPower(machine);
      };
    },
  },
  {
    name: "flapping",
    hides: "silence",
    what: "a device loses its power again and again, each time for a moment",
    weight: 1,
    lasts: [5_000, 30_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine?.hasPower !== true) return undefined;
      let isOver = false;
      let back = over;
      for (let at = 0; at < fault.lasts; at += 2_500) {
        world.after(at, "plug pulled", () => {
          if (!isOver) back = takePower(machine);
        });
        world.after(at + 300, "plug put back", () => back());
      }
      return () => {
        isOver = true; // the storm may end before its time
        back();
      };
    },
  },
  {
    name: "pause",
    hides: "silence",
    what: "a device's process is suspended, and later goes on as if nothing had been",
    weight: 2,
    lasts: [500, 40_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      return machine?.isUp === true ? suspend(world, machine) : undefined;
    },
  },
  {
    name: "coordinator-pause",
    hides: "silence",
    what: "the coordinator's process is suspended, and wakes up deposed",
    weight: 2,
    lasts: [1_000, 30_000],
    begin: (world) => {
      const machine = world.coordinator();
      return machine && suspend(world, machine);
    },
  },
];
