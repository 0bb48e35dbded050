import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deviceId, sensorId } from "../../src/base/ids.ts";
import { milliseconds, siteTime } from "../../src/base/units.ts";
import {
  definitionAt,
  emptyFold,
  fold,
  foldQuantile,
  isAssigned,
  keyText,
  mergeFolds,
  windowEnd,
  windowStart,
} from "../../src/readings/fold.ts";
import { type Fold, type PartialPart, quality, type Reading } from "../../src/readings/types.ts";
import { aDevice, aSensor, definitions, reading, version } from "./definitions.ts";

const everyTen = definitions(version(0, { window: 10, sensors: { t: "pi" } }));

function brief(parts: readonly PartialPart[]): string[] {
  return parts.map(({ key, fold: { count, sum, missing } }) => `${keyText(key)}: ${count}×${sum} −${missing}`);
}

describe("a fold", () => {
  it("puts each reading into the window of its stamp", () => {
    const folded = fold([reading(1, 5, 1), reading(2, 9, 2), reading(3, 10, 4)], everyTen, aDevice);
    expect(brief(folded.parts)).toEqual(["0 all g: 2×3 −0", "10 all g: 1×4 −0"]);
    expect(folded.stampMax).toBe(10);
  });

  it("adds a missing value to `missing` alone", () => {
    const { parts } = fold([reading(1, 1, 0, "t", quality.missing), reading(2, 2, 7)], everyTen, aDevice);
    expect(parts[0]?.fold).toMatchObject({ count: 1, sum: 7, min: 7, max: 7, missing: 1 });
  });

  it("counts flagged readings all the same", () => {
    const { parts } = fold([reading(1, 1, 99, "t", quality.outOfRange | quality.stuck)], everyTen, aDevice);
    expect(parts[0]?.fold.count).toBe(1);
  });

  it("uses the definition, group and assignment in force at each reading's stamp", () => {
    const changed = definitions(
      version(0, { window: 10, sensors: { t: "pi/old" } }),
      version(20, { window: 5, sensors: { t: "pi/new" } }),
      version(30, { window: 5, sensors: { t: "other" } }),
    );
    const folded = fold([reading(1, 19, 1), reading(2, 20, 2), reading(3, 26, 4), reading(4, 31, 8)], changed, aDevice);
    expect(brief(folded.parts)).toEqual(["10 all old: 1×1 −0", "20 all new: 1×2 −0", "25 all new: 1×4 −0"]);
  });

  it("folds a reading outside its assignment to nothing, but keeps it in the check and in stampMax", () => {
    const stranger = reading(2, 50, 5, "unknown");
    const folded = fold([reading(1, 1, 1), stranger], everyTen, aDevice);
    expect(brief(folded.parts)).toEqual(["0 all g: 1×1 −0"]);
    expect(folded.stampMax).toBe(50);
    expect(folded.check).not.toBe(fold([reading(1, 1, 1)], everyTen, aDevice).check);
    expect(fold([reading(1, 1, 1)], everyTen, deviceId("other")).parts).toEqual([]);
  });

  it("counts in each aggregation that has the sensor", () => {
    const two = definitions(
      version(
        0,
        { name: "minute", window: 60, sensors: { t: "pi/a" } },
        { name: "hour", window: 3600, sensors: { t: "pi/b" } },
      ),
    );
    expect(brief(fold([reading(1, 70, 3)], two, aDevice).parts)).toEqual(["60 minute a: 1×3 −0", "0 hour b: 1×3 −0"]);
  });

  it("of nothing has no parts, and of no definitions neither", () => {
    expect(fold([], everyTen, aDevice)).toEqual({ parts: [], stampMax: 0, check: 0 });
    expect(fold([reading(1, 1, 1)], definitions(), aDevice).parts).toEqual([]);
  });

  it("has a check that any change of any reading changes", () => {
    const base = [reading(1, 10, 1.5), reading(2, 20, 2.5)];
    const { check } = fold(base, everyTen, aDevice);
    const others: Reading[][] = [
      [reading(1, 10, 1.5)],
      [reading(2, 20, 2.5), reading(1, 10, 1.5)],
      [reading(1, 11, 1.5), reading(2, 20, 2.5)],
      [reading(1, 10, 1.6), reading(2, 20, 2.5)],
      [reading(1, 10, 1.5, "u"), reading(2, 20, 2.5)],
      [reading(1, 10, 1.5, "t", 1), reading(2, 20, 2.5)],
    ];
    for (const other of others) expect(fold(other, everyTen, aDevice).check).not.toBe(check);
    expect(fold(base, everyTen, aDevice).check).toBe(check);
  });

  it("of two halves, merged, is the fold of the whole (integers, so that sums are exact)", () => {
    const stamps = fc.array(fc.tuple(fc.nat(100), fc.integer({ min: -1000, max: 1000 }), fc.boolean()), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(stamps, fc.nat(60), (some, cut) => {
        const readings = some.map(([stamp, value, has], i) =>
          reading(i + 1, stamp, value, "t", has ? 0 : quality.missing),
        );
        const whole = fold(readings, everyTen, aDevice).parts;
        const halves = [readings.slice(0, cut), readings.slice(cut)].flatMap(
          (half) => fold(half, everyTen, aDevice).parts,
        );
        const merged = new Map<string, Fold>();
        for (const part of halves) {
          const key = keyText(part.key);
          merged.set(key, mergeFolds(merged.get(key) ?? emptyFold, part.fold));
        }
        expect(merged).toEqual(new Map(whole.map((part) => [keyText(part.key), part.fold])));
      }),
      { numRuns: 200 },
    );
  });

  it("has a finite sum of whatever finite values", () => {
    const huge = [reading(1, 1, Number.MAX_VALUE), reading(2, 2, Number.MAX_VALUE)];
    const [part] = fold(huge, everyTen, aDevice).parts;
    expect(part?.fold.sum).toBe(Number.MAX_VALUE);
    expect(part === undefined ? 0 : mergeFolds(part.fold, part.fold).sum).toBe(Number.MAX_VALUE);
  });

  it("keeps its quantiles within its extremes", () => {
    const [part] = fold([reading(1, 1, 20.04)], everyTen, aDevice).parts;
    expect(foldQuantile(part?.fold ?? emptyFold, 0.95)).toBe(20.04);
    expect(foldQuantile(emptyFold, 0.5)).toBeUndefined();
  });
});

