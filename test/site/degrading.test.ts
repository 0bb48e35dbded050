// The outbox at its bound (DESIGN §9, docs/decisions/0006): items that wait become fewer, and none is lost, doubled or unaccounted.

import { describe, expect, it } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { siteTime } from "../../src/base/units.ts";
import { SiteState } from "../../src/site/state.ts";
import type { Applied } from "../../src/site/types.ts";
import { type Degrade, degradeOf, plansOf, waiting } from "./merging.ts";
import { epoch, origin, part, Site, StoredCells, site, siteWithin } from "./site-fixture.ts";

const minute = 60_000;

/** A reading in each of these minutes, each minute closed and published by itself. */
function publish(s: Site, minutes: readonly number[], device = "a"): void {
  for (const each of minutes) {
    s.now = Math.max(s.now, epoch + each * minute);
    s.count(device, s.state.counted(origin(device)) ?? 0, [each + 1], { at: epoch + each * minute });
    s.now = epoch + (each + 2) * minute;
    s.close();
  }
}

/** Readings that come late, and the edition (or supplement) that they make. */
function publishLate(s: Site, at: number, value: number): void {
  s.count("a", s.state.counted(origin("a")) ?? 0, [value], { at: epoch + at * minute });
  s.now += minute;
  s.close();
}

const range = (count: number, from = 0): number[] => Array.from({ length: count }, (_, place) => from + place);

function degrade(s: Site): Applied | undefined {
  const command = degradeOf(s);
  return command === undefined ? undefined : s.apply(command);
}

function bodies(s: Site): Record<string, unknown>[] {
  return [...waiting(s).values()].map(({ payload }) => JSON.parse(Buffer.from(payload).toString()));
}

const refusal = ({ outcome }: Applied) => (outcome.kind === "refused" ? outcome.reason : outcome.kind);

