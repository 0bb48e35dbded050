// When windows are published, and as what: editions, supplements, the bound of the outbox.

import { describe, expect, it } from "vitest";
import { deviceId } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { seconds, siteTime } from "../../src/base/units.ts";
import { configuration, epoch, origin, part, type Site, site, siteWithin } from "./site-fixture.ts";

const minute = 60_000;
/** What the coordinator would do now; true if something was due. */
function closeIfDue(s: Site): boolean {
  const upTo = s.state.dueClose(siteTime(s.now));
  if (upTo !== undefined) s.close(upTo);
  return upTo !== undefined;
}

describe("a window", () => {
  it("is due once its end and grace have passed, and published once (grace 15 s)", () => {
    const s = site("a", "b");
    s.count("a", 0, [20], { isComplete: true });
    s.now = epoch + minute + 14_999;
    expect(closeIfDue(s)).toBe(false);
    s.now += 1;
    expect(closeIfDue(s)).toBe(true);
    expect(s.items()).toEqual([
      {
        ts: epoch,
        spanMs: minute,
        count: 1,
        sum: 20,
        mean: 20,
        min: 20,
        max: 20,
        p50: 20,
        p95: 20,
        p99: 20,
        missing: 0,
        id: "1.1",
        term: 1,
        edition: 1,
        adds: false,
        aggregation: "all",
        group: "temperature",
        unit: "°C",
      },
    ]);
    expect(Object.keys(s.items()[0] ?? {}).slice(0, 14)).toEqual([
      "ts",
      "spanMs",
      "count",
      "sum",
      "mean",
      "min",
      "max",
      "p50",
      "p95",
      "p99",
      "missing",
      "id",
      "term",
      "edition",
    ]);
    expect(closeIfDue(s)).toBe(false);
    expect(s.state.closedUpTo).toBe(epoch + minute);
  });

  it("is due at once when all members that have a sensor in it have contributed what they have", () => {
    const s = site("a", "b");
    s.join("without-sensor");
    const { key } = part(epoch, []);
    expect([...s.state.expectedContributors(key)]).toEqual(["a", "b"]);
    s.count("a", 0, [20], { isComplete: true });
    s.now = epoch + minute + 1;
    s.count("b", 0, [30], { at: epoch, isComplete: false });
    expect([s.state.isWindowComplete(key), closeIfDue(s)]).toEqual([false, false]);
    s.count("b", 1, [31], { at: epoch, isComplete: true });
    expect([s.state.isWindowComplete(key), closeIfDue(s)]).toEqual([true, true]);
    expect(s.items()).toMatchObject([{ count: 3 }]);
  });

  it("that is complete waits for one that ends before it and is not (windows of 10 s and of 1 min)", () => {
    const s = site("a", "b");
    const all = { window: seconds(60), grace: seconds(15), groupBy: ["quantity"], where: {} };
    const aggregations = new Map([
      ["all", all],
      ["fast", { ...all, window: seconds(10) }],
    ]);
    s.configure(configuration(["a", "b"], { aggregations }));
    s.count("a", 0, [20], { isComplete: true });
    s.now = epoch + minute + 11_000;
    const key = { aggregation: "fast", group: "temperature", start: siteTime(epoch + minute) };
    const moves = ["a", "b"].map((device, place) => ({
      origin: origin(device),
      from: 1 - place,
      to: 2 - place,
      check: 1,
      stored: 2,
    }));
    const { revision } = s.state.definitions;
    const parts = [{ ...part(epoch, [1, 2], [0, 1]), key }];
    s.apply({ kind: "count", revision, moves, stampMax: siteTime(s.now), parts });
    expect([s.state.isWindowComplete(key), closeIfDue(s)]).toEqual([true, false]);
    s.now = epoch + minute + 15_000;
    expect(closeIfDue(s)).toBe(true);
    expect(s.items().map(({ aggregation }) => aggregation)).toEqual(["all", "fast"]);
  });

  it("does not wait for a member that was removed", () => {
    const s = site("a", "b");
    s.count("a", 0, [20], { isComplete: true });
    s.apply({ kind: "remove", device: deviceId("b") });
    s.now = epoch + minute + 1;
    expect(closeIfDue(s)).toBe(true);
  });

  it("gets its next edition for late readings, not before the interval between editions is over (60 s)", () => {
    const s = site("a");
    s.count("a", 0, [20]);
    s.now = epoch + minute + 15_000;
    closeIfDue(s);
    s.count("a", 1, [30], { at: epoch + 5 });
    expect(closeIfDue(s)).toBe(false);
    s.close();
    expect(s.items()).toHaveLength(1);
    s.now += minute;
    expect(closeIfDue(s)).toBe(true);
    expect(s.items()[1]).toMatchObject({ id: "1.2", edition: 2, count: 2, sum: 50, ts: epoch });
    expect(closeIfDue(s)).toBe(false);
  });

  it("that comes into being after its time is published at once (device was away)", () => {
    const s = site("a", "b");
    s.count("a", 0, [20]);
    s.now = epoch + 10 * minute;
    closeIfDue(s);
    s.count("b", 0, [30], { at: epoch + 3 * minute });
    expect(closeIfDue(s)).toBe(true);
    expect(s.items()[1]).toMatchObject({ ts: epoch + 3 * minute, edition: 1, count: 1 });
  });

  it("is kept by the broker only while none is newer in its series", () => {
    const s = site("a");
    s.count("a", 0, [20]);
    s.count("a", 1, [20], { at: epoch + minute, parts: [part(epoch + minute, [20])] });
    s.now = epoch + 3 * minute;
    closeIfDue(s);
    s.count("a", 2, [30], { at: epoch });
    s.count("a", 3, [30], { at: epoch + minute });
    s.now += minute;
    closeIfDue(s);
    const retained = [1, 2, 3, 4].map((number) => s.state.outbox.item(number)?.retain);
    expect(s.items().map(({ ts }) => ts)).toEqual([epoch, epoch + minute, epoch, epoch + minute]);
    expect(retained).toEqual([true, true, false, true]);
  });

  it("has no item without a reading, and a series of gaps without values (sensor failed for a minute)", () => {
    const s = site("a");
    s.now = epoch + 5 * minute;
    expect(closeIfDue(s)).toBe(false);
    const missing = { ...part(s.now, []), fold: { ...part(s.now, []).fold, missing: 3 } };
    s.count("a", 0, [1, 2, 3], { parts: [missing] });
    s.now += 2 * minute;
    closeIfDue(s);
    expect(s.items()).toEqual([expect.objectContaining({ count: 0, sum: 0, missing: 3 })]);
    expect(s.items()[0]).not.toHaveProperty("mean");
  });
});

