// Seeds of a mutant's world, one after the other, in a thread that can be ended whatever it does.

import { Worker } from "node:worker_threads";
import type { WorldReport } from "../../../firmware-sim/world/run-world.ts";
import type { SeedOrder } from "../../../firmware-sim/world/seed-worker.ts";

export interface SeedOutcome {
  /** Undefined: no promise was broken. */
  readonly checker: string | undefined;
  readonly detail: string;
  /** Of everything that happened; empty where it did not end by itself. */
  readonly digest: string;
}

/** A mutant may eat memory without bound; more than this is a crash. */
const memoryMb = 1_500;

export class WorldTrial {
  readonly #world: string;
  readonly #hangsAfterMs: number;
  #worker: Worker | undefined;

  /** `world`: the file that `worldOf` made. A seed that takes longer than `hangsAfter` (ms of wall time) is ended as `no-hang`. */
  constructor(world: string, hangsAfter: number) {
    this.#world = world;
    this.#hangsAfterMs = hangsAfter;
  }

  async run(order: SeedOrder): Promise<SeedOutcome> {
    this.#worker ??= newWorker(this.#world);
    const outcome = await outcomeOf(this.#worker, order, this.#hangsAfterMs);
    // What broke one run may have broken the thread; nothing of it may reach the next.
    if (outcome.checker !== undefined) await this.close();
    return outcome;
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}

function newWorker(world: string): Worker {
  const worker = new Worker(world, { resourceLimits: { maxOldGenerationSizeMb: memoryMb } });
  return worker.on("error", () => undefined); // also of one that is being ended
}

function outcomeOf(worker: Worker, order: SeedOrder, hangsAfterMs: number): Promise<SeedOutcome> {
  return new Promise((resolve) => {
    const settle = (outcome: SeedOutcome): void => {
      clearTimeout(timer);
      worker.off("message", reported).off("error", failed).off("exit", exited);
      resolve(outcome);
    };
    const broke = (checker: string, detail: string): void => settle({ checker, detail, digest: "" });
    const reported = ({ violation, digest }: WorldReport): void =>
      settle({ checker: violation?.checker, detail: violation?.detail ?? "", digest });
    const failed = (failure: unknown): void =>
      broke("no-crash", failure instanceof Error ? (failure.stack ?? failure.message) : String(failure));
    const exited = (code: number): void => broke("no-crash", `the thread ended with code ${code}`);
    const timer = setTimeout(
      () => broke("no-hang", `seed ${order.seed} took more than ${hangsAfterMs} ms`),
      hangsAfterMs,
    );
    worker.on("message", reported).on("error", failed).on("exit", exited);
    worker.postMessage(order);
  });
}
