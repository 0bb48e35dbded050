import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { packagePath } from "../../firmware-sim/package-root.ts";
import { loadProfiles, parseBoardProfile, parseSensorProfile } from "../../firmware-sim/profiles.ts";

it("reads every profile in devices/ (at least 8 sensors and the 4 boards)", () => {
  const { sensors, boards } = loadProfiles();
  expect(sensors.size).toBeGreaterThanOrEqual(8);
  expect([...boards.keys()]).toEqual(["pi-3b-plus", "pi-4", "pi-5", "pi-zero-2-w"]);
  const files = readdirSync(packagePath("devices", "sensors"));
  expect(files.every((file) => file.endsWith(".yaml"))).toBe(true);
});

const good = readFileSync(packagePath("devices", "sensors", "humidity.yaml"), "utf8");

it.each([
  ["an unknown key", good.replace("unit:", "units:"), /units/],
  ["an empty range", good.replace("min: 5, max: 98", "min: 98, max: 5"), /range: expected min < max/],
  ["a range beyond the part", good.replace("min: 5, max: 98", "min: 5, max: 101"), /within physical/],
  ["noise below the resolution", good.replace("deviation: 0.4", "deviation: 0.01"), /looks stuck/],
  ["a time without unit", good.replace("interval: 1s", "interval: 1"), /interval/],
  ["more silence than readings", good.replace("gaps: { perHour: 1,", "gaps: { perHour: 600,"), /silent/],
  ["no YAML at all", "a: [", /profile x/],
])("refuses a sensor profile with %s, by file and key", (_, yaml, message) => {
  expect(() => parseSensorProfile("x", yaml)).toThrow(message);
});

it("refuses a board without RAM", () => {
  expect(() => parseBoardProfile("toy", "title: Toy\ncores: 1")).toThrow(/profile toy: .*ramMiB/);
});
