import { describe, expect, it } from "vitest";
import { siteTime } from "../../src/base/units.ts";
import type { StoredReading } from "../../src/readings/reading-log.ts";
import { quality } from "../../src/readings/types.ts";
import { add, brief, ReadingBench } from "./reading-bench.ts";

describe("readings before the device has site time", () => {
  it("get their stamps by one record at the first synchronization, and only then are ready", async () => {
    const bench = new ReadingBench();
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
      const bench = new ReadingBench();
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
    const bench = new ReadingBench();
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
    const bench = new ReadingBench();
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
    const bench = new ReadingBench();
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
    const bench = new ReadingBench();
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
    const bench = new ReadingBench();
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
    const bench = new ReadingBench();
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

  // Seed 14 of the world, 5 minutes: a reading held until the device had site time again was stamped after the guessed ones of the
  // session before, and the next one by the site's clock, which was half a second behind those.
  it("raise what the next one may not be before (guessed ones of another session, and those that wait)", async () => {
    const bench = new ReadingBench();
    const first = await bench.start();
    add(first, undefined, 1);
    bench.run(3000);
    add(first, undefined, 2);
    bench.run(11_000);
    const store = await bench.start({ lastSiteTime: 70_000 });
    expect(store.newestStamp).toBe(70_000);
    add(store, undefined, 3);
    bench.run(100);
    expect(store.newestStamp).toBe(73_000);
    store.synchronize(siteTime(72_500));
    expect(store.newestStamp).toBe(73_000);
    bench.run(20_000);
    add(store, undefined, 4);
    store.synchronize(siteTime(74_000));
    bench.run(20_000);
    expect(bench.read(store, 0).map(({ stamp }) => stamp)).toEqual([70_000, 73_000, 73_000, 74_000]);
    expect(store.newestStamp).toBe(74_000);
  });
});
