// Quantiles that can be merged: how many values fell into each bin, where a bin is a span of magnitudes that grows by a
// constant ratio (Masson, Rim & Lee, "DDSketch", VLDB 2019).
//
// Problem: a percentile of a site cannot be computed from percentiles of devices. Idea: count values per bin ⌈log_γ |x|⌉;
// every value of a bin lies within a fixed relative error of the bin's middle, and two sketches merge by adding counts.
//
// The error: 0.5 % of the value, so 20 °C is told to ±0.1. A sign keeps its `limits.sketchBins` (512) highest non-empty bins;
// lower ones collapse into the lowest kept. 512 bins span a ratio of 167, so in the worst case values below 1/167 of a
// window's largest magnitude are told as that (0.12 where the largest is 20). "The m highest of a union" does not ask in
// which order the union was made, so merging stays associative and commutative with collapsing: a test shows it.

import { limits } from "../base/limits.ts";
import type { Sketch } from "./types.ts";

/** Stated relative error of a quantile. */
export const sketchError = 0.005;

const gamma = (1 + sketchError) / (1 - sketchError);
const binsPerUnit = 1 / Math.log(gamma);
/** Below this, a value is zero: no sensor's unit has a meaning there, and the bins of all doubles would be twice as many. */
const smallestMagnitude = 1e-12;
const binMin = binOf(smallestMagnitude);
const binMax = binOf(Number.MAX_VALUE);

export const emptySketch: Sketch = { positive: new Map(), negative: new Map(), zero: 0 };

/** For folding many values. Values are finite. */
export class SketchBuilder {
  readonly #bins: number;
  #positive = new Map<number, number>();
  #negative = new Map<number, number>();
  #zero = 0;

  constructor(bins: number = limits.sketchBins) {
    this.#bins = bins;
  }

