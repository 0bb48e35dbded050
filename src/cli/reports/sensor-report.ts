// What the sensors of one device said last, for people, with what is wrong with it.

import type { LatestReading } from "../../agent/status.ts";
import { quality } from "../../readings/types.ts";
import { textTable } from "./text-table.ts";

const flags: readonly (readonly [bit: number, words: string])[] = [
  [quality.missing, "no value"],
  [quality.outOfRange, "out of range"],
  [quality.stuck, "stuck"],
  [quality.timeGuessed, "time guessed"],
];

/** One string per line; nothing for a device without readings. */
export function describeSensors(latest: readonly LatestReading[]): string[] {
  if (latest.length === 0) return [];
  const rows = [...latest]
    .sort((a, b) => (a.sensor < b.sensor ? -1 : 1))
    .map(({ sensor, value, stamp, quality: bits, fault }) => [
      sensor,
      value === undefined || (bits & quality.missing) !== 0 ? "–" : value,
      stamp === undefined ? "–" : new Date(stamp).toISOString(),
      fault ?? describeQuality(bits),
    ]);
  return textTable([["SENSOR", "LATEST", "SITE TIME", "QUALITY"], ...rows]);
}

/** `good`, or all that is wrong. */
function describeQuality(bits: number): string {
  const wrong = flags.filter(([bit]) => (bits & bit) !== 0).map(([, words]) => words);
  return wrong.length === 0 ? "good" : wrong.join(", ");
}
