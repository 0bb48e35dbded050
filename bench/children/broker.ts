// skein's embedded broker in a process of its own.

import { EmbeddedBrokers } from "../../src/host/embedded-broker.ts";
import { createLogger } from "../../src/host/logger.ts";
import { serve } from "../support/child-process.ts";

const brokers = new EmbeddedBrokers({ log: createLogger({ level: "warn", descriptor: 2 }) });

const calls = {
  start: async (): Promise<number> => (await brokers.start({ host: "127.0.0.1", port: 0 })).port,
};

export type BrokerCalls = typeof calls;
serve(calls);
