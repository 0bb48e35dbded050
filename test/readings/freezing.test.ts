// A store that is nearly full freezes its oldest uncounted readings (docs/decisions/0008): on a simulated card, and with the power
// cut at every sync.

import { describe, expect, it } from "vitest";
import type { LogFile } from "../../src/base/ports/log-file.ts";
import { logIndex, milliseconds, siteTime } from "../../src/base/units.ts";
import { Freezing } from "../../src/readings/freezing.ts";
import { encodePayload, type StoredPayload } from "../../src/readings/reading-codec.ts";
import { isStamped, ReadingLog } from "../../src/readings/reading-log.ts";
import type { FrozenPartial } from "../../src/readings/types.ts";
import { aDevice, aSensor, definitions, version } from "./definitions.ts";
import { epoch, FreezingBench, smallSizes } from "./freezing-bench.ts";

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

  it("writes nothing of what it folded when it is no member any more", () => {
    const readings = new ReadingLog();
    for (let first = 1; first <= 4; first++) {
      const one = [{ sensor: aSensor, time: epoch + first, value: first, quality: 0 }];
      const marks = { sendable: 0, revision: 1 };
      readings.recover(first, encodePayload({ kind: "readings", first, unstampedIn: undefined, readings: one, marks }));
    }
    let counted: number | undefined = 0;
    const log = { usage: () => ({ segments: smallSizes.freezeBytes / smallSizes.segmentBytes }), release: () => {} };
    const known = definitions(version(0, { window: 10_000, sensors: { t: "pi" } }));
    const ports = { device: aDevice, counted: () => counted, definitions: () => known };
    const freezing = new Freezing(readings, log as unknown as LogFile, ports, smallSizes);
    freezing.consider(
      (from, maxCount, done) =>
        readings.read(log as unknown as LogFile, { from, through: 4, maxCount }, (failure, found) =>
          done(failure, found.filter(isStamped)),
        ),
      () => {},
    );
    expect(freezing.take()).toMatchObject({ through: 2 });
    counted = undefined;
    expect(freezing.take()).toBeUndefined();
  });

  it("freezes also once it is full, when what kept it from freezing is over", async () => {
    const bench = new FreezingBench();
    const known = bench.definitions;
    bench.definitions = { ...known, revision: logIndex(7) };
    const { store } = await filled(10, bench);
    bench.definitions = { ...known, revision: logIndex(6) };
    for (let i = 0; i < 80; i++) bench.flush(store);
    expect(bench.events).toEqual(["stopped: log-full"]);
    bench.definitions = { ...known, revision: logIndex(7) };
    bench.run(20_000);
    expect(bench.events.slice(1)).toEqual(expect.arrayContaining([expect.stringMatching(/^frozen: /), "resumed"]));
    bench.expectWhole(store);
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

  // A device that was removed between the question and its write wrote marks without end, and took no reading any more.
  it("is answered, and written once, also where the device is no member any more when its turn comes", async () => {
    const { bench, store } = await filled(20);
    const before = bench.syncs;
    const answers: boolean[] = [];
    store.add(aSensor, 1, 0, siteTime(epoch + 50_000));
    store.flush();
    store.permit(15, (isPermitted) => void answers.push(isPermitted));
    bench.counted = undefined;
    bench.run(1_000);
    expect([answers, bench.syncs - before, store.taken]).toEqual([[true], 2, 21]);
  });
});

describe("what a full disk left of a freeze", () => {
  it("does not undo the one that is written right behind it", () => {
    const frozen = (to: number): FrozenPartial => ({
      ...{ from: 0, to, stampMax: siteTime(epoch), check: to },
      ...{ slot: milliseconds(0), parts: [] },
    });
    const readings = [{ sensor: aSensor, time: epoch, value: 1, quality: 0 }];
    const marks = { sendable: 0, revision: 1 };
    const log = new ReadingLog();
    const payloads: StoredPayload[] = [
      { kind: "carried", first: 1, readings },
      { kind: "frozen", frozen: frozen(8) },
      { kind: "frozen", frozen: frozen(9) },
      { kind: "freeze", payloads: 1, through: 9, marks, last: 12 },
    ];
    for (const [at, payload] of payloads.entries()) log.recover(at, encodePayload(payload));
    expect(log.frozen.all).toEqual([frozen(9)]);
    expect([log.taken, log.first, log.frozen.position]).toEqual([12, 1, 2]);
  });

  it("is nothing where the beginning of it has left the log", () => {
    const log = new ReadingLog();
    const marks = { sendable: 0, revision: 1 };
    log.recover(0, encodePayload({ kind: "freeze", payloads: 1, through: 9, marks, last: 12 }));
    expect([log.frozen.all, log.taken]).toEqual([[], 12]);
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
