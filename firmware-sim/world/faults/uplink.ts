// Faults between the site and the cloud.

import type { SimulatedBroker } from "../../simulated-broker.ts";
import type { FaultKind } from "../fault.ts";
import { uplinkUrl } from "../names.ts";
import { Holds } from "./holds.ts";

const forgetful = new Holds<SimulatedBroker, number>((broker, fraction) => broker.loseAcknowledgements(fraction ?? 0));

export const uplinkFaults: readonly FaultKind[] = [
  {
    name: "uplink-away",
    what: "nobody reaches the uplink broker",
    weight: 2,
    lasts: [2_000, 240_000],
    begin: (world) => world.network.cutFromAll(uplinkUrl),
  },
  {
    name: "uplink-loses-acknowledgements",
    what: "the uplink broker accepts items, and the site often never hears so",
    weight: 2,
    lasts: [5_000, 120_000],
    begin: (world, { strength }) => forgetful.begin(world.network.broker(uplinkUrl), 0.1 + 0.8 * strength),
  },
  {
    name: "uplink-crash",
    what: "the uplink broker ends and is started again",
    weight: 1,
    lasts: [500, 30_000],
    begin: (world) => {
      const broker = world.network.broker(uplinkUrl);
      if (broker.state !== "running") return undefined;
      broker.crash();
      return () => broker.restart();
    },
  },
];