describe("items", () => {
  it("are in the order of windows' ends and groups, whatever the order of counting", () => {
    const s = site("a");
    const keys: [number, string][] = [
      [2, "b"],
      [0, "b"],
      [1, "a"],
      [0, "a"],
      [2, "a"],
    ];
    for (const [place, [number, group]] of keys.entries()) {
      const at = epoch + number * minute;
      s.now = Math.max(s.now, at);
      s.count("a", place, [place], { at, parts: [part(at, [place], [], group)] });
    }
    s.now = epoch + 10 * minute;
    closeIfDue(s);
    expect(s.items().map(({ ts, group }) => [((ts as number) - epoch) / minute, group])).toEqual([
      [0, "a"],
      [0, "b"],
      [1, "a"],
      [2, "a"],
      [2, "b"],
    ]);
    expect(s.items().map(({ id }) => id)).toEqual(["1.1", "1.2", "1.3", "1.4", "1.5"]);
  });

  it("leave with the cursor, and their numbers are never used again", () => {
    const s = site("a");
    for (let number = 0; number < 3; number++) {
      s.count("a", number, [number]);
      s.now += 2 * minute;
      closeIfDue(s);
    }
    expect(s.apply({ kind: "cursor", upTo: 4 }).outcome).toMatchObject({ kind: "refused", reason: "malformed" });
    expect([...s.apply({ kind: "cursor", upTo: 2 }).touched]).toEqual(["cursor"]);
    expect([s.state.cursor, s.state.outbox.first, s.state.outbox.next]).toEqual([2, 3, 4]);
    expect(s.apply({ kind: "cursor", upTo: 1 }).touched.size).toBe(0);
    s.apply({ kind: "cursor", upTo: 3 });
    expect(s.state.outbox.bytes).toBe(0);
    s.count("a", 3, [1]);
    s.now += 2 * minute;
    closeIfDue(s);
    expect(s.items()).toMatchObject([{ id: "1.4" }]);
  });
});

