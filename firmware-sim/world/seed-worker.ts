// A thread that runs seeds one after the other, as the main thread hands them out.

import { isMainThread, parentPort } from "node:worker_threads";
import { allCheckers } from "./all-checkers.ts";
import { type PlanOptions, planOf, type WorldPlan } from "./plan.ts";
import { runWorld, type WorldReport } from "./run-world.ts";
import { scenario } from "./scenarios/all.ts";

export interface SeedOrder {
  readonly seed: number;
  readonly options: PlanOptions;
  /** By name: its site and its story, instead of what the seed draws. */
  readonly scenario?: string;
  /** Instead of what the seed draws: where the shrinker leaves faults out. */
  readonly plan?: WorldPlan;
  readonly keepsMarks?: boolean;
}

export async function runSeed(order: SeedOrder): Promise<WorldReport> {
  const { seed, keepsMarks = false } = order;
  return await runWorld(seed, orderedPlan(order), allCheckers, { keepsMarks });
}

export function orderedPlan({ seed, options, plan, scenario: name }: SeedOrder): WorldPlan {
  if (name === undefined) return plan ?? planOf(seed, options);
  const told = scenario(name);
  return { site: told.site, faults: [], scenario: told };
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  port.on("message", (order: SeedOrder) => {
    runSeed(order).then(
      (report) => port.postMessage(report),
      (failure: unknown) => {
        throw failure;
      },
    );
  });
}
