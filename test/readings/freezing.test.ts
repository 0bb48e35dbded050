// A store that is nearly full freezes its oldest uncounted readings (docs/decisions/0008): on a simulated card, and with the power
// cut at every sync.

import { describe, expect, it } from "vitest";
import { definitions, version } from "./definitions.ts";
import { FreezingBench, smallSizes } from "./freezing-bench.ts";

async function filled(flushes: number, bench = new FreezingBench()) {
  const store = await bench.open();
  for (let i = 0; i < flushes; i++) bench.flush(store);
  return { bench, store };
}

describe("a readings log that is nearly full", () => {
  it("keeps its oldest uncounted readings as windows, loses none, and says so (50 flushes)", async () => {
    const { bench, store } = await filled(50);
    expect(bench.events).toEqual(expect.arrayContaining([expect.stringMatching(/^frozen: \d+$/)]));
    bench.expectWhole(store);
    const { frozen } = store.status();
    expect(frozen?.readings).toBeGreaterThan(5);
    expect(frozen?.since).toBeLessThan(frozen?.until ?? 0);
  });

  it("goes on taking readings in coarser and coarser windows (600 flushes)", async () => {
    const { bench, store } = await filled(600);
    expect(bench.events.filter((event) => event.startsWith("stopped"))).toEqual([]);
    expect(store.taken).toBe(600);
    expect(bench.frozen(store).length).toBeLessThanOrEqual(smallSizes.frozenPartials);
    expect(store.status().frozen?.span).toBeGreaterThan(10_000);
    bench.expectWhole(store);
  });

  it("leaves what may have been sent, and what comes before it, as it is", async () => {
    const { bench, store } = await filled(50);
    expect(store.sendable).toBe(12);
    expect(bench.frozen(store)[0]?.from).toBe(store.sendable);
    expect(bench.read(store, 0).map(({ number }) => number)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  });

  it("freezes nothing while it does not know how far it is counted, and stops at its bound by name", async () => {
    const bench = new FreezingBench();
    bench.counted = undefined;
    const { store } = await filled(90, bench);
    expect(bench.frozen(store)).toEqual([]);
    expect(bench.events).toEqual(["stopped: log-full"]);
    bench.counted = store.taken;
    store.releaseThrough(store.taken);
    bench.run(20_000);
    expect(bench.events.at(-1)).toBe("resumed");
  });

  it("freezes nothing under definitions older than those it was sampled under", async () => {
    const bench = new FreezingBench();
    const newer = definitions(version(0, { window: 10_000, sensors: { t: "pi" } }));
    bench.definitions = { ...newer, revision: 7 as never };
    const { store } = await filled(10, bench);
    bench.definitions = { ...newer, revision: 6 as never };
    for (let i = 0; i < 40; i++) bench.flush(store);
    expect(bench.frozen(store)).toEqual([]);
  });

  it("lets frozen ones go when they are counted, and the log is short again", async () => {
    const { bench, store } = await filled(100);
    const segments = store.usage().segments;
    bench.counted = store.taken - 2;
    store.releaseThrough(bench.counted);
    bench.flush(store);
    expect(bench.frozen(store)).toEqual([]);
    expect(store.usage().segments).toBeLessThan(segments);
    bench.expectWhole(store);
  });
});

describe("permission to send", () => {
  it("is on the card before it is given (beyond what a flush allowed)", async () => {
    const { bench, store } = await filled(20);
    expect(store.sendable).toBe(12);
    const answers: boolean[] = [];
    store.permit(15, (isPermitted) => void answers.push(isPermitted));
    expect(answers).toEqual([]);
    bench.run(5);
    expect(answers).toEqual([true]);
    const after = await bench.restart();
    expect(after.sendable).toBeGreaterThanOrEqual(15);
  });

  it("costs no write where a device keeps up", async () => {
    const { bench, store } = await filled(3);
    const before = bench.syncs;
    const answers: boolean[] = [];
    store.permit(3, (isPermitted) => void answers.push(isPermitted));
    bench.run(5);
    expect([answers, bench.syncs]).toEqual([[true], before]);
  });
});

describe("a power cut", () => {
  it("at any sync leaves every reading that was taken, once (60 flushes, cut after each sync)", {
    timeout: 60_000,
  }, async () => {
    const whole = await filled(60);
    for (let cut = 1; cut <= whole.bench.syncs; cut++) {
      const bench = new FreezingBench(cut);
      const store = await bench.open();
      while (bench.syncs < cut) bench.flush(store);
      const again = await bench.restart();
      bench.expectWhole(again);
      for (let i = 0; i < 45; i++) bench.flush(again);
      bench.expectWhole(again);
    }
  });

  it("in the midst of a freeze leaves the readings as they were (cut within each millisecond of it)", {
    timeout: 60_000,
  }, async () => {
    for (let after = 0; after < 30; after++) {
      const bench = new FreezingBench(100 + after);
      const store = await bench.open();
      while (!bench.events.some((event) => event.startsWith("frozen")) && bench.taken.length < 29) bench.flush(store);
      store.flush();
      bench.run(after / 3);
      bench.expectWhole(await bench.restart());
    }
  });

  it("brings frozen ones back to the bit", async () => {
    const { bench, store } = await filled(200);
    const before = bench.frozen(store);
    expect(bench.frozen(await bench.restart())).toEqual(before);
  });
});
