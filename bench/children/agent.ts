// One whole agent in a process of its own, with the broker that it embeds.

import { EmbeddedBrokers } from "../../src/host/embedded-broker.ts";
import { createLogger } from "../../src/host/logger.ts";
import { serve } from "../support/child-process.ts";
import { processUsage } from "../support/process-usage.ts";
import { type RealAgentOptions, startAgent } from "../support/real-agent.ts";

let agent: Awaited<ReturnType<typeof startAgent>> | undefined;

const calls = {
  embedBroker: async (): Promise<string> => {
    const brokers = new EmbeddedBrokers({ log: createLogger({ level: "warn", descriptor: 2 }) });
    const { port } = await brokers.start({ host: "127.0.0.1", port: 0 });
    return `mqtt://127.0.0.1:${port}`;
  },
  start: async (options: RealAgentOptions): Promise<void> => {
    agent = await startAgent(options);
  },
  voters: (): number => agent?.status().voters.length ?? 0,
  role: (): string => agent?.status().role ?? "none",
  usage: processUsage,
};

export type AgentCalls = typeof calls;
serve(calls);