describe("windows", () => {
  it("start at multiples of their length, before 1970 too", () => {
    expect(windowStart(siteTime(59_999), milliseconds(60_000))).toBe(0);
    expect(windowStart(siteTime(60_000), milliseconds(60_000))).toBe(60_000);
    expect(windowStart(siteTime(-1), milliseconds(60_000))).toBe(-60_000);
  });

  const starting = (start: number, aggregation = "all") => ({ aggregation, group: "g", start: siteTime(start) });
  const plan = (window: number, name = "all") => ({ name, window, sensors: { t: "pi" } });

  it("go on where the next version has the same length, and end there where it has another", () => {
    const changed = definitions(version(0, plan(10)), version(25, plan(10)), version(48, plan(4)), version(70));
    const end = (start: number) => windowEnd(changed, starting(start));
    expect([end(0), end(20), end(30), end(40), end(48), end(68)]).toEqual([10, 30, 40, 48, 52, 70]);
  });

  it("that no reading can have are none", () => {
    const changed = definitions(version(0, plan(10)), version(48, plan(4)), version(70));
    for (const start of [5, -3, 50, 71, 80]) expect(windowEnd(changed, starting(start)), String(start)).toBeUndefined();
    expect(windowEnd(changed, starting(0, "none"))).toBeUndefined();
    expect(windowEnd(definitions(), starting(0))).toBeUndefined();
  });

  it("of an aggregation that begins within a window have their whole first one", () => {
    const added = definitions(version(0, plan(10)), version(34, plan(10), plan(60, "hour")));
    expect(windowEnd(added, starting(0, "hour"))).toBe(60);
    const parts = fold([reading(1, 33, 1), reading(2, 34, 2)], added, aDevice).parts;
    expect(brief(parts)).toEqual(["30 all g: 2×3 −0", "0 hour g: 1×2 −0"]);
  });

  it("contain their readings, and two lengths never share a key (boundaries at starts of the new windows)", () => {
    const size = fc.integer({ min: 1, max: 50 });
    fc.assert(
      fc.property(size, size, fc.nat(20), fc.array(fc.nat(300)), (before, after, place, stamps) => {
        const boundary = place * after;
        const both = definitions(version(0, plan(before)), version(boundary, plan(after)));
        const starts = (from: readonly number[]) =>
          fold(
            from.map((stamp, i) => reading(i + 1, stamp, 1)),
            both,
            aDevice,
          ).parts.map(({ key }) => key.start);
        const old = starts(stamps.filter((stamp) => stamp < boundary));
        const fresh = starts(stamps.filter((stamp) => stamp >= boundary));
        for (const stamp of stamps) {
          const [part] = fold([reading(1, stamp, 1)], both, aDevice).parts;
          const end = part === undefined ? undefined : windowEnd(both, part.key);
          if (part === undefined || end === undefined || stamp < part.key.start || stamp >= end) return false;
        }
        return before === after || !old.some((start) => fresh.includes(start));
      }),
      { numRuns: 300 },
    );
  });

  it("before the first version belong to it", () => {
    const late = definitions(version(100, { window: 10, sensors: { t: "pi" } }));
    expect(definitionAt(late, siteTime(5))).toBe(late.versions[0]);
    expect(definitionAt(definitions(), siteTime(5))).toBeUndefined();
    expect(brief(fold([reading(1, 5, 1)], late, aDevice).parts)).toEqual(["0 all g: 1×1 −0"]);
  });

  it("have a sensor only where and while it is assigned", () => {
    const moved = definitions(
      version(0, { window: 10, sensors: { t: "pi" } }),
      version(50, { window: 10, sensors: { t: "other" } }),
    );
    expect(isAssigned(moved, aDevice, aSensor, siteTime(49))).toBe(true);
    expect(isAssigned(moved, aDevice, aSensor, siteTime(50))).toBe(false);
    expect(isAssigned(moved, aDevice, sensorId("u"), siteTime(0))).toBe(false);
    expect(isAssigned(definitions(), aDevice, aSensor, siteTime(0))).toBe(false);
  });
});
