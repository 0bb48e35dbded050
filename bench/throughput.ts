// How many commits a second with 64 proposals in flight?

import { startBroker } from "./support/broker-process.ts";
import { cpuTimes, machineNote } from "./support/machine.ts";
import type { Bench } from "./support/report.ts";
import { startSite } from "./support/site-processes.ts";
import { median } from "./support/statistics.ts";

const voters = 3;
const inFlight = 64;
const rounds = 8;
const commitsPerRound = 10_000;
const aim = 10_000;

export const throughput: Bench = {
  question: "commits a second with 64 proposals in flight, 3 voters",
  run: async (directory) => {
    const before = cpuTimes();
    const broker = await startBroker(directory);
    const site = await startSite({ brokerUrl: broker.url, directory, name: "site" }, voters);
    const { leader } = site;
    await leader.call("inFlight", { inFlight, count: commitsPerRound });
    const saidBefore = await leader.call("said");
    const cpuBefore = await cpuOf(site.all);
    const rates: number[] = [];
    let elapsed = 0;
    for (let round = 0; round < rounds; round++) {
      const { elapsedMs } = await leader.call("inFlight", { inFlight, count: commitsPerRound });
      rates.push((commitsPerRound * 1_000) / elapsedMs);
      elapsed += elapsedMs;
    }
    const commits = rounds * commitsPerRound;
    const said = await leader.call("said");
    const [leaderCpu = 0, followerCpu = 0] = (await cpuOf(site.all)).map((ms, i) => ms - (cpuBefore[i] ?? 0));
    await site.stop();
    await broker.stop();
    const rate = median(rates);
    const share = (ms: number): string => `${((ms / elapsed) * 100).toFixed(0)} %`;
    return {
      title: `${voters} voters on disk, ${inFlight} proposals in flight`,
      columns: [
        { name: "a second", digits: 0 },
        { name: "slowest", digits: 0 },
        { name: "fastest", digits: 0 },
        { name: "entries an append", digits: 1 },
        { name: "leader's CPU µs", digits: 0 },
        { name: "follower's", digits: 0 },
      ],
      rows: [
        {
          name: "commits",
          values: [
            rate,
            Math.min(...rates),
            Math.max(...rates),
            commits / (said.appends - saidBefore.appends),
            (leaderCpu * 1_000) / commits,
            (followerCpu * 1_000) / commits,
          ],
        },
      ],
      judgements: [{ what: "commits a second", value: rate, bound: "aim", atLeast: aim }],
      notes: [
        `${site.commandBytes} B a command; ${rounds} rounds of ${commitsPerRound}; the leader took ${share(leaderCpu)} of a core, a follower ${share(followerCpu)}`,
        `broker: ${broker.name}`,
        machineNote(before),
      ],
    };
  },
};

const cpuOf = (all: Awaited<ReturnType<typeof startSite>>["all"]) =>
  Promise.all(all.map(async (voter) => (await voter.call("usage")).cpuMs));
