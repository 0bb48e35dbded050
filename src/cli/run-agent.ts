// An agent on this machine, from opening its data directory to the last line of its log. SIGTERM is a stop, never a leave.

import { createAgent } from "../agent/agent.ts";
import type { Broker } from "../base/ports/broker.ts";
import { seconds } from "../base/units.ts";
import { withLogins } from "../host/broker-logins.ts";
import { openDataDirectory } from "../host/data-directory.ts";
import { createDrivers } from "../host/drivers/registry.ts";
import { EmbeddedBrokers } from "../host/embedded-broker.ts";
import { serveHealth } from "../host/health-socket.ts";
import { createLogger } from "../host/logger.ts";
import { MqttJsLinks } from "../host/mqtt-link.ts";
import { SystemClock } from "../host/system-clock.ts";
import { systemRandom } from "../host/system-random.ts";
import { defaultTiming } from "../replica/open-replica.ts";
import type { AgentOptions } from "./agent-options.ts";
import { version } from "./version.ts";

const keepAlive = seconds(15);

/** Resolves after a clean stop. Fails with what ended the agent, or kept it from starting. */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { site, device, dataPath, found, embedBroker, logLevel } = options;
  const logger = createLogger({ level: logLevel, descriptor: 1 }).child({ device });
  const stopAsked = new Promise<string>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  });
  const data = await openDataDirectory(dataPath, { site, device });
  let broker: Broker | undefined;
  let endHealth: (() => Promise<void>) | undefined;
  try {
    const own: { url: string }[] = [];
    if (embedBroker !== undefined) {
      broker = await new EmbeddedBrokers({ log: logger }).start(embedBroker);
      own.push({ url: `mqtt://127.0.0.1:${broker.port}` });
    }
    const clock = new SystemClock();
    const links = withLogins(new MqttJsLinks({ clock, random: systemRandom }), options.logins);
    const clientId = `skein-${site}-${device}-sensors`;
    const thermal = options.thermalRoot === undefined ? {} : { thermalRoot: options.thermalRoot };
    const drivers = createDrivers({ clock, links, clientId, ...thermal });
    const ports = { clock, random: systemRandom, logger, data, links, drivers };
    const brokers = [...options.brokers, ...own];
    const agent = createAgent(ports, { site, device, found, brokers, keepAlive, timing: defaultTiming, version });
    await agent.start();
    endHealth = await serveHealth(dataPath, () => JSON.stringify(agent.status()));
    logger.info({ site, version, brokers: brokers.map(({ url }) => url), data: dataPath }, "the agent is running");
    const end = await Promise.race([stopAsked, agent.failed]);
    if (typeof end !== "string") throw end;
    logger.info({ signal: end }, "stopping: the device stays a member of its site");
    await agent.stop();
  } finally {
    await endHealth?.();
    await broker?.stop();
    await data.close();
  }
}
