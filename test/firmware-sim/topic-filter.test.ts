import { describe, expect, it } from "vitest";
import { levelsOf, matchesFilter } from "../../firmware-sim/topic-filter.ts";

describe("matchesFilter", () => {
  it.each([
    ["a/b", "a/b", true],
    ["a/b", "a/b/c", false],
    ["a/b", "a", false],
    ["a/+", "a/b", true],
    ["a/+", "a", false],
    ["a/+", "a/", true],
    ["a/+", "a/b/c", false],
    ["+/b", "a/b", true],
    ["a/+/c", "a/b/c", true],
    ["a/+/c", "a/b/d", false],
    ["a/#", "a", true],
    ["a/#", "a/b/c", true],
    ["a/#", "ab", false],
    ["a/+/#", "a/b", true],
    ["a/+/#", "a", false],
    ["#", "a/b", true],
    ["#", "$SYS/a", false],
    ["+/a", "$SYS/a", false],
    ["$SYS/#", "$SYS/a", true],
  ])("%s and %s: %s", (filter, topic, expected) => {
    expect(matchesFilter(levelsOf(filter), levelsOf(topic))).toBe(expected);
  });
});
