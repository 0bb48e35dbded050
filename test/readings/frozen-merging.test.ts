import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { milliseconds } from "../../src/base/units.ts";
import { fold, mergeFolds } from "../../src/readings/fold.ts";
import { frozenBytes, mergeFrozen, withinBound } from "../../src/readings/frozen-merging.ts";
import type { FrozenPartial } from "../../src/readings/types.ts";
import { aDevice, definitions, reading, version } from "./definitions.ts";

const minute = 60_000;
const defined = definitions(version(0, { window: minute, sensors: { t: "pi", u: "pi/other" } }));

/** Readings (from, to], one every half minute. */
function frozen(from: number, to: number, start = 0): FrozenPartial {
  const numbers = Array.from({ length: to - from }, (_, i) => from + 1 + i);
  const readings = numbers.map((number) =>
    reading(number, start + number * 30_000, number, number % 3 === 0 ? "u" : "t"),
  );
  const { parts, stampMax, check } = fold(readings, defined, aDevice);
  const ended = parts.map((part) => ({ ...part, end: (part.key.start + minute) as typeof part.key.start }));
  return { from, to, stampMax, check, slot: milliseconds(0), parts: ended };
}

const whole = (all: readonly FrozenPartial[]) =>
  all.flatMap(({ parts }) => parts.map((part) => part.fold)).reduce(mergeFolds);
const sizes = { frozenBytes: limits.partialBytes, frozenPartials: 4 };

describe("frozen partials", () => {
  it("that are merged have the count, sum, extremes and quantiles of both, in windows from the first start to the last end", () => {
    const one = mergeFrozen(frozen(0, 10), frozen(10, 20), milliseconds(5 * minute));
    expect([one.from, one.to, one.stampMax]).toEqual([0, 20, 600_000]);
    expect(whole([one])).toEqual(whole([frozen(0, 10), frozen(10, 20)]));
    const spans = one.parts.filter(({ key }) => key.group === "g").map(({ key, end }) => [key.start, end]);
    expect(spans).toEqual([
      [0, 5 * minute],
      [5 * minute, 10 * minute],
      [10 * minute, 11 * minute],
    ]);
  });

  it("stay within their bound, and nothing is lost (fast-check)", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 30 }), (lengths) => {
        let all: readonly FrozenPartial[] = [];
        for (const length of lengths) {
          const from = all.at(-1)?.to ?? 0;
          const before = [...all, frozen(from, from + length)];
          const bounded = withinBound(before, 0, sizes);
          expect(bounded).toBeDefined();
          all = bounded ?? [];
          expect(all.length).toBeLessThanOrEqual(sizes.frozenPartials);
          expect(all.every((each) => frozenBytes(each) <= sizes.frozenBytes)).toBe(true);
          const [shown, due] = [whole(all), whole(before)];
          expect({ ...shown, sum: 0 }).toEqual({ ...due, sum: 0 });
          expect(shown.sum).toBe(due.sum);
        }
        expect(all.map(({ from }) => from).slice(1)).toEqual(all.map(({ to }) => to).slice(0, -1));
      }),
      { numRuns: 30 },
    );
  });

  it("that may have been sent are never merged; where no others can be, there is no room", () => {
    const all = [frozen(0, 4), frozen(4, 8), frozen(8, 12), frozen(12, 16), frozen(16, 20)];
    const kept = withinBound(all, 8, sizes);
    expect(kept?.map(({ from, to }) => [from, to])).toEqual([
      [0, 4],
      [4, 8],
      [8, 16],
      [16, 20],
    ]);
    expect(withinBound(all, 16, sizes)).toBeUndefined();
  });

  it("with readings between them are never merged", () => {
    const all = [frozen(0, 4), frozen(5, 8), frozen(9, 12), frozen(13, 16), frozen(17, 20)];
    expect(withinBound(all, 0, sizes)).toBeUndefined();
  });

  it("become coarser, the finest first, where they would be too large (bytes of about ten windows)", () => {
    const small = { frozenBytes: 1_500, frozenPartials: 2 };
    let all: readonly FrozenPartial[] = [];
    for (let from = 0; from < 60; from += 6) all = withinBound([...all, frozen(from, from + 6)], 0, small) ?? [];
    expect(all.length).toBe(2);
    expect(all[0]?.slot).toBeGreaterThanOrEqual(5 * minute);
    expect(whole(all).count).toBe(60);
  });
});
