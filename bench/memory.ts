// What does an idle agent take, against a process that only loads the same libraries and holds one broker, one client and one
// open store?
//
// Three agents in three processes are a site; the first embeds the broker that all use, and leads, so it carries the most.

import { join } from "node:path";
import type { AgentCalls } from "./children/agent.ts";
import type { LibrariesCalls } from "./children/libraries.ts";
import { Child } from "./support/child-process.ts";
import { cpuTimes, machineNote } from "./support/machine.ts";
import type { ProcessUsage } from "./support/process-usage.ts";
import type { Bench, Row } from "./support/report.ts";
import { untilTrue } from "./support/site-processes.ts";
import { median } from "./support/statistics.ts";

const devices = 3;
const watchMs = 60_000;
const samples = 12;
const ratioAim = 1.25;
const cpuAim = 1;

export const memory: Bench = {
  question: "memory and CPU of an idle agent, against the libraries alone",
  run: async (directory) => {
    const before = cpuTimes();
    const libraries = new Child<LibrariesCalls>("libraries");
    await libraries.call("start", { directory });
    const agents = await startAgents(directory);
    await pause(3_000);
    const processes = [libraries, ...agents] as const;
    const usages: ProcessUsage[][] = [await usagesOf(processes)];
    const startedAt = performance.now();
    for (let i = 0; i < samples; i++) {
      await pause(watchMs / samples);
      usages.push(await usagesOf(processes));
    }
    const elapsed = performance.now() - startedAt;
    const roles = await Promise.all(agents.map((agent) => agent.call("role")));
    await Promise.all(processes.map((one) => one.stop()));
    const rss = processes.map((_, i) => median(usages.map((at) => at[i]?.rssMB ?? 0)));
    const cpu = processes.map(
      (_, i) => (((usages.at(-1)?.[i]?.cpuMs ?? 0) - (usages[0]?.[i]?.cpuMs ?? 0)) / elapsed) * 100,
    );
    const [floor = 0, first = 0] = rss;
    const names = [
      "libraries, one broker, client, store",
      ...roles.map((role, i) => `agent: ${role}${i === 0 ? ", embeds the broker" : ""}`),
    ];
    const rows: Row[] = names.map((name, i) => ({
      name,
      values: [rss[i] ?? null, i === 0 ? null : (rss[i] ?? 0) / floor, cpu[i] ?? null],
    }));
    return {
      title: "idle for a minute",
      columns: [
        { name: "RSS MB", digits: 1 },
        { name: "÷ libraries", digits: 2 },
        { name: "CPU %", digits: 2 },
      ],
      rows,
      judgements: [
        {
          what: "RSS of an agent with broker ÷ of the libraries",
          value: first / floor,
          bound: "aim",
          atMost: ratioAim,
        },
        { what: "its CPU, idle, % of a core", value: cpu[1] ?? 0, bound: "aim", atMost: cpuAim },
      ],
      notes: [`median of ${samples + 1} samples; ${devices} voters`, machineNote(before)],
    };
  },
};

async function startAgents(directory: string): Promise<Child<AgentCalls>[]> {
  const agents = Array.from({ length: devices }, () => new Child<AgentCalls>("agent"));
  const [first] = agents;
  const url = await first?.call("embedBroker");
  await Promise.all(
    agents.map((agent, i) => {
      const device = `d${i + 1}`;
      const brokerUrls = url === undefined ? [] : [url];
      return agent.call("start", {
        site: "idle",
        device,
        founds: i === 0,
        brokerUrls,
        directory: join(directory, device),
      });
    }),
  );
  await untilTrue(async () => (await first?.call("voters")) === devices);
  return agents;
}

interface Measured {
  call(name: "usage"): Promise<ProcessUsage>;
}

const usagesOf = (processes: readonly Measured[]): Promise<ProcessUsage[]> =>
  Promise.all(processes.map((one) => one.call("usage")));

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
