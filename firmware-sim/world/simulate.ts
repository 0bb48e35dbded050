// `npm run simulate`: many seeds of the world on all cores, or one of them in detail.
//
//   npm run simulate -- --seeds 1000            from seed 1 (or --from), with progress and a table at the end
//   npm run simulate -- --seed 42               one seed; its last line is its digest
//   npm run simulate -- --seed 42 --shrink      fewer faults that break the same promise
//   npm run simulate -- --scenario figure-8     a story told by hand (--scenario list: which there are)
//   npm run simulate -- --seed 42 --compare     whether it runs the same in a thread, after another seed; if not, where they part

import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import yargs from "yargs";
import type { PlannedFault } from "./fault.ts";
import { type PlanOptions, planOf } from "./plan.ts";
import type { WorldReport } from "./run-world.ts";
import { scenarios } from "./scenarios/all.ts";
import { orderedPlan, runSeed, type SeedOrder } from "./seed-worker.ts";
import { shrinkFaults } from "./shrink.ts";
import { Tally } from "./tally.ts";
import { partingOf } from "./trace-digest.ts";
import { runOrders } from "./worker-pool.ts";

const options = await yargs(process.argv.slice(2))
  .scriptName("npm run simulate --")
  .option("seeds", { type: "number", describe: "How many seeds to run", default: 100 })
  .option("from", { type: "number", describe: "The first of them", default: 1 })
  .option("seed", { type: "number", describe: "Run this one alone, and print its digest" })
  .option("devices", { type: "number", describe: "Devices of the site", default: 7 })
  .option("minutes", { type: "number", describe: "Virtual minutes of faults", default: 10 })
  .option("threads", { type: "number", describe: "Threads; all cores if absent", default: availableParallelism() })
  .option("seconds", { type: "number", describe: "Begin no further seed after so many seconds of wall time" })
  .option("scenario", { type: "string", describe: "Play this story instead of drawing faults; `list` names them" })
  .option("shrink", { type: "boolean", describe: "With --seed: look for fewer faults that break it", default: false })
  .option("compare", {
    type: "boolean",
    describe: "With --seed: run it twice, and say where they part",
    default: false,
  })
  .option("require-situations", {
    type: "boolean",
    describe: "Fail when a rare situation was never reached",
    default: false,
  })
  .option("keep-going", { type: "boolean", describe: "Go on after a broken promise", default: false })
  .strict()
  .parseAsync();

const shrinkRunsMax = 200;
const plan: PlanOptions = { devices: options.devices, storm: options.minutes * 60_000 };
const print = (line: string): void => void process.stdout.write(`${line}\n`);

process.exitCode = await run();

async function run(): Promise<number> {
  if (options.scenario === "list") {
    for (const { name, what } of scenarios) print(`${name.padEnd(24)} ${what}`);
    return 0;
  }
  if (options.seed !== undefined) return await runOne(options.seed);
  if (options.scenario !== undefined) return await runOne(options.from);
  return await runMany();
}

function orderOf(seed: number): SeedOrder {
  return { seed, options: plan, ...(options.scenario === undefined ? {} : { scenario: options.scenario }) };
}

async function runMany(): Promise<number> {
  const began = performance.now();
  const wall = (): number => (performance.now() - began) / 1000;
  const tally = new Tally();
  let failed = 0;
  let lastShown = 0;
  const until = options.seconds ?? Number.POSITIVE_INFINITY;
  await runOrders(orders(), options.threads, (report) => {
    tally.add(report);
    if (report.violation !== undefined) {
      failed += 1;
      print(failureLine(report));
    }
    if (wall() - lastShown >= 10) {
      lastShown = wall();
      print(tally.progress(wall()));
    }
    return wall() < until && (failed === 0 || options.keepGoing);
  });
  for (const line of tally.table(wall())) print(line);
  const isWhole = !options.requireSituations || tally.unreachedSituations.length === 0;
  return failed === 0 && isWhole ? 0 : 1;
}

function* orders(): Generator<SeedOrder> {
  for (let seed = options.from; seed < options.from + options.seeds; seed++) yield orderOf(seed);
}

async function runOne(seed: number): Promise<number> {
  const report = await runSeed({ ...orderOf(seed), keepsMarks: options.compare });
  const tally = new Tally();
  tally.add(report);
  const { site, faults } = orderedPlan(orderOf(seed));
  print(`site ${JSON.stringify(site)}`);
  for (const { kind, at, lasts, target, strength } of faults) {
    const when = `${(at / 1000).toFixed(1)} s`.padStart(9);
    print(
      `${when} ${kind.padEnd(24)} for ${(lasts / 1000).toFixed(1)} s, target ${target}, strength ${strength.toFixed(2)}`,
    );
  }
  for (const [situation, count] of report.situations) print(`  ${situation}: ${count}`);
  for (const line of report.told) print(line);
  if (report.violation !== undefined) {
    for (const line of report.log) print(`  ${line}`);
    print(report.violation.detail);
    print(failureLine(report));
    if (options.shrink) await shrink(report);
  }
  const isRepeatable = !options.compare || (await isSameInThread(report));
  print(`digest ${report.digest}`);
  return report.violation === undefined && isRepeatable ? 0 : 1;
}

async function isSameInThread({ seed, marks }: WorldReport): Promise<boolean> {
  const other = { seed: seed + 1, options: plan };
  let again: WorldReport["marks"] = [];
  await runOrders([other, { seed, options: plan, keepsMarks: true }], 1, (report) => {
    again = report.marks;
    return true;
  });
  const parting = partingOf(marks, again);
  if (parting === undefined) {
    print("the same events in a thread, after another seed");
    return true;
  }
  const { after, before, at } = parting;
  print(
    `DIFFERENT in a thread, after another seed: after event ${after}, by event ${before} at ${(at / 1000).toFixed(1)} s`,
  );
  return false;
}

async function shrink({ seed, violation }: WorldReport): Promise<void> {
  const { site, faults } = planOf(seed, plan);
  const fails = async (fewer: readonly PlannedFault[]): Promise<boolean> => {
    const again = await runSeed({ seed, options: plan, plan: { site, faults: fewer } });
    return again.violation?.checker === violation?.checker;
  };
  const left = await shrinkFaults(faults, fails, shrinkRunsMax);
  print(`${left.length} of ${faults.length} faults are enough:`);
  for (const fault of left) print(`  ${JSON.stringify(fault)}`);
}

function failureLine({ seed, violation }: WorldReport): string {
  const what =
    options.scenario === undefined
      ? `--devices ${options.devices} --minutes ${options.minutes}`
      : `--scenario ${options.scenario}`;
  const how = `npm run simulate -- --seed ${seed} ${what}`;
  const [detail = ""] = (violation?.detail ?? "").split("\n");
  return `FAILED seed ${seed} commit ${commit()} checker ${violation?.checker} at ${((violation?.at ?? 0) / 1000).toFixed(1)} s: ${detail} | replay: ${how}`;
}

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { stdio: ["ignore", "pipe", "ignore"] })
      .toString()
      .trim();
  } catch {
    return "unknown"; // not a checkout
  }
}
