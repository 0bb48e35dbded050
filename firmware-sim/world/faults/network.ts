// Faults between devices and brokers.

import { milliseconds } from "../../../src/base/units.ts";
import type { Cut, NetworkFaults } from "../../network-path.ts";
import type { FaultKind } from "../fault.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";
import { machineAt } from "./devices.ts";
import { together } from "./holds.ts";

const directions: readonly Cut[] = ["both", "to-broker", "from-broker"];
const cutOf = (strength: number): Cut => directions[Math.floor(strength * directions.length)] ?? "both";

const urls = (world: World): readonly string[] => world.brokers.map(({ url }) => url);
const othersThan = (world: World, machine: Machine): readonly Machine[] =>
  world.machines.filter((each) => each !== machine);

/** The paths over a machine's own Wi-Fi: to the brokers elsewhere, and of all others to those that it embeds. */
function pathsOf(world: World, machine: Machine): readonly Path[] {
  const own = world.brokersIn(machine).map(({ url }) => url);
  const elsewhere = urls(world).filter((url) => !own.includes(url));
  return [
    ...elsewhere.map((url) => ({ device: machine.name, url, isInward: false })),
    ...othersThan(world, machine).flatMap(({ name }) => own.map((url) => ({ device: name, url, isInward: true }))),
  ];
}

interface Path {
  readonly device: string;
  readonly url: string;
  /** The broker's end is at the machine in question. */
  readonly isInward: boolean;
}

/** What the machine says is on the way to a broker, or from one of its own. */
const turned = (how: Cut): Cut => (how === "both" ? how : how === "to-broker" ? "from-broker" : "to-broker");

/** Undefined: there is nobody else. */
function cutOff(world: World, machine: Machine | undefined, how: Cut): (() => void) | undefined {
  const paths = machine === undefined ? [] : pathsOf(world, machine);
  if (paths.length === 0) return undefined;
  return together(
    paths.map(({ device, url, isInward }) => world.network.cut(device, url, isInward ? turned(how) : how)),
  );
}

/** Until what it answers is called. */
export const badWifi = (world: World, machine: Machine, faults: Partial<NetworkFaults>): (() => void) =>
  together(pathsOf(world, machine).map(({ device, url }) => world.network.beginPairWeather(device, url, faults)));

function cut(world: World, machines: readonly Machine[], brokers: readonly string[]): () => void {
  return together(machines.flatMap(({ name }) => brokers.map((url) => world.network.cut(name, url))));
}

/** Of the brokers' URLs those in these machines, and those in others; one that stands alone falls to whoever has fewer. */
function halvesOfBrokers(world: World, machines: readonly Machine[]): readonly [readonly string[], readonly string[]] {
  const [own, theirs, alone]: [string[], string[], string[]] = [[], [], []];
  for (const [i, url] of urls(world).entries()) {
    const host = world.plan.brokers[i];
    if (host === undefined) alone.push(url);
    else (machines.some(({ name }) => name === host) ? own : theirs).push(url);
  }
  for (const url of alone) (own.length <= theirs.length ? own : theirs).push(url);
  return [own, theirs];
}

/** As where a cable is pulled out of a switch: both ends notice at once. Cut it before it dials again. */
function reset(world: World, machines: readonly Machine[], brokers: readonly string[]): void {
  for (const machine of machines) for (const url of brokers) world.network.broker(url).reset(machine.name);
}

/**
 * `machine` and one broker, away from all others, with all connections across reset: a broker of its own, or else one that stands
 * alone. Undefined: there is no such, or no other.
 */
export function splitOff(world: World, machine: Machine, number: number): (() => void) | undefined {
  const inIt = world.brokersIn(machine);
  const alone = world.brokers.filter((_, i) => world.plan.brokers[i] === undefined);
  const free = inIt.length > 0 ? inIt : alone;
  const own = free[number % Math.max(1, free.length)]?.url;
  const theirs = urls(world).filter((url) => url !== own);
  if (own === undefined || theirs.length === 0) return undefined;
  const others = othersThan(world, machine);
  reset(world, [machine], theirs);
  reset(world, others, [own]);
  return together([cut(world, [machine], theirs), cut(world, others, [own])]);
}

export const networkFaults: readonly FaultKind[] = [
  {
    name: "weather",
    what: "bad Wi-Fi everywhere: QoS 0 messages are lost, repeated and overtaken, and all are late",
    weight: 3,
    lasts: [5_000, 120_000],
    begin: (world, { strength }) =>
      world.network.beginWeather({
        loss: 0.2 * strength,
        repetition: 0.2 * strength,
        reordering: 0.3 * strength,
        reorderDelay: milliseconds(20 + 300 * strength),
        latencyMax: milliseconds(2 + 60 * strength),
      }),
  },
  {
    name: "device-cut",
    hides: "cut",
    what: "a device is cut off from all brokers, in both directions or in one",
    weight: 3,
    lasts: [500, 90_000],
    begin: (world, fault) => cutOff(world, machineAt(world, fault), cutOf(fault.strength)),
  },
  {
    name: "coordinator-cut",
    hides: "cut",
    what: "the coordinator is cut off from all brokers, in both directions or in one",
    weight: 3,
    lasts: [500, 40_000],
    begin: (world, { strength }) => cutOff(world, world.coordinator(), cutOf(strength)),
  },
  {
    name: "pair-cut",
    hides: "cut",
    what: "a device is cut off from one of several brokers, so that not everybody reaches everybody on one",
    weight: 2,
    lasts: [1_000, 60_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine === undefined) return undefined;
      const elsewhere = world.brokers.filter((broker) => !world.brokersIn(machine).includes(broker));
      const broker = elsewhere[Math.floor(fault.strength * elsewhere.length)];
      return broker && cut(world, [machine], [broker.url]);
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
      const [own, theirs] = halvesOfBrokers(world, first);
      return together([cut(world, first, theirs), cut(world, second, own)]);
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
      return badWifi(world, machine, faults);
    },
  },
];
