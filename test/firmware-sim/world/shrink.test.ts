// A failure that was found must be found again, and told with as few faults as it needs.

import { expect, it, vi } from "vitest";
import { type CheckerOf, Violation } from "../../../firmware-sim/world/checker.ts";
import { type PlanOptions, planOf } from "../../../firmware-sim/world/plan.ts";
import { runWorld } from "../../../firmware-sim/world/run-world.ts";
import { shrinkFaults } from "../../../firmware-sim/world/shrink.ts";

vi.setConfig({ testTimeout: 120_000 });

const storm: PlanOptions = { devices: 3, storm: 60_000 };

/** Objects to one kind of fault, as if the site could not bear it. */
const objectsTo =
  (kind: string): CheckerOf =>
  () => ({
    name: "planted",
    fault: (begun, isOn) => {
      if (begun === kind && isOn) throw new Violation("planted", `there was a ${kind}`);
    },
  });

/** The first seed whose plan has several faults, this kind among them, so that it really begins. */
async function failingSeed(kind: string) {
  for (let seed = 1; seed <= 100; seed++) {
    const plan = planOf(seed, storm);
    if (plan.faults.length < 3 || !plan.faults.some((fault) => fault.kind === kind)) continue;
    const report = await runWorld(seed, plan, [objectsTo(kind)]);
    if (report.violation !== undefined) return { plan, report };
  }
  throw new Error(`no seed has a ${kind}`);
}

it("a seed that broke a promise breaks the same one again, at the same moment, with the same digest", async () => {
  const { plan, report } = await failingSeed("power-cut");
  expect(report.violation).toMatchObject({ checker: "planted", detail: "planted: there was a power-cut" });
  const again = await runWorld(report.seed, plan, [objectsTo("power-cut")]);
  expect([again.digest, again.violation]).toEqual([report.digest, report.violation]);
});

it("faults that have nothing to do with it are left out, and the one that has stays as it was planned", async () => {
  const { plan, report } = await failingSeed("power-cut");
  const fails = async (faults: typeof plan.faults): Promise<boolean> =>
    (await runWorld(report.seed, { ...plan, faults }, [objectsTo("power-cut")])).violation?.checker === "planted";
  const left = await shrinkFaults(plan.faults, fails, 50);
  expect(left.map(({ kind }) => kind)).toEqual(["power-cut"]);
  expect(plan.faults).toContain(left[0]);
});

it("nothing is left out where all are needed, and no more runs are made than were allowed", async () => {
  const { faults } = planOf(3, { devices: 7, storm: 300_000 });
  expect(await shrinkFaults(faults, async (fewer) => fewer.length === faults.length, 1_000)).toEqual(faults);
  let runs = 0;
  await shrinkFaults(
    faults,
    async () => {
      runs += 1;
      return false;
    },
    5,
  );
  expect(runs).toBe(5);
});
