// Which site and which faults a seed stands for.

import type { Faults, Plan } from "./world.ts";

const storm: Faults = {
  weather: { loss: 0.05, repeat: 0.05, freeze: 0.005, delayMsMax: 30 },
  crashes: 2,
  pauses: 1,
  cuts: 2,
  reunions: 2,
  slowDisks: 2,
  changes: 3,
  transfers: 1,
  wills: 0,
};
const calm: Faults = {
  weather: { loss: 0, repeat: 0, freeze: 0, delayMsMax: 10 },
  crashes: 0,
  pauses: 0,
  cuts: 0,
  reunions: 2,
  slowDisks: 0,
  changes: 0,
  transfers: 0,
  wills: 0,
};

const faultsBySeed: readonly Faults[] = [
  storm,
  { ...calm, changes: 4, transfers: 2 },
  { ...calm, weather: { loss: 0.15, repeat: 0.15, freeze: 0.02, delayMsMax: 60 }, changes: 2, transfers: 4 },
  { ...calm, crashes: 5, changes: 2 },
  { ...calm, weather: { ...storm.weather, freeze: 0.25 }, cuts: 1, reunions: 0.5, pauses: 1 },
  { ...calm, crashes: 2, slowDisks: 6, transfers: 4 },
  { ...storm, crashes: 6 },
  { ...storm, wills: 8 },
];
const votersBySeed = [1, 3, 2, 3, 5] as const;

/** Elections that take long and collide, among members that lose power for a moment in the midst of them. */
export const contended: Partial<Plan> = {
  members: 3,
  voters: 3,
  timeoutSpreadMs: 20,
  faults: { ...calm, weather: { ...calm.weather, delayMsMax: 600 }, crashes: 9 },
};

/** Members cut off for long, and a broker that thaws what it held for seconds. */
export const frozen: Partial<Plan> = {
  members: 3,
  voters: 3,
  faults: { ...calm, weather: { ...calm.weather, freeze: 0.3 }, cuts: 1, reunions: 0.5 },
};

/** Nothing happens by itself. */
export const quiet: Plan = { members: 3, voters: 3, stormMs: 0, timeoutSpreadMs: 1_000, faults: calm };

export function planOf(seed: number): Plan {
  const members = 1 + (seed % 5) + (seed % 3);
  const voters = Math.min(members, votersBySeed[seed % votersBySeed.length] ?? 1);
  const timeoutSpreadMs = seed % 4 === 0 ? 40 : 1_000;
  return {
    members,
    voters,
    stormMs: 40_000,
    timeoutSpreadMs,
    faults: faultsBySeed[seed % faultsBySeed.length] ?? storm,
  };
}
