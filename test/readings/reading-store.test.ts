import { describe, expect, it } from "vitest";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { SkeinError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { type Duration, milliseconds, type SiteTime, seconds, siteTime } from "../../src/base/units.ts";
import type { StoredReading } from "../../src/readings/reading-log.ts";
import { ReadingStore } from "../../src/readings/reading-store.ts";
import { quality, type Reading } from "../../src/readings/types.ts";
import { aSensor } from "./definitions.ts";
import { MemoryDisk, MemoryLogFiles } from "./memory-log-files.ts";

/** One device whose power can be cut. */
class Bench {
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

  async start(options: { lastSiteTime?: number; isHeld?: boolean; keptBytes?: number } = {}): Promise<ReadingStore> {
    this.clock.stop();
    this.clock = new VirtualClock(this.time);
    this.#session += 1;
    return await ReadingStore.open(new MemoryLogFiles(this.disk, this.clock, this.#syncTime), this.clock, {
      flushInterval: () => seconds(10),
      keptBytes: options.keptBytes ?? 1_000_000,
      session: this.#session,
      lastSiteTime: options.lastSiteTime === undefined ? undefined : siteTime(options.lastSiteTime),
      isHeld: options.isHeld ?? false,
      listener: {
        taken: (readings) => void this.taken.push(...readings),
        stopped: (reason) => void this.events.push(`stopped: ${reason.code}`),
        resumed: () => void this.events.push("resumed"),
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

function add(store: ReadingStore, stamp: number | undefined, ...values: number[]): void {
  for (const value of values) store.add(aSensor, value, 0, stamp as SiteTime | undefined);
}

const brief = (readings: readonly StoredReading[]) =>
  readings.map(({ number, stamp, value }) => [number, stamp, value]);

describe("a device's readings", () => {
  it("are numbered in the order of storing, and taken when their sync returned", async () => {
    const bench = new Bench();
    const store = await bench.start();
    add(store, 1000, 1.5, 2.5);
    bench.run(8900);
    expect(store.status()).toMatchObject({ taken: 0, pending: 2 });
    bench.run(200);
    expect(store.status()).toMatchObject({ taken: 2, ready: 2, pending: 0 });
    expect(brief(bench.taken)).toEqual([
      [1, 1000, 1.5],
      [2, 1000, 2.5],
    ]);
    expect(bench.read(store, 0)).toEqual(bench.taken);
  });

  it("that a power cut took leave no hole: their numbers are used again", async () => {
    const bench = new Bench();
    const before = await bench.start();
    add(before, 1000, 1);
    before.flush();
    bench.run(100);
    add(before, 2000, 2);
    before.flush();
    bench.run(2);
    const store = await bench.start();
    expect(store.taken).toBe(1);
    add(store, 3000, 3);
    store.flush();
    bench.run(100);
    expect(brief(bench.read(store, 0))).toEqual([
      [1, 1000, 1],
      [2, 3000, 3],
    ]);
  });

  it("come back the same after a restart, from the log as from memory", async () => {
    const bench = new Bench();
    const before = await bench.start();
    for (let i = 0; i < 500; i++) before.add(aSensor, i % 3 === 0 ? -0 : i / 7, i % 2, siteTime(i * 10.4));
    before.flush();
    bench.run(100);
    const inMemory = bench.read(before, 100, 50);
    expect(bench.disk.reads).toBe(0);
    for (let i = 0; i < 2 * limits.recentReadings; i++) add(before, 6000, i);
    bench.run(1000);
    const store = await bench.start();
    expect(bench.read(store, 100, 50)).toEqual(inMemory);
    expect(bench.disk.reads).toBe(1);
    expect(inMemory.map(({ number }) => number)).toEqual(Array.from({ length: 50 }, (_, i) => 101 + i));
  });

  it("are synced within the flush interval, also where the sync takes its time (0.9 s)", async () => {
    const bench = new Bench(milliseconds(900));
    const store = await bench.start();
    add(store, 1000, 1.5);
    bench.run(10_000);
    expect(store.taken).toBe(1);
  });

  it("are flushed at once when many wait", async () => {
    const bench = new Bench();
    const store = await bench.start();
    for (let i = 0; i < limits.flushReadings; i++) add(store, 5, i);
    bench.run(50);
    expect(store.taken).toBe(limits.flushReadings);
  });

  it("beyond the bound of what may wait are refused and counted", async () => {
    const bench = new Bench();
    const store = await bench.start({ isHeld: true });
    for (let i = 0; i < limits.pendingReadings; i++) expect(store.add(aSensor, i, 0, siteTime(1))).toBe(true);
    expect(store.add(aSensor, 1, 0, siteTime(1))).toBe(false);
    expect(store.status().refused).toBe(1);
  });

  it("are read from the log where memory no longer has them", async () => {
    const bench = new Bench();
    const store = await bench.start();
    const count = 3 * limits.recentReadings;
    for (let i = 1; i <= count; i++) {
      add(store, i, i);
      if (i % 1000 === 0) bench.run(50);
    }
    store.flush();
    bench.run(100);
    const all: Reading[] = [];
    while (all.length < count) all.push(...bench.read(store, all.length, 700));
    expect(all.map(({ number, value }) => number === value)).not.toContain(false);
    expect(bench.disk.reads).toBeGreaterThan(3);
  });

  it("that are counted give their room back; the newest payload stays, for the number in it", async () => {
    const bench = new Bench();
    const store = await bench.start({ keptBytes: 0 });
    for (let i = 1; i <= 5; i++) {
      add(store, i, i);
      store.flush();
      bench.run(20);
    }
    store.releaseThrough(3);
    expect(bench.disk.records).toHaveLength(2);
    expect(store.first).toBe(4);
    store.releaseThrough(5);
    expect(bench.disk.records).toHaveLength(1);
    const again = await bench.start();
    expect(again.taken).toBe(5);
    add(again, 6, 6);
    again.flush();
    bench.run(20);
    expect(again.taken).toBe(6);
  });

  it("wait while nobody knows where their numbering goes on, then go on behind what is counted", async () => {
    const bench = new Bench();
    const original = await bench.start();
    add(original, 1, 1, 2);
    original.flush();
    bench.run(20);
    const heir = await bench.start({ isHeld: true });
    add(heir, 5, 5);
    let refusal: SkeinError | undefined;
    heir.flush((failure) => {
      refusal = failure;
    });
    bench.run(30_000);
    expect(refusal?.code).toBe("refused");
    expect(heir.taken).toBe(2);
    heir.admit(40);
    bench.run(11_000);
    heir.flush();
    bench.run(100);
    expect(brief(bench.read(heir, 40))).toEqual([[41, 5, 5]]);
  });
});

describe("readings before the device has site time", () => {
  it("get their stamps by one record at the first synchronization, and only then are ready", async () => {
    const bench = new Bench();
    const store = await bench.start();
    add(store, undefined, 1);
    bench.run(1000);
    add(store, undefined, 2);
    bench.run(10_000);
    expect(store.status()).toMatchObject({ taken: 2, ready: 0 });
    expect(bench.read(store, 0)).toEqual([]);
    bench.run(980);
    store.synchronize(siteTime(500_000));
    add(store, 500_000, 3);
    bench.run(10_100);
    expect(store.ready).toBe(3);
    const expected = [
      [1, 488_000, 1],
      [2, 489_000, 2],
      [3, 500_000, 3],
    ];
    expect(brief(bench.read(store, 0))).toEqual(expected);
    expect(bench.disk.records).toHaveLength(3);
    const again = await bench.start();
    expect(brief(bench.read(again, 0))).toEqual(expected);
  });

  it("get none before one that was given already: not in memory, on the card, or after a restart", async () => {
    for (const isFlushed of [false, true]) {
      const bench = new Bench();
      const store = await bench.start();
      add(store, 100_000, 1);
      add(store, undefined, 2);
      bench.run(1000);
      add(store, undefined, 3);
      if (isFlushed) {
        store.flush();
        bench.run(500);
      }
      bench.run(1000);
      store.synchronize(siteTime(100_500)); // half a second has passed on the site's clock, two on the device's
      add(store, 101_000, 4);
      store.flush();
      bench.run(500);
      const expected = [100_000, 100_000, 100_000, 101_000];
      expect(bench.read(store, 0).map(({ stamp }) => stamp)).toEqual(expected);
      const again = await bench.start();
      expect(bench.read(again, 0).map(({ stamp }) => stamp)).toEqual(expected);
      expect(again.lastStamp).toBe(101_000);
    }
  });

  it("that still wait for their flush are stamped in it", async () => {
    const bench = new Bench();
    const store = await bench.start();
    add(store, undefined, 1);
    bench.run(2000);
    add(store, 100_000, 2);
    store.flush();
    bench.run(100);
    expect(brief(bench.read(store, 0))).toEqual([
      [1, 98_000, 1],
      [2, 100_000, 2],
    ]);
    expect(bench.disk.records).toHaveLength(1);
  });

  it("whose session ended get theirs from the last site time known plus elapsed time, flagged as guessed", async () => {
    const bench = new Bench();
    const first = await bench.start();
    add(first, undefined, 1);
    bench.run(3000);
    add(first, undefined, 2);
    bench.run(11_000);
    const store = await bench.start({ lastSiteTime: 70_000 });
    bench.run(100);
    expect(store.ready).toBe(2);
    const guessed = bench.read(store, 0);
    expect(brief(guessed)).toEqual([
      [1, 70_000, 1],
      [2, 73_000, 2],
    ]);
    expect(guessed.map((reading) => reading.quality)).toEqual([quality.timeGuessed, quality.timeGuessed]);
    const again = await bench.start({ lastSiteTime: 90_000 });
    bench.run(100);
    expect(bench.read(again, 0)).toEqual(guessed);
  });

  it("of several sessions are guessed one after the other", async () => {
    const bench = new Bench();
    for (const value of [1, 2]) {
      const store = await bench.start();
      add(store, undefined, value);
      bench.run(4000);
      add(store, undefined, value + 10);
      bench.run(11_000);
    }
    const store = await bench.start({ lastSiteTime: 1000 });
    bench.run(100);
    expect(brief(bench.read(store, 0))).toEqual([
      [1, 1000, 1],
      [2, 5000, 11],
      [3, 5000, 2],
      [4, 9000, 12],
    ]);
  });

  it("of a session that never knew any are placed just before the one that learns it", async () => {
    const bench = new Bench();
    const first = await bench.start();
    add(first, undefined, 1);
    bench.run(11_000);
    const store = await bench.start();
    bench.run(5000);
    expect(store.ready).toBe(0);
    store.synchronize(siteTime(100_000));
    bench.run(100);
    const [only] = bench.read(store, 0);
    expect(only).toMatchObject({ number: 1, stamp: 95_000, quality: quality.timeGuessed });
  });

  it("after site time was lost in the middle of a session wait for the next synchronization", async () => {
    const bench = new Bench();
    const store = await bench.start();
    add(store, 50_000, 1);
    store.flush();
    bench.run(1000);
    add(store, undefined, 2);
    store.flush();
    bench.run(1000);
    expect(store.status()).toMatchObject({ taken: 2, ready: 1 });
    store.synchronize(siteTime(60_000));
    bench.run(100);
    expect(brief(bench.read(store, 1))).toEqual([[2, 59_000, 2]]);
  });

  it("are shown as stored all the while", async () => {
    const bench = new Bench();
    const store = await bench.start();
    add(store, undefined, 1);
    store.flush();
    bench.run(100);
    let stored: readonly StoredReading[] = [];
    store.readStored(0, 10, (_failure, found) => {
      stored = found;
    });
    bench.run(100);
    expect(brief(stored)).toEqual([[1, undefined, 1]]);
  });
});

describe("a card without room", () => {
  const full = new SkeinError("disk-full", "no room");

  it("stops sampling by name, keeps what waits, and goes on when there is room", async () => {
    const bench = new Bench();
    const store = await bench.start();
    add(store, 1, 1);
    bench.disk.failure = full;
    bench.run(11_000);
    expect(bench.events).toEqual(["stopped: disk-full"]);
    expect(store.status().stopped?.code).toBe("disk-full");
    expect(store.add(aSensor, 2, 0, siteTime(2))).toBe(false);
    bench.run(60_000);
    bench.disk.failure = undefined;
    bench.run(11_000);
    expect(bench.events).toEqual(["stopped: disk-full", "resumed"]);
    expect(store.add(aSensor, 3, 0, siteTime(3))).toBe(true);
    bench.run(11_000);
    expect(brief(bench.read(store, 0))).toEqual([
      [1, 1, 1],
      [2, 3, 3],
    ]);
  });

  it("takes readings again once counted ones are released (the log's own bound)", async () => {
    const bench = new Bench();
    bench.disk.capacity = 40;
    const store = await bench.start();
    for (let i = 1; i <= 10; i++) {
      add(store, i, i);
      bench.run(11_000);
    }
    expect(bench.events).toEqual(["stopped: log-full"]);
    const { taken } = store;
    store.releaseThrough(taken);
    bench.run(11_000);
    expect(bench.events).toEqual(["stopped: log-full", "resumed"]);
    expect(store.taken).toBe(taken + 1);
  });

  it("that fails for good is told once, and nothing is taken any more", async () => {
    const bench = new Bench();
    const store = await bench.start();
    add(store, 1, 1);
    bench.disk.failure = new SkeinError("disk-failed", "gone");
    let outcome: SkeinError | undefined;
    store.flush((failure) => {
      outcome = failure;
    });
    bench.run(60_000);
    expect(outcome?.code).toBe("disk-failed");
    expect(bench.events).toEqual(["failed: disk-failed"]);
    expect(store.add(aSensor, 1, 0, siteTime(1))).toBe(false);
  });

  it("whose log holds a payload of another version is refused at opening", async () => {
    const bench = new Bench();
    bench.disk.records = [{ position: 1, payload: Uint8Array.of(9, 9) }];
    await expect(bench.start()).rejects.toMatchObject({ code: "log-damaged" });
  });
});

describe("closing", () => {
  it("writes what waits, whoever calls it how often", async () => {
    const bench = new Bench();
    const store = await bench.start();
    add(store, 1, 1);
    const closed = Promise.all([store.close(), store.close()]);
    bench.run(100);
    await closed;
    await store.close();
    expect(store.taken).toBe(1);
    expect(store.add(aSensor, 2, 0, siteTime(2))).toBe(false);
  });
});
