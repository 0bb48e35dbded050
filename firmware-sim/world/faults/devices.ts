// Faults of whole devices: power, process, and the people who pull plugs.

import type { FaultKind, PlannedFault } from "../fault.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";

export function machineAt(world: World, { target }: PlannedFault): Machine | undefined {
  return world.machines[target % world.machines.length];
}

function cutPowerOf(machine: Machine | undefined): (() => void) | undefined {
  if (machine?.hasPower !== true) return undefined;
  machine.cutPower();
  return () => machine.powerOn();
}

/** A broker that the process embeds is suspended with it. */
function suspend(world: World, machine: Machine): (() => void) | undefined {
  if (machine.gate.isPaused) return undefined;
  machine.gate.pause();
  const embedded = world.brokers.filter((_, i) => world.plan.brokers[i] === machine.name);
  for (const broker of embedded) broker.hang();
  return () => {
    for (const broker of embedded) broker.thaw();
    machine.gate.resume();
  };
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
      for (const machine of voters) machine.cutPower();
      for (const [i, machine] of voters.entries()) {
        world.after((lasts * i) / voters.length, "power is back", () => machine.powerOn());
      }
      return () => {
        for (const machine of voters) machine.powerOn();
      };
    },
  },
  {
    name: "site-power-cut",
    hides: "silence",
    what: "the whole site loses its power at one instant; brokers in no device go on",
    weight: 1,
    lasts: [1_000, 30_000],
    begin: (world) => {
      const running = world.machines.filter(({ hasPower }) => hasPower);
      for (const machine of running) machine.cutPower();
      return () => {
        for (const machine of running) machine.powerOn();
      };
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
      machine.stop().catch((failure: unknown) => world.break(failure));
      return () => {
        machine.cutPower(); // where stopping hangs, systemd kills
        machine.powerOn();
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
      for (let at = 0; at < fault.lasts; at += 2_500) {
        world.after(at, "plug pulled", () => {
          if (!isOver) machine.cutPower();
        });
        world.after(at + 300, "plug put back", () => machine.powerOn());
      }
      return () => {
        isOver = true; // the storm may end before its time
        machine.powerOn();
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
