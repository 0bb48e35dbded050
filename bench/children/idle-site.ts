// A site of whole agents over one embedded broker, in one process, that nobody asks anything of.

import { join } from "node:path";
import type { Agent } from "../../src/agent/agent.ts";
import type { Broker } from "../../src/base/ports/broker.ts";
import { EmbeddedBrokers } from "../../src/host/embedded-broker.ts";
import { createLogger } from "../../src/host/logger.ts";
import { serve } from "../support/child-process.ts";
import { startAgent } from "../support/real-agent.ts";

const agents: Agent[] = [];
let broker: Broker | undefined;

/** Frames sent by devices that do not vote. */
function sentByOthers(): number {
  let sent = 0;
  for (const agent of agents) {
    const { device, voters, traffic } = agent.status();
    if (!voters.includes(device)) sent += traffic.messagesSent;
  }
  return sent;
}

const calls = {
  start: async ({ directory, devices }: { directory: string; devices: number }): Promise<void> => {
    const brokers = new EmbeddedBrokers({ log: createLogger({ level: "warn", descriptor: 2 }) });
    broker = await brokers.start({ host: "127.0.0.1", port: 0 });
    const brokerUrls = [`mqtt://127.0.0.1:${broker.port}`];
    for (let i = 1; i <= devices; i++) {
      const device = `d${i}`;
      const options = {
        site: `idle-${devices}`,
        device,
        founds: i === 1,
        brokerUrls,
        directory: join(directory, device),
      };
      agents.push(await startAgent(options));
    }
  },
  /** Members and voters as every agent sees them, the least of each. */
  seen: (): { members: number; voters: number } => {
    const statuses = agents.map((agent) => agent.status());
    return {
      members: Math.min(...statuses.map(({ members }) => members.length)),
      voters: Math.min(...statuses.map(({ voters }) => voters.length)),
    };
  },
  statistics: () => {
    const { received = 0, delivered = 0 } = broker?.statistics() ?? {};
    return { received, delivered, byOthers: sentByOthers() };
  },
};

export type IdleSiteCalls = typeof calls;
serve(calls);
