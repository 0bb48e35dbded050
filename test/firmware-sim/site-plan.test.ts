import { expect, it } from "vitest";
import { checkNeeds, describeNeeds, estimateNeeds } from "../../firmware-sim/needs.ts";
import { loadProfiles } from "../../firmware-sim/profiles.ts";
import { planChanges, planDevices, planSite, simulatedTimes } from "../../firmware-sim/site-plan.ts";
import { LivesCounter, measureProcesses, Rate } from "../../firmware-sim/usage-meter.ts";
import { limits } from "../../src/base/limits.ts";
import { packChanges } from "../../src/site/configuration-changes.ts";
import { defaultConfiguration } from "../../src/site/configuration-defaults.ts";
import { applyChanges } from "../../src/site/configuration-diff.ts";
import { parseConfiguration } from "../../src/site/configuration-file.ts";
import { formatConfiguration } from "../../src/site/configuration-format.ts";

const profiles = loadProfiles();
const boardOf = ({ board = "" }: Readonly<Record<string, string>>): string => board;
const plan = planSite(profiles, { devices: 50, ...simulatedTimes });

it("plans 50 devices with 4 sensors each at 1 Hz, every profile in use, as a configuration that the site accepts", () => {
  expect(plan.devices.size).toBe(50);
  expect(plan.sensors.size).toBe(200);
  for (const device of plan.devices.keys()) {
    const own = [...plan.sensors.values()].filter((sensor) => sensor.device === device);
    expect(own.map(({ interval }) => interval)).toEqual([1000, 1000, 1000, 1000]);
  }
  const used = new Set([...plan.sensors.values()].map(({ driver }) => driver.kind === "simulated" && driver.profile));
  expect(used).toEqual(new Set(profiles.sensors.keys()));
  expect(parseConfiguration(formatConfiguration(plan), "plan.yaml")).toEqual({ kind: "ok", configuration: plan });
});

it("asks no board for more sensors than it is good for", () => {
  for (const [device, { labels }] of plan.devices) {
    const board = profiles.boards.get(boardOf(labels));
    const sensors = [...plan.sensors.values()].filter((sensor) => sensor.device === device).length;
    expect(board?.recommended.sensors).toBeGreaterThanOrEqual(sensors);
  }
});

it("makes of the plan changes that fit one revision, and together make it (1,000 devices, 4,000 sensors)", () => {
  const large = planSite(profiles, { devices: 1000, ...simulatedTimes });
  const changes = planChanges(large);
  expect(packChanges(changes).length).toBeLessThan(limits.commandBytes - 2048);
  expect(applyChanges(defaultConfiguration, changes)).toEqual(large);
  expect(parseConfiguration(formatConfiguration(large), "large.yaml")).toEqual({ kind: "ok", configuration: large });
});

it("names devices so that they sort, and refuses a site without any or with too many", () => {
  expect(planDevices(9).at(-1)).toBe("pi-09");
  expect([...planDevices(1000)].sort()).toEqual(planDevices(1000));
  for (const count of [0, 1001, 1.5]) expect(() => planDevices(count)).toThrow(/1 to 1000 devices/);
});

it("says beforehand what a run needs, and refuses one without file descriptors enough", () => {
  const many = estimateNeeds(50, true);
  expect(describeNeeds(many, 50, true)).toMatch(
    /^50 agents in 50 processes: about \d\.\d GB of memory \(.* free\) and \d+ file descriptors/,
  );
  const huge = describeNeeds({ ...many, memoryBytes: 1e15 }, 50, true);
  expect(huge).toMatch(/more memory than is free: take fewer --devices/);
  expect(describeNeeds(estimateNeeds(1, true), 1, true)).toMatch(/^1 agent in one process: /);
  expect(() => checkNeeds({ ...many, descriptors: 1e12 })).toThrow(/may have \d+: raise it with `ulimit -n/);
  expect(() => checkNeeds(estimateNeeds(1, false))).not.toThrow();
});

it("adds up counters over restarts, and takes rates between readings", () => {
  const counter = new LivesCounter();
  for (const value of [5, 9, 2, 4, 0, 1]) counter.read(value);
  expect(counter.total).toBe(9 + 4 + 1);
  const rate = new Rate();
  expect([rate.read(100, 1000), rate.read(150, 1500), rate.read(150, 1500), rate.read(150, 2500)]).toEqual([
    0, 100, 100, 0,
  ]);
});

it("measures this process, and adds another one (Linux)", () => {
  const own = measureProcesses([]);
  expect(own.rssBytes).toBeGreaterThan(20e6);
  const both = measureProcesses([process.pid]);
  if (process.platform === "linux") expect(both.rssBytes / own.rssBytes).toBeGreaterThan(1.5);
  expect(measureProcesses([999_999_999]).rssBytes).toBeLessThan(1.5 * own.rssBytes);
});
