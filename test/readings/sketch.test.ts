import { LogCollapsingLowestDenseDDSketch } from "@datadog/sketches-js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, encode } from "../../src/base/cbor.ts";
import {
  decodeSketch,
  emptySketch,
  encodeSketch,
  mergeSketches,
  quantile,
  sketchError,
  sketchOf,
} from "../../src/readings/sketch.ts";

const quantiles = [0, 0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1];
const value = fc.oneof(
  fc.double({ min: -1000, max: 1000, noNaN: true }),
  fc.integer({ min: -50, max: 50 }),
  fc.constantFrom(0, -0, 1e-13, -1e-13, 1e300, -1e300, Number.MAX_VALUE, 5e-324),
);
const values = fc.array(value, { minLength: 1, maxLength: 200 });
const aFew = { numRuns: 300 };

function exact(sorted: readonly number[], q: number): number {
  return sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN;
}

function within(estimate: number | undefined, truth: number, error = sketchError): boolean {
  return estimate !== undefined && Math.abs(estimate - truth) <= Math.abs(truth) * error * 1.000001 + 1e-12;
}

describe("the quantile sketch", () => {
  it("tells every quantile within its stated error (against exact quantiles)", () => {
    fc.assert(
      fc.property(values, (some) => {
        const sketch = sketchOf(some);
        const sorted = [...some].sort((a, b) => a - b);
        for (const q of quantiles) if (!within(quantile(sketch, q), exact(sorted, q))) return false;
        return true;
      }),
      aFew,
    );
  });

  it("tells 20 °C to a tenth of a degree", () => {
    const median = quantile(sketchOf([19.2, 20, 20.7]), 0.5) ?? 0;
    expect(Math.abs(median - 20)).toBeLessThanOrEqual(0.1);
  });

  it("agrees with the authors' sketch (oracle: @datadog/sketches-js, each within the sum of both errors)", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 300 }),
        (some) => {
          const oracle = new LogCollapsingLowestDenseDDSketch({ relativeAccuracy: sketchError, binLimit: 4096 });
          for (const each of some) oracle.accept(each);
          const sketch = sketchOf(some);
          return quantiles.every((q) => within(quantile(sketch, q), oracle.getValueAtQuantile(q), 2 * sketchError));
        },
      ),
      aFew,
    );
  });

  it("has no quantile when it is empty", () => {
    expect(quantile(emptySketch, 0.5)).toBeUndefined();
  });

  it("merges to the sketch of all values, in any order (a bound of 5 bins, so that they collapse)", () => {
    fc.assert(
      fc.property(values, values, values, (a, b, c) => {
        const bins = 5;
        const [one, two, three] = [sketchOf(a, bins), sketchOf(b, bins), sketchOf(c, bins)];
        const all = plain(encodeSketch(sketchOf([...a, ...b, ...c], bins)));
        const left = mergeSketches(mergeSketches(one, two, bins), three, bins);
        const right = mergeSketches(three, mergeSketches(two, one, bins), bins);
        expect(plain(encodeSketch(left))).toEqual(all);
        expect(plain(encodeSketch(right))).toEqual(all);
      }),
      aFew,
    );
  });

  it("never holds more bins than its bound, and keeps the largest magnitudes exact", () => {
    const many = Array.from({ length: 5000 }, (_, i) => 1.02 ** i % 1e9);
    const sketch = sketchOf([...many, ...many.map((each) => -each)]);
    expect(sketch.positive.size).toBe(512);
    expect(sketch.negative.size).toBe(512);
    const top = [...many].sort((a, b) => a - b);
    expect(within(quantile(sketch, 1), top.at(-1) ?? 0)).toBe(true);
  });

  it("comes back from its bytes", () => {
    fc.assert(
      fc.property(values, (some) => {
        const sketch = sketchOf(some);
        expect(plain(decodeSketch(decode(encode(encodeSketch(sketch)))))).toEqual(plain(sketch));
      }),
      aFew,
    );
  });

  it("takes about 30 bytes for a minute of a room's temperature", () => {
    const minute = Array.from({ length: 60 }, (_, i) => 20 + Math.sin(i / 10) * 0.5);
    expect(encode(encodeSketch(sketchOf(minute))).length).toBeLessThan(30);
  });

  it("refuses what it does not write", () => {
    const wrong: unknown[] = [
      undefined,
      null,
      7,
      "sketch",
      [],
      [0, []],
      [-1, [], []],
      [0.5, [], []],
      [0, [1], []],
      [0, [1, 2, 5], []],
      [0, [1, 0], []],
      [0, [1, 1, 0], []],
      [0, [1, 1, -3], []],
      [0, [1, 1, 1.5], []],
      [0, [1, 1, 1, 0, 1, 1], []],
      [0, [1, 1, 1, -1, 1, 1], []],
      [0, [1e9, 1, 1], []],
      [0, [-1e9, 1, 1], []],
      [0, [1, 2 ** 40, 1], []],
      [0, [], Array.from({ length: 100_000 }, () => 1)],
      [0, [], [1, 600, ...Array.from({ length: 600 }, () => 1)]],
      [0, {}, []],
      [10n, [], []],
    ];
    for (const each of wrong) expect(decodeSketch(each), JSON.stringify(each, shown)).toBeUndefined();
  });

  it("never throws on anything (fast-check)", () => {
    fc.assert(
      fc.property(fc.array(fc.anything({ maxDepth: 2 }), { maxLength: 4 }), (anything) => {
        decodeSketch(anything);
        const flat = decodeSketch([0, anything, []]);
        return flat === undefined || flat.positive.size >= 0;
      }),
      aFew,
    );
  });
});

const shown = (_key: string, each: unknown): unknown => (typeof each === "bigint" ? String(each) : each);

function plain(each: unknown): unknown {
  return JSON.parse(
    JSON.stringify(each, (_key, inner: unknown) =>
      inner instanceof Map ? [...inner].sort(([a], [b]) => Number(a) - Number(b)) : inner,
    ) ?? "null",
  );
}
