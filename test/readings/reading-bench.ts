// One device's readings store on a disk whose power can be cut, in virtual time.

import { expect } from "vitest";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { deviceId } from "../../src/base/ids.ts";
import { type Duration, logIndex, milliseconds, type SiteTime, seconds, siteTime } from "../../src/base/units.ts";
import type { FreezingPorts } from "../../src/readings/freezing.ts";
import type { StoredReading } from "../../src/readings/reading-log.ts";
import { ReadingStore } from "../../src/readings/reading-store.ts";
import { usualReadingsSizes } from "../../src/readings/readings-sizes.ts";
import type { Reading } from "../../src/readings/types.ts";
import { aSensor } from "./definitions.ts";
import { MemoryDisk, MemoryLogFiles } from "./memory-log-files.ts";

/** A device that knows nothing of a site. */
export const unfrozen: FreezingPorts = {
  device: deviceId("pi"),
  counted: () => undefined,
  definitions: () => ({ revision: logIndex(0), versions: [] }),
};

/** One device whose power can be cut. */
export class ReadingBench {
  readonly time = new VirtualTime();
  readonly disk = new MemoryDisk();
  readonly taken: StoredReading[] = [];
  readonly events: string[] = [];
  clock = new VirtualClock(this.time);
  readonly #syncTime: Duration;
  #session = 0;

  /** `syncTime`: what the disk takes to make a payload durable. */
  constructor(syncTime = milliseconds(5)) {
    this.#syncTime = syncTime;
  }

  async start(
    options: { lastSiteTime?: number; isHeld?: boolean; keptBytes?: number; freezing?: FreezingPorts } = {},
  ): Promise<ReadingStore> {
    this.clock.stop();
    this.clock = new VirtualClock(this.time);
    this.#session += 1;
    return await ReadingStore.open(new MemoryLogFiles(this.disk, this.clock, this.#syncTime), this.clock, {
      flushInterval: () => seconds(10),
      sizes: { ...usualReadingsSizes, keptBytes: options.keptBytes ?? 1_000_000 },
      freezing: options.freezing ?? unfrozen,
      session: this.#session,
      lastSiteTime: options.lastSiteTime === undefined ? undefined : siteTime(options.lastSiteTime),
      isHeld: options.isHeld ?? false,
      listener: {
        taken: (readings) => void this.taken.push(...readings),
        stopped: (reason) => void this.events.push(`stopped: ${reason.code}`),
        resumed: () => void this.events.push("resumed"),
        frozen: (readings) => void this.events.push(`frozen: ${readings}`),
        unread: (reason) => void this.events.push(`unread: ${reason.code}`),
        failed: (reason) => void this.events.push(`failed: ${reason.code}`),
      },
    });
  }

  run(span: number): void {
    this.time.run(milliseconds(span));
  }

  read(store: ReadingStore, from: number, maxCount = 100_000): readonly Reading[] {
    let found: readonly Reading[] | undefined;
    store.read(from, maxCount, (failure, readings) => {
      if (failure !== undefined) throw failure;
      found = readings;
    });
    expect(found).toBeUndefined();
    this.run(20);
    return found ?? [];
  }
}

export function add(store: ReadingStore, stamp: number | undefined, ...values: number[]): void {
  for (const value of values) store.add(aSensor, value, 0, stamp as SiteTime | undefined);
}

export const brief = (readings: readonly StoredReading[]) =>
  readings.map(({ number, stamp, value }) => [number, stamp, value]);