  add(value: number): void {
    const magnitude = Math.abs(value);
    if (magnitude < smallestMagnitude) {
      this.#zero += 1;
      return;
    }
    const counts = value > 0 ? this.#positive : this.#negative;
    const bin = binOf(magnitude);
    counts.set(bin, (counts.get(bin) ?? 0) + 1);
    if (counts.size <= 2 * this.#bins) return;
    this.#positive = collapsed(this.#positive, this.#bins);
    this.#negative = collapsed(this.#negative, this.#bins);
  }

  build(): Sketch {
    return {
      positive: collapsed(this.#positive, this.#bins),
      negative: collapsed(this.#negative, this.#bins),
      zero: this.#zero,
    };
  }
}

export function sketchOf(values: Iterable<number>, bins: number = limits.sketchBins): Sketch {
  const builder = new SketchBuilder(bins);
  for (const value of values) builder.add(value);
  return builder.build();
}

/** Associative and commutative. */
export function mergeSketches(a: Sketch, b: Sketch, bins: number = limits.sketchBins): Sketch {
  return {
    positive: collapsed(added(a.positive, b.positive), bins),
    negative: collapsed(added(a.negative, b.negative), bins),
    zero: a.zero + b.zero,
  };
}

/** How many values are in it. */
export function sketchCount(sketch: Sketch): number {
  return sketch.zero + total(sketch.negative) + total(sketch.positive);
}

/**
 * The value at rank ⌊q × (count − 1)⌋, within the stated error; undefined for an empty sketch. `q` in [0, 1]. Exact arithmetic
 * only (no `Math.pow`), so that every replica computes the same bytes whatever its Node version.
 */
export function quantile(sketch: Sketch, q: number): number | undefined {
  const count = sketchCount(sketch);
  if (count === 0) return undefined;
  let left = Math.floor(q * (count - 1));
  for (const bin of descending(sketch.negative)) {
    left -= sketch.negative.get(bin) ?? 0;
    if (left < 0) return -binValue(bin);
  }
  left -= sketch.zero;
  if (left < 0) return 0;
  const bins = descending(sketch.positive).reverse();
  const found = bins.find((bin) => {
    left -= sketch.positive.get(bin) ?? 0;
    return left < 0;
  });
  return binValue(found ?? binMin);
}

/** `[zero, positive, negative]`; each sign as runs `gap, length, counts…` of neighbouring bins, the first gap being the first bin. */
export function encodeSketch(sketch: Sketch): unknown {
  return [sketch.zero, encodeBins(sketch.positive), encodeBins(sketch.negative)];
}

/** Undefined for anything that `encodeSketch` does not write. */
export function decodeSketch(value: unknown): Sketch | undefined {
  if (!Array.isArray(value) || value.length !== 3) return undefined;
  const [zero, positive, negative] = value as readonly unknown[];
  const positiveBins = decodeBins(positive);
  const negativeBins = decodeBins(negative);
  if (!isCount(zero) || positiveBins === undefined || negativeBins === undefined) return undefined;
  return { positive: positiveBins, negative: negativeBins, zero };
}

function binOf(magnitude: number): number {
  return Math.ceil(Math.log(magnitude) * binsPerUnit);
}

/** The point of a bin that is equally far, relatively, from both of its ends. */
function binValue(bin: number): number {
  return Math.min(Number.MAX_VALUE, power(bin) * (2 / (1 + gamma)));
}

/** γ^exponent by repeated squaring: multiplication is exact to the bit on every machine, `Math.pow` is not. */
function power(exponent: number): number {
  let result = 1;
  let factor = exponent < 0 ? 1 / gamma : gamma;
  for (let rest = Math.abs(exponent); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= factor;
    factor *= factor;
  }
  return result;
}

function collapsed(counts: Map<number, number>, bins: number): Map<number, number> {
  if (counts.size <= bins) return counts;
  const ordered = descending(counts);
  const lowest = ordered[bins - 1] ?? binMin;
  const kept = new Map<number, number>();
  for (const [place, bin] of ordered.entries()) {
    const target = place < bins ? bin : lowest;
    kept.set(target, (kept.get(target) ?? 0) + (counts.get(bin) ?? 0));
  }
  return kept;
}

function added(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): Map<number, number> {
  const sum = new Map(a);
  for (const [bin, count] of b) sum.set(bin, (sum.get(bin) ?? 0) + count);
  return sum;
}

function descending(counts: ReadonlyMap<number, number>): number[] {
  return [...counts.keys()].sort((a, b) => b - a);
}

function total(counts: ReadonlyMap<number, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}

function encodeBins(counts: ReadonlyMap<number, number>): readonly number[] {
  const flat: number[] = [];
  let lengthAt = 0;
  let expected: number | undefined;
  for (const bin of descending(counts).reverse()) {
    if (bin !== expected) {
      lengthAt = flat.push(expected === undefined ? bin : bin - expected, 0) - 1;
    }
    flat[lengthAt] = (flat[lengthAt] ?? 0) + 1;
    flat.push(counts.get(bin) ?? 0);
    expected = bin + 1;
  }
  return flat;
}

function decodeBins(value: unknown): Map<number, number> | undefined {
  // A run of one bin takes three numbers, and no writer has more bins than the bound.
  if (!Array.isArray(value) || value.length > 3 * limits.sketchBins) return undefined;
  const counts = new Map<number, number>();
  let next = 0;
  for (let at = 0; at < value.length; ) {
    const gap: unknown = value[at++];
    const length: unknown = value[at++];
    if (!Number.isSafeInteger(gap) || !isCount(length) || length === 0 || length > value.length - at) return undefined;
    if (at > 2 && (gap as number) < 1) return undefined;
    let bin = next + (gap as number);
    if (bin < binMin || bin + length - 1 > binMax) return undefined;
    for (const end = at + length; at < end; at++, bin++) {
      const count: unknown = value[at];
      if (!isCount(count) || count === 0) return undefined;
      counts.set(bin, count);
    }
    next = bin;
  }
  return counts.size <= limits.sketchBins ? counts : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
