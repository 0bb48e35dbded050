// A thread that runs seeds one after the other, as the main thread hands them out.

import { isMainThread, parentPort } from "node:worker_threads";
import { allCheckers } from "./all-checkers.ts";
import { type PlanOptions, planOf, type WorldPlan } from "./plan.ts";
import { runWorld, type WorldReport } from "./run-world.ts";

export interface SeedOrder {
  readonly seed: number;
  readonly options: PlanOptions;
  /** Instead of what the seed draws: where the shrinker leaves faults out. */
  readonly plan?: WorldPlan;
  readonly keepsMarks?: boolean;
}

export async function runSeed({ seed, options, plan, keepsMarks = false }: SeedOrder): Promise<WorldReport> {
  return await runWorld(seed, plan ?? planOf(seed, options), allCheckers, { keepsMarks });
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
