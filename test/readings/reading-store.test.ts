import { describe, expect, it } from "vitest";
import { SkeinError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { milliseconds, siteTime } from "../../src/base/units.ts";
import type { Reading } from "../../src/readings/types.ts";
import { aSensor } from "./definitions.ts";
import { add, brief, ReadingBench } from "./reading-bench.ts";

describe("a device's readings", () => {
  it("are numbered in the order of storing, and taken when their sync returned", async () => {
    const bench = new ReadingBench();
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
    const bench = new ReadingBench();
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
    const bench = new ReadingBench();
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

  it("are read whole where older ones are released meanwhile", async () => {
    const bench = new ReadingBench();
    const store = await bench.start({ keptBytes: 0 });
    for (let i = 0; i < 3; i++) {
      add(store, 1000, 1, 2, 3);
      store.flush();
      bench.run(100);
    }
    for (let i = 0; i < 3 * limits.recentReadings; i++) add(store, 6000, i);
    bench.run(1000);
    let found: readonly Reading[] = [];
    store.read(6, 3, (_failure, readings) => {
      found = readings;
    });
    bench.run(1);
    store.releaseThrough(3);
    bench.run(100);
    expect(found.map(({ number }) => number)).toEqual([7, 8, 9]);
  });

  it("are synced within the flush interval, also where the sync takes its time (0.9 s)", async () => {
    const bench = new ReadingBench(milliseconds(900));
    const store = await bench.start();
    add(store, 1000, 1.5);
    bench.run(10_000);
    expect(store.taken).toBe(1);
  });

  it("are flushed at once when many wait", async () => {
    const bench = new ReadingBench();
    const store = await bench.start();
    for (let i = 0; i < limits.flushReadings; i++) add(store, 5, i);
    bench.run(50);
    expect(store.taken).toBe(limits.flushReadings);
  });

  it("beyond the bound of what may wait are refused and counted", async () => {
    const bench = new ReadingBench();
    const store = await bench.start({ isHeld: true });
    for (let i = 0; i < limits.pendingReadings; i++) expect(store.add(aSensor, i, 0, siteTime(1))).toBe(true);
    expect(store.add(aSensor, 1, 0, siteTime(1))).toBe(false);
    expect(store.status().refused).toBe(1);
  });

  it("are read from the log where memory no longer has them", async () => {
    const bench = new ReadingBench();
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
    const bench = new ReadingBench();
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
    const bench = new ReadingBench();
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

describe("a card without room", () => {
  const full = new SkeinError("disk-full", "no room");

  it("stops sampling by name, keeps what waits, and goes on when there is room", async () => {
    const bench = new ReadingBench();
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
    const bench = new ReadingBench();
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
    const bench = new ReadingBench();
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
    const bench = new ReadingBench();
    bench.disk.records = [{ position: 1, payload: Uint8Array.of(9, 9) }];
    await expect(bench.start()).rejects.toMatchObject({ code: "log-damaged" });
  });
});

describe("closing", () => {
  it("writes what waits, whoever calls it how often", async () => {
    const bench = new ReadingBench();
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
