// What the block device under a directory has written and flushed, as the kernel counts it (Documentation/block/stat.rst).
// Everything that happens on the device is in it: for clean figures use a file system of its own, e.g. on a loop device.

import { readFileSync, statSync } from "node:fs";
import { deviceNumbers } from "../../src/host/storage-serial.ts";

export interface DeviceCounters {
  readonly bytes: number;
  readonly flushes: number;
}

/** Undefined where the kernel has no such counters. */
export function deviceCounters(directory: string): DeviceCounters | undefined {
  try {
    const path = `/sys/dev/block/${deviceNumbers(statSync(directory).dev)}/stat`;
    const fields = readFileSync(path, "utf8").trim().split(/\s+/).map(Number);
    return { bytes: (fields[6] ?? 0) * 512, flushes: fields[15] ?? 0 };
  } catch {
    return undefined;
  }
}

export function between(
  before: DeviceCounters | undefined,
  after: DeviceCounters | undefined,
): DeviceCounters | undefined {
  if (before === undefined || after === undefined) return undefined;
  return { bytes: after.bytes - before.bytes, flushes: after.flushes - before.flushes };
}