describe("at the bounds", () => {
  const small = { ...limits, outboxBytes: 2_000, windowBytes: 12_000, windowBytesMax: 24_000 };

  /** One window a minute, of one reading each. */
  function count(s: Site, windows: number, from: number): string[] {
    return Array.from({ length: windows }, (_, place) => {
      s.now = epoch + (from + place) * minute;
      const { outcome } = s.count("a", s.state.counted(origin("a")) ?? 0, [from + place]);
      closeIfDue(s);
      return outcome.kind === "refused" ? outcome.reason : outcome.kind;
    });
  }

  it("a full outbox leaves windows unpublished and drops none; with room they come out in order", () => {
    const s = siteWithin(small, "a");
    count(s, 30, 0);
    s.now += 10 * minute;
    const published = s.state.outbox.next - 1;
    expect(published).toBeLessThan(30);
    expect(s.state.outbox.isFull).toBe(true);
    expect(s.state.dueClose(siteTime(s.now))).toBeUndefined();
    expect(s.state.windows.unpublished).toBe(30 - published);
    const seen: unknown[] = [];
    for (let round = 0; round < 30; round++) {
      seen.push(...s.items().map(({ sum }) => sum));
      s.apply({ kind: "cursor", upTo: s.state.outbox.next - 1 });
      closeIfDue(s);
    }
    expect(seen).toEqual(Array.from({ length: 30 }, (_, number) => number));
  });

  it("with a full outbox and windows at their bound nothing more is counted, until there is room (readings wait on devices)", () => {
    const s = siteWithin(small, "a");
    const answers = count(s, 100, 0);
    expect(answers.at(-1)).toBe("windows-full");
    expect(answers.filter((answer) => answer === "done").length).toBeGreaterThan(30);
    for (let round = 0; round < 30; round++) {
      s.apply({ kind: "cursor", upTo: s.state.outbox.next - 1 });
      closeIfDue(s);
    }
    expect(count(s, 1, 100)).toEqual(["done"]);
  });

  it("the oldest windows leave when they are published; what comes later for them is a supplement, once each", () => {
    const s = siteWithin(small, "a");
    for (let window = 0; window < 60; window++) {
      count(s, 1, window);
      s.apply({ kind: "cursor", upTo: s.state.outbox.next - 1 });
    }
    s.now += 2 * minute;
    closeIfDue(s);
    expect(s.state.windows.bytes).toBeLessThanOrEqual(small.windowBytes);
    expect(s.state.window(part(epoch, []).key)).toBeUndefined();
    s.apply({ kind: "cursor", upTo: s.state.outbox.next - 1 });
    s.count("a", 60, [7, 8], { at: epoch });
    s.count("a", 62, [9], { at: epoch });
    expect(closeIfDue(s)).toBe(true);
    expect(s.items()).toMatchObject([{ ts: epoch, count: 3, sum: 24, adds: true, edition: 0 }]);
    s.count("a", 63, [5], { at: epoch });
    closeIfDue(s);
    expect(s.items()).toMatchObject([{ count: 3 }, { count: 1, sum: 5, adds: true, edition: 0 }]);
    expect(s.state.outbox.item(s.state.outbox.next - 1)?.retain).toBe(false);
    expect(s.state.windows.unpublished).toBe(0);
  });

  it("windows older than 48 h leave, however much room there is", () => {
    const s = siteWithin(limits, "a");
    count(s, 3, 0);
    s.now += limits.windowAge;
    closeIfDue(s);
    expect(s.state.windows.count).toBe(1);
    s.now += minute;
    s.count("a", 3, [1]);
    s.now += 2 * minute;
    closeIfDue(s);
    expect(s.state.windows.count).toBe(1);
  });

  it("one close publishes a bounded number of items; the rest is due at once", () => {
    const s = siteWithin({ ...limits, closeItems: 2 }, "a");
    for (let number = 0; number < 5; number++)
      s.count("a", number, [1], { parts: [part(s.now, [1], [], `g${number}`)] });
    s.now += 2 * minute;
    const items = [0, 1, 2, 3].map(() => {
      closeIfDue(s);
      return s.state.outbox.next - 1;
    });
    expect(items).toEqual([2, 4, 5, 5]);
  });
});
