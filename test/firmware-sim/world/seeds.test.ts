// The world in the ordinary suite: seeds that are always the same, and as many fresh ones as fit into a bounded time.

import { describe, expect, it, vi } from "vitest";
import type { PlanOptions } from "../../../firmware-sim/world/plan.ts";
import type { WorldReport } from "../../../firmware-sim/world/run-world.ts";
import { runSeed } from "../../../firmware-sim/world/seed-worker.ts";
import { Tally } from "../../../firmware-sim/world/tally.ts";

vi.setConfig({ testTimeout: 300_000 });

const storm: PlanOptions = { devices: 7, storm: 60_000 };
const fixedSeeds = [1, 2, 3, 4, 5, 6];
const freshSeconds = 10;

/** With what replays it, for whoever finds it in a log. */
const storyOf = ({ seed, violation }: WorldReport): string =>
  violation === undefined
    ? "kept every promise"
    : `${violation.detail} | npm run simulate -- --seed ${seed} --devices ${storm.devices} --minutes ${storm.storm / 60_000}`;

describe("a site of 7 devices, in a storm of one minute", () => {
  it(`keeps every promise with seeds ${fixedSeeds.join(", ")}`, async () => {
    const tally = new Tally();
    let proposals = 0;
    for (const seed of fixedSeeds) {
      const report = await runSeed({ seed, options: storm });
      expect([seed, storyOf(report)]).toEqual([seed, "kept every promise"]);
      expect(report.faults.size).toBeGreaterThan(0);
      tally.add(report);
      proposals += report.proposals;
    }
    // 200 in ten minutes, as the least that shows something.
    expect(proposals).toBeGreaterThanOrEqual(20 * fixedSeeds.length);
    // The storms are storms, and the clients ask: otherwise nothing was shown.
    expect(tally.unreachedSituations).not.toContain("coordinator changed");
    expect(tally.unreachedSituations).not.toContain("configuration changed");
    expect(tally.unreachedSituations).not.toContain("voters changed");
  });

  it(`keeps every promise with fresh seeds, in ${freshSeconds} s`, async () => {
    const first = 1_000_000 + Math.floor(Math.random() * 1_000_000_000);
    const until = performance.now() + freshSeconds * 1000;
    let seed = first;
    do {
      const report = await runSeed({ seed, options: storm });
      expect([seed, storyOf(report)]).toEqual([seed, "kept every promise"]);
      seed += 1;
    } while (performance.now() < until);
    process.stdout.write(`the world kept its promises with the fresh seeds ${first} to ${seed - 1}\n`);
  });
});
