import { describe, expect, it } from "vitest";
import { PublishedWindows } from "../../../firmware-sim/judge/published-windows.ts";
import { siteId } from "../../../src/base/ids.ts";
import { readDashboard } from "../../../src/cli/dashboard/reader.ts";

const minute = 60_000;
const site = siteId("house");

interface Told {
  readonly count: number;
  /** Number of its window; the first of those merged. */
  readonly window: number;
  readonly adds?: true;
  readonly replaces?: string;
  readonly replacedItems?: number;
  readonly windows?: number;
}

/** What a consumer has after these items of one series came, in this order. */
function heard(...items: readonly (readonly [id: string, told: Told])[]): PublishedWindows {
  const published = new PublishedWindows();
  for (const [id, { window, windows = 1, ...told }] of items) {
    const span = { ts: window * minute, spanMs: windows * minute, missing: 0, edition: 1, term: 1, adds: false };
    const topic = `skein/1/${site}/aggregates/all/heat`;
    const payload = Buffer.from(JSON.stringify({ ...span, ...told, id }));
    const message = readDashboard(site, topic, payload);
    if (message.kind !== "aggregate") throw new Error(JSON.stringify(message));
    if (published.item(id, topic, payload, true) === "first") published.aggregate(message.values);
  }
  return published;
}

const fine = (number: number, count: number): readonly [string, Told] => [`1.${number}`, { window: number, count }];
/** Of a lost majority: 1.1 to 1.3 as one. */
const coarse: readonly [string, Told] = [
  "1.4",
  { window: 1, windows: 3, count: 60, replaces: "1.1-1.3", replacedItems: 3 },
];

describe("a merged item of a lost majority", () => {
  it("is void, and replaces nothing: what it had replaced counts again", () => {
    const before = heard(fine(1, 10), fine(2, 20), coarse);
    expect(before.counted).toBe(60);
    const after = heard(fine(1, 10), fine(2, 20), coarse, fine(3, 30), ["2.4", { window: 4, count: 7 }]);
    expect(after.counted).toBe(67);
    expect(after.spans()).toHaveLength(4);
    expect(after.violations()).toEqual([]);
  });

  it("is void when it comes after the later generation has begun", () => {
    const late = heard(fine(1, 10), fine(2, 20), fine(3, 30), ["2.4", { window: 4, count: 7 }], coarse);
    expect(late.counted).toBe(67);
    expect(late.violations()).toEqual([]);
  });

  it("gives way to one of the later generation that stands for the same and more", () => {
    const again: readonly [string, Told] = [
      "2.5",
      { window: 1, windows: 4, count: 67, replaces: "1.1-1.3,2.4-2.4", replacedItems: 4 },
    ];
    for (const came of [[], [fine(2, 20)], [fine(2, 20), coarse]]) {
      const published = heard(...came, again);
      expect(published.counted).toBe(67);
      expect(published.violations()).toEqual([]);
      expect(heard(again, ...came).counted).toBe(67);
    }
  });

  it("void is also what came before an item of the later generation that says that its first ones are replaced", () => {
    const supplement: readonly [string, Told] = ["1.4", { window: 2, count: 5, adds: true }];
    const merged: readonly [string, Told] = [
      "2.6",
      { window: 4, windows: 2, count: 15, replaces: "2.4-2.5", replacedItems: 2 },
    ];
    const first = [fine(1, 10), fine(2, 20), fine(3, 30)];
    expect(heard(...first, supplement).counted).toBe(65);
    const published = heard(...first, supplement, merged);
    expect(published.counted).toBe(75);
    expect(published.violations()).toEqual([]);
  });
});

describe("an item that was replaced", () => {
  it("and comes again after the one that replaces it, counts nowhere", () => {
    const published = heard(fine(1, 10), fine(2, 20), coarse, fine(2, 20), fine(1, 10));
    expect(published.counted).toBe(60);
    expect(published.violations()).toEqual([]);
  });

  it("and comes for the first time only then, from a coordinator who had not heard of it, is in order", () => {
    expect(heard(coarse, fine(2, 20)).violations()).toEqual([]);
    const [, told] = coarse;
    expect(heard(fine(4, 1), fine(2, 20), fine(5, 1), ["1.6", told], fine(3, 30)).violations()).toEqual([]);
  });

  it("is not excused where another one comes late", () => {
    expect(heard(fine(1, 10), fine(3, 30), fine(2, 20)).violations()).toEqual(["1 items came after a higher number"]);
  });

  it("by a supplement is a supplement, not the edition under a number in its range", () => {
    const added: readonly [string, Told] = ["1.2", { window: 1, count: 2, adds: true }];
    const more: readonly [string, Told] = ["1.3", { window: 1, count: 3, adds: true }];
    const both: readonly [string, Told] = [
      "1.4",
      { window: 1, count: 5, adds: true, replaces: "1.1-1.3", replacedItems: 2 },
    ];
    expect(heard(fine(1, 10), added, more, both).counted).toBe(15);
  });
});
