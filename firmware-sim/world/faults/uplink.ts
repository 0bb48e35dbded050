// Faults between the site and the cloud.

import type { FaultKind } from "../fault.ts";
import { uplinkUrl } from "../names.ts";

export const uplinkFaults: readonly FaultKind[] = [
  {
    name: "uplink-away",
    what: "nobody reaches the uplink broker",
    weight: 2,
    lasts: [2_000, 240_000],
    begin: (world) => {
      for (const { name } of world.machines) world.network.cut(name, uplinkUrl);
      return () => {
        for (const { name } of world.machines) world.network.heal(name, uplinkUrl);
      };
    },
  },
];
