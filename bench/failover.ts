// How long is a site without a coordinator when that one dies?
//
// Five agents in five processes over one broker. Either the coordinator's process is killed: its broker sees the connection end and
// publishes its last will; or it is suspended, as a machine that loses its power or its network: nobody says so, and the
// others wait for their election timeout. The two take turns.

import { join } from "node:path";
import type { AgentCalls } from "./children/agent.ts";
import { startBroker } from "./support/broker-process.ts";
import { Child } from "./support/child-process.ts";
import { cpuTimes, machineNote } from "./support/machine.ts";
import type { Bench } from "./support/report.ts";
import { untilTrue } from "./support/site-processes.ts";
import { median } from "./support/statistics.ts";

const devices = 5;
const rounds = 10;
const shortestElectionTimeoutMs = 1_500;

interface Machine {
  readonly name: string;
  readonly directory: string;
  readonly brokerUrl: string;
  child: Child<AgentCalls>;
}

export const failover: Bench = {
  question: "without a coordinator, after its process was killed or suspended",
  run: async (directory) => {
    const before = cpuTimes();
    const broker = await startBroker(directory);
    const machines: Machine[] = [];
    for (let i = 1; i <= devices; i++) {
      const machine = { name: `d${i}`, directory, brokerUrl: broker.url, child: new Child<AgentCalls>("agent") };
      machines.push(machine);
      await start(machine, i === 1);
    }
    await untilWhole(machines);
    const [killed, suspended]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      killed.push(await kill(machines));
      suspended.push(await suspend(machines));
    }
    await Promise.all(machines.map(({ child }) => child.stop()));
    await broker.stop();
    const figures = (spans: number[]): number[] => [median(spans), Math.min(...spans), Math.max(...spans)];
    return {
      title: "until another one leads, ms",
      columns: ["median", "least", "most"].map((name) => ({ name, digits: 0 })),
      rows: [
        { name: "killed: its last will comes", values: figures(killed) },
        { name: "suspended: it is silent", values: figures(suspended) },
      ],
      judgements: [
        {
          what: "median after a kill ÷ shortest election timeout",
          value: median(killed) / shortestElectionTimeoutMs,
          bound: "limit",
          atMost: 0.5,
        },
      ],
      notes: [`${rounds} rounds of each, ${devices} voters, ${broker.name}`, machineNote(before)],
    };
  },
};

async function start({ name, directory, brokerUrl, child }: Machine, founds = false): Promise<void> {
  const options = { site: "failover", device: name, founds, brokerUrls: [brokerUrl] };
  await child.call("start", { ...options, directory: join(directory, name) });
}

/** All vote and follow, and those that were started again have listened for as long as they must before they vote. */
async function untilWhole(machines: readonly Machine[]): Promise<void> {
  for (const { child } of machines) await untilTrue(async () => (await child.call("voters")) === devices);
  await pause(3_000);
}

async function leaderOf(machines: readonly Machine[]): Promise<Machine | undefined> {
  const roles = await Promise.all(machines.map(({ child }) => child.call("role")));
  return machines[roles.indexOf("leader")];
}

/** Ends the leader somehow; answers after how many ms another one led. */
async function until(machines: readonly Machine[], end: (leader: Machine) => void): Promise<[Machine, number]> {
  const leader = await leaderOf(machines);
  if (leader === undefined) throw new Error("nobody leads");
  const others = machines.filter((machine) => machine !== leader);
  const endedAt = performance.now();
  end(leader);
  while ((await leaderOf(others)) === undefined) {
    if (performance.now() - endedAt > 30_000) throw new Error("nobody leads after 30 s");
    await pause(2);
  }
  return [leader, performance.now() - endedAt];
}

async function kill(machines: readonly Machine[]): Promise<number> {
  const [leader, took] = await until(machines, ({ child }) => child.signal("SIGKILL"));
  leader.child = new Child<AgentCalls>("agent");
  await start(leader);
  await untilWhole(machines);
  return took;
}

async function suspend(machines: readonly Machine[]): Promise<number> {
  const [leader, took] = await until(machines, ({ child }) => child.signal("SIGSTOP"));
  leader.child.signal("SIGCONT");
  await untilWhole(machines);
  return took;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
