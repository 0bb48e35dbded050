import fc from "fast-check";
import { expect, it } from "vitest";
import { formatDuration, parseDuration } from "../../src/base/duration-text.ts";
import { milliseconds } from "../../src/base/units.ts";

it("reads what it writes, to the millisecond", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (ms) => {
      expect(parseDuration(formatDuration(milliseconds(ms)), "x")).toBe(ms);
    }),
  );
});

it.each([
  ["90s", 90_000],
  ["1.5h", 5_400_000],
  ["1m30s", 90_000],
  ["250ms", 250],
])("%s is %d ms", (text, ms) => expect(parseDuration(text, "x")).toBe(ms));

it.each(["", "90", "s", "-1s", "1 s", "1y"])("refuses %j and names what it was for", (text) => {
  expect(() => parseDuration(text, "--duration")).toThrow(/^--duration: .* is no span of time/);
});
