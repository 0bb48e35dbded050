// How long does one commit take, against the least that it can take?
//
// The site and the bare program take turns, in rounds of a few hundred commits one after the other, so that a busy machine is
// busy for both; what travels to another machine is the ratio of their medians.

import { startBroker } from "./support/broker-process.ts";
import { cpuTimes, machineNote } from "./support/machine.ts";
import type { ProcessUsage } from "./support/process-usage.ts";
import type { Bench, Judgement, Row } from "./support/report.ts";
import { startBare, startSite } from "./support/site-processes.ts";
import { median, quantile } from "./support/statistics.ts";

const roundsMax = 16;
const commitsPerRound = 250;
/** Code that has run a few thousand times is compiled; an agent that has run for a day is warm. */
const warmUp = 2_000;
const warmUpTogether = 10_000;
/** For the rounds of one size; a machine on which they take longer does fewer. */
const budgetMs = 18_000;
const aim = 1.5;

export const commit: Bench = {
  question: "commit latency of 3 and 5 voters on disk, against its floor",
  run: async (directory) => {
    const before = cpuTimes();
    const rows: Row[] = [];
    const judgements: Judgement[] = [];
    const notes: string[] = [];
    const broker = await startBroker(directory);
    for (const voters of [3, 5]) {
      const measured = await measure(broker.url, directory, voters);
      const { site, floor, commandBytes } = measured;
      const ratio = median(site.medians) / median(floor.medians);
      const quietRatio = Math.min(...site.medians) / Math.min(...floor.medians);
      rows.push(
        row(`${voters} voters: bare program`, floor, [null, null]),
        row(`${voters} voters: skein`, site, [ratio, quietRatio]),
      );
      judgements.push({ what: `${voters} voters, p50 ÷ floor`, value: ratio, bound: "aim", atMost: aim });
      notes.push(`${voters} voters: p50 of the bare program's rounds ${span(floor)} ms, of skein's ${span(site)} ms`);
      if (voters === 3)
        notes.push(`${commandBytes} B a command; ${site.medians.length} rounds of ${commitsPerRound}, taking turns`);
    }
    await broker.stop();
    notes.push(`broker: ${broker.name}, TCP_NODELAY at both ends`, machineNote(before));
    return {
      title: "from proposing to committed and applied, at the leader",
      columns: [
        { name: "p50 ms", digits: 3 },
        { name: "p99 ms", digits: 3 },
        { name: "÷ floor", digits: 2 },
        { name: "quietest round ms", digits: 3 },
        { name: "÷ floor's", digits: 2 },
        { name: "CPU µs a voter", digits: 0 },
      ],
      rows,
      judgements,
      notes,
    };
  },
};

interface Times {
  readonly all: number[];
  /** Of each round. */
  readonly medians: number[];
  /** Of all its processes in the rounds. */
  cpuMs: number;
  readonly voters: number;
}

async function measure(brokerUrl: string, directory: string, voters: number) {
  const bare = await startBare({ brokerUrl, directory }, voters);
  const processes = await startSite({ brokerUrl, directory, name: `site-${voters}` }, voters);
  const floor: Times = { all: [], medians: [], cpuMs: 0, voters };
  const site: Times = { all: [], medians: [], cpuMs: 0, voters };
  await bare.leader.call("oneByOne", warmUp);
  await processes.leader.call("inFlight", { inFlight: 64, count: warmUpTogether });
  await processes.leader.call("oneByOne", warmUp);
  const before = { floor: await cpuOf(bare.all), site: await cpuOf(processes.all) };
  const until = performance.now() + budgetMs;
  for (let round = 0; round < roundsMax && (round < 3 || performance.now() < until); round++) {
    keep(floor, await bare.leader.call("oneByOne", commitsPerRound));
    keep(site, await processes.leader.call("oneByOne", commitsPerRound));
  }
  floor.cpuMs = (await cpuOf(bare.all)) - before.floor;
  site.cpuMs = (await cpuOf(processes.all)) - before.site;
  await Promise.all([bare.stop(), processes.stop()]);
  return { site, floor, commandBytes: processes.commandBytes };
}

function keep(times: Times, round: readonly number[]): void {
  times.all.push(...round);
  times.medians.push(median(round));
}

function row(name: string, times: Times, [ratio, quietRatio]: readonly [number | null, number | null]): Row {
  const { all, medians, cpuMs, voters } = times;
  const cpu = (cpuMs * 1_000) / all.length / voters;
  return { name, values: [median(medians), quantile(all, 0.99), ratio, Math.min(...medians), quietRatio, cpu] };
}

async function cpuOf(processes: readonly { call(name: "usage"): Promise<ProcessUsage> }[]): Promise<number> {
  const usages = await Promise.all(processes.map((one) => one.call("usage")));
  return usages.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}

const span = ({ medians }: Times): string => `${Math.min(...medians).toFixed(2)}–${Math.max(...medians).toFixed(2)}`;
