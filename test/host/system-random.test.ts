import { expect, it } from "vitest";
import { systemRandom } from "../../src/host/system-random.ts";

it("draws within its bounds, and not the same twice (1,000 draws)", () => {
  const fractions = Array.from({ length: 1_000 }, () => systemRandom.fraction());
  expect(fractions.every((fraction) => fraction >= 0 && fraction < 1)).toBe(true);
  expect(new Set(fractions).size).toBe(1_000);
  const numbers = Array.from({ length: 1_000 }, () => systemRandom.below(3));
  expect(new Set(numbers)).toEqual(new Set([0, 1, 2]));
  expect(systemRandom.below(1)).toBe(0);
  expect(systemRandom.bytes(16).length).toBe(16);
  expect(systemRandom.bytes(16)).not.toEqual(systemRandom.bytes(16));
});
