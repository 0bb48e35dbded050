// A readings store on a simulated card so small that it freezes after some thirty flushes, and everything that it took, to compare
// with.

import { expect } from "vitest";
import { SimulatedDisk } from "../../firmware-sim/disk/simulated-disk.ts";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { milliseconds, seconds, siteTime } from "../../src/base/units.ts";
import { fold, mergeFolds } from "../../src/readings/fold.ts";
import { isStamped } from "../../src/readings/reading-log.ts";
import { ReadingStore } from "../../src/readings/reading-store.ts";
import type { ReadingsSizes } from "../../src/readings/readings-sizes.ts";
import type { Definitions, Fold, FrozenPartial, Reading } from "../../src/readings/types.ts";
import { aDevice, aSensor, definitions, version } from "./definitions.ts";

export const epoch = 1_800_000_000_000;
export const smallSizes: ReadingsSizes = {
  segmentBytes: 32_768,
  logBytes: 12 * 32_768,
  freezeBytes: 4 * 32_768,
  reserveBytes: 4 * 32_768,
  keptBytes: 0,
  partialReadings: 3,
  frozenBytes: 2_048,
  frozenPartials: 3,
};

/** What is not counted yet, in order. */
interface Held {
  readonly from: number;
  readonly to: number;
  readonly fold: Fold;
}

export class FreezingBench {
  readonly time = new VirtualTime();
  readonly taken: Reading[] = [];
  readonly events: string[] = [];
  definitions: Definitions = definitions(version(0, { window: 10_000, sensors: { t: "pi" } }));
  counted: number | undefined = 0;
  syncs = 0;
  clock = new VirtualClock(this.time);
  disk: SimulatedDisk;
  #session = 0;
  #now = 0;

  constructor(seed = 1) {
    this.disk = new SimulatedDisk(this.time, new SeededRandom(seed));
    this.#watch();
  }

  async open(): Promise<ReadingStore> {
    this.#session += 1;
    const opening = ReadingStore.open(this.disk.logFiles, this.clock, {
      flushInterval: () => seconds(10),
      sizes: smallSizes,
      session: this.#session,
      lastSiteTime: undefined,
      isHeld: false,
      freezing: { device: aDevice, counted: () => this.counted, definitions: () => this.definitions },
      listener: {
        taken: (readings) => void this.taken.push(...readings.filter(isStamped)),
        stopped: ({ code }) => void this.events.push(`stopped: ${code}`),
        resumed: () => void this.events.push("resumed"),
        frozen: (readings) => void this.events.push(`frozen: ${readings}`),
        unread: ({ message }) => void this.events.push(`unread: ${message}`),
        failed: ({ message }) => void this.events.push(`failed: ${message}`),
      },
    });
    this.run(5);
    return await opening;
  }

  /** The power is cut, and comes back. */
  async restart(): Promise<ReadingStore> {
    this.clock.stop();
    this.clock = new VirtualClock(this.time);
    this.disk = this.disk.crash();
    this.#watch();
    const store = await this.open();
    // A sync under way at the power cut may have been whole: then its readings are taken, and heard of now.
    this.#learn(store);
    return store;
  }

  /** One flush with one reading, of another value than any before. */
  flush(store: ReadingStore): void {
    this.#now += 1_000;
    store.add(aSensor, this.#now, 0, siteTime(epoch + this.#now));
    store.flush();
    this.run(40);
  }

  run(span: number): void {
    this.time.run(milliseconds(span));
  }

  read(store: ReadingStore, from: number): readonly Reading[] {
    let found: readonly Reading[] = [];
    store.read(from, 1000, (failure, readings) => {
      expect(failure).toBeUndefined();
      found = readings;
    });
    this.run(5);
    return found;
  }

  frozen(store: ReadingStore): readonly FrozenPartial[] {
    const all: FrozenPartial[] = [];
    for (let next = store.frozen.from(0); next !== undefined; next = store.frozen.from(next.to)) all.push(next);
    return all;
  }

  /** Everything that is not counted lies there once, without a hole, and is exactly what was taken. */
  expectWhole(store: ReadingStore): void {
    let at = this.counted ?? 0;
    const held: Held[] = [];
    while (at < store.taken) {
      const frozen = store.frozen.from(at);
      const next = frozen?.from === at ? this.#ofFrozen(frozen) : this.#ofReadings(store, at);
      expect(next.from).toBe(at);
      expect(next.to).toBeGreaterThan(at);
      held.push(next);
      at = next.to;
    }
    expect(at).toBe(store.taken);
    for (const { from, to, fold: shown } of held) expect(brief(shown)).toEqual(brief(this.#foldOf(from, to)));
  }

  #ofFrozen({ from, to, parts }: FrozenPartial): Held {
    for (const { key, end, fold: shown } of parts) {
      const within = this.taken.filter(
        ({ number, stamp }) => number > from && number <= to && stamp >= key.start && stamp < end,
      );
      expect(brief(shown)).toEqual(brief(foldOf(within, this.definitions)));
    }
    return { from, to, fold: parts.map((part) => part.fold).reduce(mergeFolds) };
  }

  #ofReadings(store: ReadingStore, from: number): Held {
    const readings = this.read(store, from);
    for (const reading of readings) expect(reading).toEqual(this.taken[reading.number - 1]);
    return { from, to: readings.at(-1)?.number ?? from, fold: foldOf(readings, this.definitions) };
  }

  #foldOf(from: number, to: number): Fold {
    return foldOf(this.taken.slice(from, to), this.definitions);
  }

  #watch(): void {
    this.disk.onSynced = () => {
      this.syncs += 1;
    };
  }

  #learn(store: ReadingStore): void {
    const known = this.taken.length;
    expect(store.taken).toBeGreaterThanOrEqual(known);
    store.readStored(known, 1000, (_, readings) => {
      for (const reading of readings) if (isStamped(reading)) this.taken.push(reading);
    });
    this.run(5);
    expect(this.taken.map(({ number }) => number)).toEqual(this.taken.map((_, i) => i + 1));
    expect(this.taken.length).toBe(store.taken);
  }
}

function foldOf(readings: readonly Reading[], defined: Definitions): Fold {
  const { parts } = fold(readings, defined, aDevice);
  return parts.map((part) => part.fold).reduce(mergeFolds);
}

const brief = ({ count, sum, min, max, missing }: Fold) => ({ count, sum, min, max, missing });