describe("items that wait", () => {
  it("of one series become one for each five minutes that are over, under new numbers (12 windows of a minute)", () => {
    const s = site("a");
    publish(s, range(12));
    expect(degrade(s)?.outcome.kind).toBe("done");
    const { outbox } = s.state;
    expect([...waiting(s).keys()]).toEqual([11, 12, 13, 14]);
    expect([outbox.first, outbox.next, outbox.count]).toEqual([11, 15, 4]);
    expect(bodies(s)).toMatchObject([
      { id: "1.11", count: 1, edition: 1 },
      { id: "1.12", count: 1, edition: 1 },
      { id: "1.13", ts: epoch, spanMs: 5 * minute, count: 5, sum: 15, min: 1, max: 5, edition: 2, adds: false },
      { id: "1.14", ts: epoch + 5 * minute, spanMs: 5 * minute, count: 5, sum: 40, replaces: "1.6-1.10" },
    ]);
    expect(bodies(s)[2]).toMatchObject({
      replaces: "1.1-1.5",
      replacedItems: 5,
      unit: "°C",
      p50: expect.closeTo(3, 1),
    });
    expect(bodies(s)[0]).not.toHaveProperty("replaces");
  });

  it("become coarser again and again, up to a day, and say all that they replace (26 h of minutes)", () => {
    const s = siteWithin({ ...limits, windowBytes: 50_000 }, "a");
    publish(s, range(26 * 60));
    const spans: number[] = [];
    for (let applied = degrade(s); applied !== undefined; applied = degrade(s)) {
      expect(applied.outcome.kind).toBe("done");
      spans.push(Math.max(...bodies(s).map(({ spanMs }) => spanMs as number)) / minute);
    }
    expect([...new Set(spans)]).toEqual([5, 15, 60, 240, 1440]);
    const day = bodies(s).find(({ ts }) => ts === epoch);
    expect(day).toMatchObject({ count: 1440, sum: (1440 * 1441) / 2, min: 1, max: 1440, spanMs: 1440 * minute });
    expect(day?.["replacedItems"]).toBeGreaterThan(1440 + 288 + 96 + 24);
    const told = bodies(s).reduce((sum, { count }) => sum + (count as number), 0);
    expect(told).toBe(26 * 60);
    expect(degrade(s)).toBeUndefined();
  });

  it("lose first what a later edition has replaced, and nothing else (three editions of one minute)", () => {
    const s = site("a");
    publish(s, range(4));
    publishLate(s, 1, 50);
    publishLate(s, 1, 60);
    expect(degrade(s)?.outcome.kind).toBe("done");
    expect(bodies(s)).toMatchObject([
      { ts: epoch },
      { ts: epoch + 2 * minute },
      { ts: epoch + 3 * minute },
      {
        ts: epoch + minute,
        spanMs: minute,
        edition: 4,
        count: 3,
        sum: 112,
        replaces: "1.2-1.2,1.5-1.6",
        replacedItems: 3,
      },
    ]);
  });

  it("are counted in by supplements afterwards, because their windows have left; and those merge, too", () => {
    const s = site("a");
    publish(s, range(6));
    degrade(s);
    expect(s.state.window(part(epoch + minute, []).key)).toBeUndefined();
    expect(s.state.window(part(epoch + 5 * minute, []).key)).toBeDefined();
    for (const at of [1, 1, 3]) publishLate(s, at, 7);
    const before = bodies(s);
    expect(before.slice(-3)).toMatchObject([
      { ts: epoch + minute, count: 1, adds: true, edition: 0 },
      { ts: epoch + minute, count: 1, adds: true, edition: 0 },
      { ts: epoch + 3 * minute, count: 1, adds: true, edition: 0 },
    ]);
    while (degrade(s) !== undefined);
    expect(bodies(s).filter(({ adds }) => adds === true)).toMatchObject([
      { ts: epoch + minute, spanMs: 3 * minute, count: 3, sum: 21, edition: 0, replaces: "1.8-1.11", replacedItems: 4 },
    ]);
  });

  it("stay as they are while a window among them waits for its next edition", () => {
    const s = site("a");
    publish(s, range(6));
    s.count("a", 6, [9], { at: epoch + 2 * minute });
    expect(plansOf(s).map(({ counted }) => counted.map(({ start }) => (start - epoch) / minute))).toEqual([
      [0, 1],
      [3, 4],
    ]);
  });

  it("of a window whose first edition has left are merged with editions of that window only, and no range goes over them", () => {
    const s = site("a");
    publish(s, [2]);
    s.apply({ kind: "cursor", upTo: 1 });
    publish(s, [0, 1]);
    publishLate(s, 2, 5);
    publish(s, [3, 4]);
    s.now = epoch + 20 * minute;
    s.close();
    expect(degrade(s)?.outcome.kind).toBe("done");
    const shown = () => bodies(s).map(({ ts, spanMs, count }) => [((ts as number) - epoch) / minute, spanMs, count]);
    expect(shown()).toEqual([
      [2, minute, 2],
      [0, 5 * minute, 4],
    ]);
    expect(bodies(s).at(-1)).toMatchObject({ replaces: "1.2-1.3,1.5-1.6", replacedItems: 4 });
    publishLate(s, 2, 6);
    expect(bodies(s).at(-1)).toMatchObject({ ts: epoch + 2 * minute, count: 1, adds: true });
    expect(degrade(s)).toBeUndefined();
  });

  it("keep the broker's latest value right: a merged item is retained only if no newer window is", () => {
    const s = site("a");
    publish(s, range(5));
    s.now = epoch + 30 * minute;
    s.close();
    degrade(s);
    expect([...waiting(s).values()].map(({ retain }) => retain)).toEqual([true]);
    const other = site("a");
    publish(other, range(6));
    degrade(other);
    expect([...waiting(other).values()].map(({ retain }) => retain)).toEqual([true, false]);
  });
});

