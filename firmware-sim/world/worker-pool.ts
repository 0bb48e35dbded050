// Seeds on all cores: each thread gets the next seed when it has finished one.

import { Worker } from "node:worker_threads";
import type { WorldReport } from "./run-world.ts";
import type { SeedOrder } from "./seed-worker.ts";

/**
 * Runs every order, on `threads` threads; `done` hears of each report as it comes. Stops handing out orders once it answers
 * false. A thread that ends by itself (an error that nobody caught) counts as a broken promise of its seed.
 */
export async function runOrders(
  orders: Iterable<SeedOrder>,
  threads: number,
  done: (report: WorldReport) => boolean,
): Promise<void> {
  const queue = orders[Symbol.iterator]();
  let goesOn = true;
  const work = async (): Promise<void> => {
    let worker = newWorker();
    for (let next = queue.next(); goesOn && next.done !== true; next = queue.next()) {
      const { value: order } = next;
      const report = await answerOf(worker, order);
      if (report.violation?.checker === "no-crash") {
        await worker.terminate();
        worker = newWorker();
      }
      goesOn = done(report) && goesOn;
    }
    await worker.terminate();
  };
  await Promise.all(Array.from({ length: threads }, () => work()));
}

function answerOf(worker: Worker, order: SeedOrder): Promise<WorldReport> {
  return new Promise((resolve) => {
    const settle = (report: WorldReport): void => {
      worker.off("message", settle).off("error", broke);
      resolve(report);
    };
    const broke = (failure: unknown): void => settle(crashed(order, failure));
    worker.on("message", settle).on("error", broke);
    worker.postMessage(order);
  });
}

function newWorker(): Worker {
  return new Worker(new URL("seed-worker.js", import.meta.url));
}

function crashed({ seed }: SeedOrder, failure: unknown): WorldReport {
  const detail = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
  return {
    seed,
    digest: "",
    marks: [],
    events: 0,
    span: 0,
    faults: new Map(),
    situations: new Map(),
    proposals: 0,
    readings: 0,
    told: [],
    violation: { checker: "no-crash", detail, at: 0 },
    log: [],
  };
}
