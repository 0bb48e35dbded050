// What agents stand on when they are simulated on the wall clock: the machine's own clock, disk and network.

import { readdir } from "node:fs/promises";
import { createAgent } from "../src/agent/agent.ts";
import { SkeinError } from "../src/base/errors.ts";
import { seconds } from "../src/base/units.ts";
import { SiteClient } from "../src/cli/site-client.ts";
import { openDataDirectory } from "../src/host/data-directory.ts";
import { ensureDirectory } from "../src/host/disk-access.ts";
import { EmbeddedBrokers } from "../src/host/embedded-broker.ts";
import { createLogger } from "../src/host/logger.ts";
import { MqttJsLinks } from "../src/host/mqtt-link.ts";
import { SystemClock } from "../src/host/system-clock.ts";
import { systemRandom } from "../src/host/system-random.ts";
import { defaultTiming } from "../src/replica/open-replica.ts";
import type { AgentHost } from "./agent-door.ts";

const keepAlive = seconds(15);
/** As `AgentStatus.version` says it. */
const version = "simulated";

export function realHost(): AgentHost {
  // what agents log would tear the live view; what goes wrong reaches it through their status and their end
  const logger = createLogger({ level: "silent", descriptor: 2 });
  return {
    clock: () => new SystemClock(),
    random: () => systemRandom,
    logger: (device) => logger.child({ device }),
    links: (clock, random) => new MqttJsLinks({ clock, random }),
    brokers: new EmbeddedBrokers({ log: logger }),
    openData: openDataDirectory,
    makeDirectory: async (path) => {
      try {
        await ensureDirectory(path);
        return (await readdir(path)).length === 0 ? "empty" : "in-use";
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new SkeinError("data-directory-unusable", `The directory ${path} cannot be used: ${why}`, cause);
      }
    },
    createAgent: (ports, { brokers, ...identity }) =>
      createAgent(ports, {
        ...identity,
        brokers: brokers.map((url) => ({ url })),
        keepAlive,
        timing: defaultTiming,
        version,
      }),
    openApi: (url, site) => {
      const clock = new SystemClock();
      const ports = { clock, random: systemRandom, links: new MqttJsLinks({ clock, random: systemRandom }) };
      return SiteClient.open({ site, brokers: [{ url }], name: "sim" }, ports);
    },
  };
}
