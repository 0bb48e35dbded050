// How much faster than real time is a whole simulated site, on one core?
//
// The world of `npm run simulate` with the site of the aim: 50 devices, 5 voters, four sensors each at 1 Hz, default heartbeats,
// all checkers, for ten minutes. With faults; without any, for a fault that keeps the site from working is cheap; and with the
// clients of a seed, who change the configuration every other second: each change is work for each of 50 replicas. Judged by CPU
// time, which other work on the machine changes least.

import { allCheckers } from "../firmware-sim/world/all-checkers.ts";
import type { PlannedFault } from "../firmware-sim/world/fault.ts";
import { planOf, type WorldPlan } from "../firmware-sim/world/plan.ts";
import { runWorld } from "../firmware-sim/world/run-world.ts";
import { cpuTimes, machineNote } from "./support/machine.ts";
import type { Bench } from "./support/report.ts";
import { median } from "./support/statistics.ts";

const seed = 1;
const devices = 50;
const sensorsEach = 4;
const stormMs = 600_000;
const rounds = 2;
const timesRealTimeAim = 100;
/** Those below, again and again, and not what the seed draws: they stay the same when the world learns further kinds. */
const faultsOfOneRound: readonly PlannedFault[] = [
  { kind: "weather", at: 2_000, lasts: 8_000, target: 0, strength: 0.3 },
  { kind: "power-cut", at: 4_000, lasts: 5_000, target: 7, strength: 0.5 },
  { kind: "coordinator-power-cut", at: 10_000, lasts: 5_000, target: 0, strength: 0.5 },
  { kind: "broker-crash", at: 16_000, lasts: 1_000, target: 1, strength: 0.5 },
];
const roundMs = 100_000;
const faults = Array.from({ length: stormMs / roundMs }, (_, round) =>
  faultsOfOneRound.map((fault) => ({ ...fault, at: fault.at + round * roundMs })),
).flat();

interface Run {
  readonly virtualMs: number;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly events: number;
  readonly digest: string;
}

export const simulatedWorld: Bench = {
  question: "how much faster than real time a simulated site of 50 devices is",
  run: async () => {
    const before = cpuTimes();
    const plans = {
      "with faults": sitePlan(),
      "no faults": { ...sitePlan(), faults: [] },
      "with faults and clients": sitePlan({ hasClients: true }),
    };
    const runs = new Map<string, Run[]>(Object.keys(plans).map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, plan] of Object.entries(plans)) runs.get(name)?.push(await measure(plan));
    }
    for (const [name, each] of runs) {
      if (new Set(each.map(({ digest }) => digest)).size !== 1) throw new Error(`${name}: the runs of one seed differ`);
    }
    const speed = (run: Run): number => run.virtualMs / run.cpuMs;
    const medianOf = (name: string, what: (run: Run) => number): number => median((runs.get(name) ?? []).map(what));
    return {
      title: `${devices} devices, ${sensorsEach} sensors each at 1 Hz`,
      columns: [
        { name: "virtual s", digits: 0 },
        { name: "events a virtual s", digits: 0 },
        { name: "CPU s", digits: 2 },
        { name: "virtual s a CPU s", digits: 0 },
        { name: "virtual s a wall s", digits: 0 },
      ],
      rows: [...runs.keys()].map((name) => ({
        name,
        values: [
          medianOf(name, ({ virtualMs }) => virtualMs / 1000),
          medianOf(name, ({ events, virtualMs }) => (events * 1000) / virtualMs),
          medianOf(name, ({ cpuMs }) => cpuMs / 1000),
          medianOf(name, speed),
          medianOf(name, ({ virtualMs, wallMs }) => virtualMs / wallMs),
        ],
      })),
      judgements: [
        {
          what: "virtual seconds a CPU second, with faults",
          value: medianOf("with faults", speed),
          bound: "aim",
          atLeast: timesRealTimeAim,
        },
      ],
      notes: [
        `Medians of ${rounds} runs each, taking turns in one process; the first of them compiles the code.`,
        "All checkers look on; each run healed, counted every reading, and had the digest of its fellows.",
        machineNote(before),
      ],
    };
  },
};

function sitePlan({ hasClients = false } = {}): WorldPlan {
  const { site } = planOf(seed, { devices, storm: stormMs });
  return {
    site: {
      ...site,
      brokers: ["pi-1", undefined],
      sensorsEach,
      sensorInterval: 1_000,
      window: 60_000,
      flushInterval: 10_000,
      areLogsSmall: false,
      outboxBytes: undefined,
      clients: hasClients ? site.clients : [],
    },
    faults,
  };
}

async function measure(plan: WorldPlan): Promise<Run> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const report = await runWorld(seed, plan, allCheckers);
  const { user, system } = process.cpuUsage(cpu);
  if (report.violation !== undefined) throw new Error(`seed ${seed} broke a promise: ${report.violation.detail}`);
  const [planned, happened] = [plan.faults.length, [...report.faults.values()].reduce((sum, count) => sum + count, 0)];
  if (happened !== planned) throw new Error(`${happened} of ${planned} faults happened`);
  const readingsMin = (devices * sensorsEach * stormMs) / 1000 / 2;
  if (report.readings < readingsMin)
    throw new Error(`only ${report.readings} readings: that is not the site of the aim`);
  return {
    virtualMs: report.span,
    cpuMs: (user + system) / 1000,
    wallMs: performance.now() - began,
    events: report.events,
    digest: report.digest,
  };
}
