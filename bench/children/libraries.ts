// What an agent's process cannot be smaller than: the libraries that it loads, one broker, one client, one open store, and
// nothing of skein.

import { connect as connectTcp, createServer } from "node:net";
import { join } from "node:path";
import { Aedes } from "aedes";
import { Encoder } from "cbor-x";
import { ClassicLevel } from "classic-level";
import { MqttClient } from "mqtt";
import { pino } from "pino";
import { WebSocketServer } from "ws";
import { serve } from "../support/child-process.ts";
import { processUsage } from "../support/process-usage.ts";

const held: unknown[] = [Encoder, pino({ level: "silent" }), WebSocketServer];

const calls = {
  start: async ({ directory }: { directory: string }): Promise<void> => {
    const store = new ClassicLevel(join(directory, "store"));
    await store.open();
    const broker = await Aedes.createBroker();
    const server = createServer((socket) => broker.handle(socket));
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
    const client = new MqttClient(() => connectTcp({ host: "127.0.0.1", port, noDelay: true }), { keepalive: 30 });
    await new Promise<void>((resolve) => {
      client.on("connect", () => resolve());
    });
    held.push(store, broker, server, client);
  },
  usage: processUsage,
};

export type LibrariesCalls = typeof calls;
serve(calls);
