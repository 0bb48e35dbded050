// Faults of the brokers of the site.

import { type Duration, milliseconds } from "../../../src/base/units.ts";
import type { SimulatedBroker } from "../../simulated-broker.ts";
import { type FaultKind, over, type PlannedFault } from "../fault.ts";
import type { World } from "../world.ts";
import { Holds } from "./holds.ts";

const hung = new Holds<SimulatedBroker, true>((broker, isHung) => (isHung ? broker.hang() : broker.thaw()));
const slow = new Holds<SimulatedBroker, Duration>((broker, delay) => broker.slow(delay ?? milliseconds(0)));
const refusing = new Holds<SimulatedBroker, true>((broker, isRefusing) =>
  isRefusing ? broker.refuseClients() : broker.admitClients(),
);
const replaying = new Holds<SimulatedBroker, true>((broker, isReplaying) =>
  broker.replayOnReconnect(isReplaying === true),
);

export const hangBroker = (broker: SimulatedBroker): (() => void) => hung.begin(broker, true);

/** One that a device embeds starts with its agent: not while that has no power. */
function restart(world: World, broker: SimulatedBroker): void {
  const host = world.plan.brokers[world.brokers.indexOf(broker)];
  if (host === undefined || world.machines.find(({ name }) => name === host)?.hasPower === true) broker.restart();
}

function brokerAt(world: World, { target }: PlannedFault): SimulatedBroker | undefined {
  const broker = world.brokers[target % world.brokers.length];
  return broker?.state === "running" ? broker : undefined;
}

export const brokerFaults: readonly FaultKind[] = [
  {
    name: "broker-crash",
    hides: "silence",
    what: "a broker ends and forgets all; it is started again",
    weight: 2,
    lasts: [100, 20_000],
    begin: (world, fault) => {
      const broker = brokerAt(world, fault);
      broker?.crash();
      return broker && (() => restart(world, broker));
    },
  },
  {
    name: "broker-hang",
    hides: "silence",
    what: "a broker stops working with its connections open, and later delivers all that it was given meanwhile",
    weight: 2,
    lasts: [500, 60_000],
    begin: (world, fault) => {
      const broker = brokerAt(world, fault);
      return broker && hangBroker(broker);
    },
  },
  {
    name: "broker-crash-with-state",
    hides: "silence",
    what: "a broker ends, and on its return still has what it retained and what it kept for clients that were away",
    weight: 1,
    lasts: [100, 20_000],
    begin: (world, fault) => {
      const broker = brokerAt(world, fault);
      broker?.crash({ keepsState: true });
      return broker && (() => restart(world, broker));
    },
  },
  {
    name: "broker-resets",
    what: "the brokers reset the connections of the coordinator, and publish its last wills; it lives, and dials again",
    weight: 2,
    lasts: [1_000, 2_000],
    begin: (world, { strength }) => {
      const machine = world.coordinator();
      if (machine === undefined) return undefined;
      // All of them, or one: then it is still there.
      const struck = strength < 0.3 ? world.brokers.slice(0, 1) : world.brokers;
      for (const broker of struck) broker.reset(machine.name);
      return over;
    },
  },
  {
    name: "broker-slow",
    hides: "silence",
    what: "a broker handles everything late, in order",
    weight: 1,
    lasts: [2_000, 60_000],
    begin: (world, fault) => {
      const broker = brokerAt(world, fault);
      return broker && slow.begin(broker, milliseconds(20 + 1_500 * fault.strength ** 3));
    },
  },
  {
    name: "broker-refuses",
    hides: "silence",
    what: "a broker lets no new client in; who is connected stays",
    weight: 1,
    lasts: [2_000, 60_000],
    begin: (world, fault) => {
      const broker = brokerAt(world, fault);
      return broker && refusing.begin(broker, true);
    },
  },
  {
    name: "broker-replays",
    hides: "silence",
    what: "a broker keeps what its clients miss while they are away, and delivers it, stale, when they come back",
    weight: 2,
    lasts: [20_000, 240_000],
    begin: (world, fault) => {
      const broker = brokerAt(world, fault);
      return broker && replaying.begin(broker, true);
    },
  },
];
