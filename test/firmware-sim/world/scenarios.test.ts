// Each scenario, with a few seeds: its story came to pass (a step that did not breaks `scenario`), no checker objects, and the site
// heals afterwards.

import { describe, expect, it, vi } from "vitest";
import { allCheckers } from "../../../firmware-sim/world/all-checkers.ts";
import { runWorld } from "../../../firmware-sim/world/run-world.ts";
import { type Scenario, usualSite } from "../../../firmware-sim/world/scenario.ts";
import { scenario, scenarios } from "../../../firmware-sim/world/scenarios/all.ts";
import { realSiteFor } from "../../../firmware-sim/world/scenarios/real-site.ts";
import { offlineFor } from "../../../firmware-sim/world/scenarios/three-days-offline.ts";
import { orderedPlan } from "../../../firmware-sim/world/seed-worker.ts";
import type { Situation } from "../../../firmware-sim/world/situations.ts";
import { minutes, seconds } from "../../../src/base/units.ts";

vi.setConfig({ testTimeout: 120_000 });

const played = (told: Scenario, seed: number) =>
  runWorld(seed, { site: told.site, faults: [], scenario: told }, allCheckers);

/** Days take minutes of wall time, or hours; less of them has the same in it, closer together. */
const short: Readonly<Record<string, Scenario>> = {
  "three-days-offline": offlineFor(1 / 24),
  "real-days": realSiteFor("real-days", { devices: 5, days: 2, daysOffline: 0.5, day: minutes(6) }),
  "real-week": realSiteFor("real-week", { devices: 8, days: 1, daysOffline: 0.5, day: minutes(6) }),
};

/** Where the checkers see the story, too. */
const seen: Readonly<Record<string, readonly Situation[]>> = {
  "figure-8": ["coordinator ended with uncommitted entries", "log truncated", "device began with uncommitted entries"],
  "bridge-voter": ["coordinator changed", "coordinator deposed while it runs"],
  "cloned-card": ["new incarnation"],
  "site-power-cut": ["coordinator changed"],
  "rolling-restart": ["coordinator changed"],
};

describe("the scenario", () => {
  for (const { name, what } of scenarios) {
    const told = short[name] ?? scenario(name);
    it(`${name}: ${what}`, async () => {
      const report = await played(told, 1);
      expect(report.violation).toBeUndefined();
      for (const situation of seen[name] ?? []) {
        expect([situation, report.situations.get(situation) ?? 0]).toEqual([situation, expect.toSatisfy(isSome)]);
      }
      if (name.startsWith("real-")) {
        expect(report.told[0]).toMatch(
          /^the card of pi-\d was lost: \d+ readings on it, counted up to number \d+; lost \d+:$/,
        );
        expect(report.told.slice(-told.site.devices)).toEqual(
          Array.from({ length: told.site.devices }, () => expect.stringMatching(/^ {2}pi-\d +\d+\.\d MiB, \d+ syncs$/)),
        );
      }
    });
  }
});

const isSome = (count: number): boolean => count > 0;

describe("a scenario", () => {
  it("that takes chances is the same story with other seeds (figure-8, seeds 2 to 5)", async () => {
    for (const seed of [2, 3, 4, 5]) expect((await played(scenario("figure-8"), seed)).violation).toBeUndefined();
  });

  it("whose story does not come to pass fails, however well the site is (a coordinator that nobody disturbs)", async () => {
    const told: Scenario = {
      name: "dull",
      what: "nothing happens",
      site: { ...usualSite, devices: 3, clients: [] },
      play: async (stage) => {
        const coordinator = await stage.coordinator();
        await stage.until("another one leads", () => stage.world.coordinator() !== coordinator, seconds(5));
      },
    };
    const { violation } = await played(told, 1);
    expect(violation?.checker).toBe("scenario");
    expect(violation?.detail).toContain("not within 5 s: another one leads");
  });

  it("is known by its name, and another name is refused with those that there are", () => {
    const order = { seed: 1, options: { devices: 7, storm: 0 }, scenario: "figure-8" };
    expect(orderedPlan(order).scenario?.name).toBe("figure-8");
    expect(() => scenario("figure-9")).toThrow(/There is no scenario "figure-9"; there are figure-8, bridge-voter/);
    expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length);
  });
});
