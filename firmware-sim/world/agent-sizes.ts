// What a site's plan says of its agents' sizes and times: small ones try out in minutes what a real site meets in months.

import type { AgentConfiguration } from "../../src/agent/ports.ts";
import { limits } from "../../src/base/limits.ts";
import { milliseconds } from "../../src/base/units.ts";
import type { RaftTiming } from "../../src/raft/types.ts";
import type { ReadingsSizes } from "../../src/readings/readings-sizes.ts";
import { defaultRaftLimits, defaultTiming } from "../../src/replica/open-replica.ts";
import type { SitePlan } from "./site.ts";

/** Log and checkpoints so small that snapshots are sent all the time. */
const smallSizes = {
  limits: { ...defaultRaftLimits, tailEntries: 20, tailBytes: 8_192, snapshotChunkBytes: 2_048 },
  checkpointBytes: 8_192,
};
const usualSizes = { limits: defaultRaftLimits, checkpointBytes: limits.checkpointLogBytes };

/** Some thirty flushes until readings are frozen, and as many again until nothing more is taken. */
const smallReadings: ReadingsSizes = {
  segmentBytes: 32_768,
  logBytes: 12 * 32_768,
  freezeBytes: 4 * 32_768,
  reserveBytes: 4 * 32_768,
  keptBytes: 32_768,
  partialReadings: 6,
  frozenBytes: 2_048,
  frozenPartials: 3,
};

export function sizesOf(plan: SitePlan): NonNullable<AgentConfiguration["sizes"]> {
  const sizes = replicaSizesOf(plan);
  return plan.areReadingsLogsSmall ? { ...sizes, readings: smallReadings } : sizes;
}

function replicaSizesOf({ areLogsSmall, outboxBytes, batchBytes }: SitePlan): NonNullable<AgentConfiguration["sizes"]> {
  const sizes = areLogsSmall ? smallSizes : usualSizes;
  const raft = batchBytes === undefined ? sizes.limits : { ...sizes.limits, batchBytes };
  if (outboxBytes === undefined) return { ...sizes, limits: raft };
  const [outboxHighBytes, outboxLowBytes] = [outboxBytes / 2, outboxBytes / 4];
  return { ...sizes, limits: raft, bounds: { ...limits, outboxBytes, outboxHighBytes, outboxLowBytes } };
}

export function timingOf({ pace = 1 }: SitePlan): RaftTiming {
  const { heartbeatInterval, electionTimeoutMin, electionTimeoutMax } = defaultTiming;
  return {
    ...defaultTiming,
    heartbeatInterval: milliseconds(heartbeatInterval * pace),
    electionTimeoutMin: milliseconds(electionTimeoutMin * pace),
    electionTimeoutMax: milliseconds(electionTimeoutMax * pace),
  };
}
