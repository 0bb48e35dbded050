// What lies on a card, read after its agent has ended, and what the dashboard must therefore show.

import { join } from "node:path";
import { DiskLogFiles } from "../../src/host/log-file/disk-log-files.ts";
import { ReadingLog, type StoredReading } from "../../src/readings/reading-log.ts";
import { readingsLogName } from "../../src/readings/reading-store.ts";
import { quality } from "../../src/readings/types.ts";
import type { WindowAmounts } from "./dashboard-subscriber.ts";

/** All readings of a data directory that nobody has open, by number. */
export async function readingsOnCard(data: string): Promise<readonly StoredReading[]> {
  const readings = new ReadingLog();
  const files = new DiskLogFiles(join(data, "logs"));
  const { log } = await files.open(
    readingsLogName,
    {
      segmentBytes: 256 * 1024,
      segmentsAhead: 0,
      capacityBytes: 2 ** 30,
      whenDiskIsFull: "refuse",
      describe: () => new Uint8Array(),
    },
    ({ position, payload }) => readings.recover(position, payload),
  );
  const all: StoredReading[] = [];
  for (let from = readings.first - 1; from < readings.taken; ) {
    const page = await new Promise<readonly StoredReading[]>((done, failed) =>
      readings.read(log, { from, through: readings.taken, maxCount: 10_000 }, (failure, found) =>
        failure === undefined ? done(found) : failed(failure),
      ),
    );
    all.push(...page);
    from = page.at(-1)?.number ?? readings.taken;
  }
  await log.close();
  return all;
}

export const isMissing = (reading: StoredReading): boolean => (reading.quality & quality.missing) !== 0;

/** Adds up readings as windows of `spanMs` of the group `group`; keys as `amountsOf` makes them. */
export function addToWindows(
  windows: Map<string, WindowAmounts>,
  readings: readonly StoredReading[],
  { group, spanMs }: { group: string; spanMs: number },
): void {
  for (const reading of readings) {
    if (reading.stamp === undefined) throw new Error(`reading ${reading.number} has no stamp`);
    const key = `${group} ${Math.floor(reading.stamp / spanMs) * spanMs}`;
    const window = windows.get(key) ?? { count: 0, sum: 0, missing: 0 };
    if (isMissing(reading)) window.missing += 1;
    else {
      window.count += 1;
      window.sum += reading.value;
    }
    windows.set(key, window);
  }
}
