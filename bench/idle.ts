// What does a site publish when nothing happens, and does it depend on how many devices there are?
//
// A site of 10 and one of 50 devices, each in a process of its own with its own embedded broker, which counts what clients
// publish. Both are watched over the same minute.

import { join } from "node:path";
import type { IdleSiteCalls } from "./children/idle-site.ts";
import { Child } from "./support/child-process.ts";
import { cpuTimes, machineNote } from "./support/machine.ts";
import type { Bench } from "./support/report.ts";
import { untilTrue } from "./support/site-processes.ts";

const watchMs = 60_000;
/** Joining, promotions and their last retries are over by then. */
const settleMs = 3_000;
const voters = 5;
/** Messages an hour that each further device may add. */
const aimPerDevice = 8;
const [few, many] = [10, 50];

export const idle: Bench = {
  question: "messages that an idle site of 10 and of 50 devices publishes",
  run: async (directory) => {
    const before = cpuTimes();
    const sites = await Promise.all([few, many].map((devices) => start(directory, devices)));
    await pause(settleMs);
    const first = await Promise.all(sites.map((site) => site.call("statistics")));
    const startedAt = performance.now();
    await pause(watchMs);
    const end = await Promise.all(sites.map((site) => site.call("statistics")));
    const hours = (performance.now() - startedAt) / 3_600_000;
    await Promise.all(sites.map((site) => site.stop()));
    const counts = end.map(({ received, delivered, byOthers }, i) => ({
      received: received - (first[i]?.received ?? 0),
      delivered: delivered - (first[i]?.delivered ?? 0),
      byOthers: byOthers - (first[i]?.byOthers ?? 0),
    }));
    const [ofFew = 0, ofMany = 0] = counts.map(({ received }) => received);
    const perSecond = (count: number): number => count / (hours * 3_600);
    return {
      title: "watched for a minute",
      columns: [
        { name: "published a second", digits: 2 },
        { name: "delivered a second", digits: 1 },
        { name: "published", digits: 0 },
        { name: "by who does not vote", digits: 0 },
      ],
      rows: [few, many].map((devices, i) => {
        const { received = 0, delivered = 0, byOthers = 0 } = counts[i] ?? {};
        return { name: `${devices} devices`, values: [perSecond(received), perSecond(delivered), received, byOthers] };
      }),
      judgements: [
        {
          what: `messages an hour for each device more than ${few}`,
          value: (ofMany - ofFew) / hours / (many - few),
          bound: "aim",
          atMost: aimPerDevice,
        },
        {
          what: `messages an hour of each of the ${many - voters} that do not vote`,
          value: (counts[1]?.byOthers ?? 0) / hours / (many - voters),
          bound: "aim",
          atMost: aimPerDevice,
        },
      ],
      notes: [
        `${voters} voters in both: the coordinator's heartbeat every 250 ms, and an answer of each other voter`,
        `One heartbeat and its answers more or less within the minute are ${((voters * 60) / (many - few)).toFixed(1)} messages an hour of the first figure.`,
        machineNote(before),
      ],
    };
  },
};

async function start(directory: string, devices: number): Promise<Child<IdleSiteCalls>> {
  const site = new Child<IdleSiteCalls>("idle-site");
  await site.call("start", { directory: join(directory, `${devices}`), devices });
  await untilTrue(async () => {
    const seen = await site.call("seen");
    return seen.members === devices && seen.voters === voters;
  });
  return site;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
