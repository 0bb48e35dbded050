// Faults of the brokers of the site.

import type { SimulatedBroker } from "../../simulated-broker.ts";
import type { FaultKind, PlannedFault } from "../fault.ts";
import type { World } from "../world.ts";

function brokerAt(world: World, { target }: PlannedFault): SimulatedBroker | undefined {
  const broker = world.brokers[target % world.brokers.length];
  return broker?.state === "running" ? broker : undefined;
}

export const brokerFaults: readonly FaultKind[] = [
  {
    name: "broker-crash",
    what: "a broker ends and forgets all; it is started again",
    weight: 2,
    lasts: [100, 20_000],
    begin: (world, fault) => {
      const broker = brokerAt(world, fault);
      broker?.crash();
      return broker && (() => broker.restart());
    },
  },
  {
    name: "broker-hang",
    what: "a broker stops working with its connections open, and later delivers all that it was given meanwhile",
    weight: 2,
    lasts: [500, 60_000],
    begin: (world, fault) => {
      const broker = brokerAt(world, fault);
      broker?.hang();
      return broker && (() => broker.thaw());
    },
  },
];