describe("a degrade", () => {
  function prepared(): { s: Site; command: Degrade } {
    const s = site("a");
    publish(s, range(10));
    const command = degradeOf(s);
    if (command === undefined) throw new Error("nothing to merge");
    return { s, command };
  }
  const changed = (command: Degrade, change: Partial<Degrade["merges"][number]>): Degrade => ({
    ...command,
    merges: command.merges.map((merge, place) => (place === 0 ? { ...merge, ...change } : merge)),
  });

  it.each<[string, (s: Site, command: Degrade) => Degrade, string]>([
    ["merges nothing", (_, command) => ({ ...command, merges: [] }), "malformed"],
    [
      "names one item twice",
      (_, command) => ({ ...command, merges: [...command.merges, ...command.merges] }),
      "malformed",
    ],
    ["replaces one item only", (_, command) => changed(command, { numbers: [1] }), "malformed"],
    ["has a window without length", (_, command) => changed(command, { end: siteTime(epoch) }), "malformed"],
    ["has a window that is not closed", (_, command) => changed(command, { end: siteTime(epoch + 1e9) }), "malformed"],
    ["has a supplement with an edition", (_, command) => changed(command, { isSupplement: true }), "malformed"],
    ["was read wrongly", (_, command) => ({ ...command, check: command.check ^ 1 }), "outbox-moved"],
    [
      "was planned before an item was added, perhaps a later edition of a window in it",
      (s, command) => {
        s.count("a", 10, [1], { at: epoch + minute });
        s.now += minute;
        s.close();
        return command;
      },
      "outbox-moved",
    ],
    [
      "comes after a cursor that has some of it",
      (s, command) => {
        s.apply({ kind: "cursor", upTo: 1 });
        return command;
      },
      "outbox-moved",
    ],
    [
      "comes twice",
      (s, command) => {
        s.apply(command);
        return command;
      },
      "outbox-moved",
    ],
    [
      "comes after readings that make one of its windows wait for an edition",
      (s, command) => {
        s.count("a", 10, [1], { at: epoch });
        return command;
      },
      "outbox-moved",
    ],
  ])("that %s is refused whole", (_name, prepare, reason) => {
    const { s, command } = prepared();
    const wrong = prepare(s, command);
    const before = s.state.digest();
    expect(refusal(s.apply(wrong))).toBe(reason);
    expect(s.state.digest()).toBe(before);
  });

  it("that makes no room is refused (two items become one that is longer)", () => {
    const { s } = prepared();
    const [plan] = plansOf(s);
    if (plan === undefined) throw new Error("nothing to merge");
    const two = degradeOf(s, [{ ...plan, items: plan.items.slice(0, 2), counted: plan.counted.slice(0, 2) }]);
    const [merge] = two?.merges ?? [];
    if (two === undefined || merge === undefined) throw new Error("nothing to merge");
    const positive = new Map(range(400).map((bin) => [2 * bin, 1]));
    const fold = { ...merge.fold, count: 400, sketch: { positive, negative: new Map<number, number>(), zero: 0 } };
    expect(refusal(s.apply(changed(two, { fold })))).toBe("malformed");
    expect(refusal(s.apply(two))).toBe("done");
  });

  it("gives the same state on a replica that came from a checkpoint, whose items are only in the store", () => {
    const s = site("a", "b");
    const stored = new StoredCells(s.state);
    publish(s, range(30));
    publish(s, range(30), "b");
    stored.save(s.state);
    s.state.checkpointed();
    expect(s.state.outbox.item(1)).toBeUndefined();
    const copy = new Site(limits);
    Object.assign(copy, { state: SiteState.load(stored.cells()), index: s.index, now: s.now });
    for (let round = 0; round < 3; round++) {
      const command = degradeOf(s, plansOf(s, stored), stored);
      if (command === undefined) throw new Error("nothing to merge");
      expect([s.apply(command), copy.apply(command)]).toMatchObject([
        { outcome: { kind: "done" } },
        { outcome: { kind: "done" } },
      ]);
      expect(copy.state.digest()).toBe(s.state.digest());
      stored.save(s.state);
      s.state.checkpointed();
    }
    expect(SiteState.load(stored.cells()).digest()).toBe(s.state.digest());
  });
});
