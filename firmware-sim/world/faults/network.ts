// Faults between devices and brokers.

import { milliseconds } from "../../../src/base/units.ts";
import type { Cut } from "../../network-path.ts";
import type { FaultKind } from "../fault.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";
import { machineAt } from "./devices.ts";

const directions: readonly Cut[] = ["both", "to-broker", "from-broker"];

/** As where a cable is pulled out of a switch: both ends notice at once. Cut it before it dials again. */
function reset(world: World, machines: readonly Machine[], brokers: readonly string[]): void {
  for (const machine of machines) for (const url of brokers) world.network.broker(url).reset(machine.name);
}

function cut(world: World, machines: readonly Machine[], brokers: readonly string[], how: Cut): () => void {
  for (const machine of machines) for (const url of brokers) world.network.cut(machine.name, url, how);
  return () => {
    for (const machine of machines) for (const url of brokers) world.network.heal(machine.name, url);
  };
}

/** `machine` and one broker, away from all others, with all connections across reset. Undefined: there is one broker only. */
export function splitOff(world: World, machine: Machine, broker: number): (() => void) | undefined {
  const own = urls(world)[broker % world.brokers.length];
  if (own === undefined || world.brokers.length < 2) return undefined;
  const theirs = urls(world).filter((url) => url !== own);
  const others = world.machines.filter((each) => each !== machine);
  reset(world, [machine], theirs);
  reset(world, others, [own]);
  const ends = [cut(world, [machine], theirs, "both"), cut(world, others, [own], "both")];
  return () => {
    for (const end of ends) end();
  };
}

const urls = (world: World): readonly string[] => world.brokers.map(({ url }) => url);

export const networkFaults: readonly FaultKind[] = [
  {
    name: "weather",
    what: "bad Wi-Fi everywhere: QoS 0 messages are lost, repeated and overtaken, and all are late",
    weight: 3,
    lasts: [5_000, 120_000],
    begin: (world, { strength }) => {
      world.network.setFaults({
        loss: 0.2 * strength,
        repetition: 0.2 * strength,
        reordering: 0.3 * strength,
        reorderDelay: milliseconds(20 + 300 * strength),
        latencyMax: milliseconds(2 + 60 * strength),
      });
      return () => world.network.setFaults(world.calm);
    },
  },
  {
    name: "device-cut",
    hides: "cut",
    what: "a device is cut off from all brokers, in both directions or in one",
    weight: 3,
    lasts: [500, 90_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      const how = directions[Math.floor(fault.strength * directions.length)] ?? "both";
      return machine === undefined ? undefined : cut(world, [machine], urls(world), how);
    },
  },
  {
    name: "coordinator-cut",
    hides: "cut",
    what: "the coordinator is cut off from all brokers, in both directions or in one",
    weight: 3,
    lasts: [500, 40_000],
    begin: (world, { strength }) => {
      const machine = world.coordinator();
      const how = directions[Math.floor(strength * directions.length)] ?? "both";
      return machine === undefined ? undefined : cut(world, [machine], urls(world), how);
    },
  },
  {
    name: "pair-cut",
    hides: "cut",
    what: "a device is cut off from one of several brokers, so that not everybody reaches everybody on one",
    weight: 2,
    lasts: [1_000, 60_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      const url = urls(world)[Math.floor(fault.strength * world.brokers.length)];
      return machine === undefined || url === undefined ? undefined : cut(world, [machine], [url], "both");
    },
  },
  {
    name: "split",
    hides: "cut",
    what: "the site falls into two halves, each of which reaches one half of the brokers",
    weight: 2,
    lasts: [1_000, 60_000],
    begin: (world, { target, strength }) => {
      const size = Math.max(1, Math.floor(strength * world.machines.length));
      const first = world.machines.filter((_, i) => (i + target) % world.machines.length < size);
      const second = world.machines.filter((machine) => !first.includes(machine));
      const all = urls(world);
      const half = Math.ceil(all.length / 2);
      const ends = [cut(world, first, all.slice(half), "both"), cut(world, second, all.slice(0, half), "both")];
      return () => {
        for (const end of ends) end();
      };
    },
  },
  {
    name: "coordinator-split-off",
    hides: "cut",
    what: "the coordinator and one broker fall off the site; all connections across are reset, and noticed at once",
    weight: 2,
    lasts: [2_000, 40_000],
    begin: (world, { target }) => {
      const coordinator = world.coordinator();
      return coordinator && splitOff(world, coordinator, target);
    },
  },
  {
    name: "pair-weather",
    what: "one device's Wi-Fi is bad: it loses, repeats and delays, with spikes, whatever broker it talks to",
    weight: 3,
    lasts: [5_000, 120_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine === undefined) return undefined;
      const { strength } = fault;
      const faults = {
        loss: 0.5 * strength,
        repetition: 0.3 * strength,
        spikes: 0.05 * strength,
        spikeDelay: milliseconds(3_000 * strength),
        redelivery: 0.2 * strength,
        latencyMax: milliseconds(5 + 200 * strength),
      };
      for (const url of urls(world)) world.network.setPairFaults(machine.name, url, faults);
      return () => {
        for (const url of urls(world)) world.network.setPairFaults(machine.name, url, undefined);
      };
    },
  },
];
