// Which site and which faults a seed stands for.

import type { Faults, Plan } from "./world.ts";

const everything: Faults = {
  weather: { loss: 0.05, repeat: 0.05, freeze: 0.005, delayMsMax: 30 },
  crashes: true,
  pauses: true,
  partitions: true,
  slowDisks: true,
  changes: true,
};

const votersBySeed = [1, 3, 2, 3, 5] as const;

export function planOf(seed: number): Plan {
  const members = 1 + (seed % 5) + (seed % 3);
  const voters = Math.min(members, votersBySeed[seed % votersBySeed.length] ?? 1);
  return { members, voters, stormMs: 20_000, faults: everything };
}
