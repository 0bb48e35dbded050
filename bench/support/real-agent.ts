// A whole agent on this machine, as `skein run` starts it.

import { type Agent, createAgent } from "../../src/agent/agent.ts";
import { deviceId, siteId } from "../../src/base/ids.ts";
import { seconds } from "../../src/base/units.ts";
import { openDataDirectory } from "../../src/host/data-directory.ts";
import { createDrivers } from "../../src/host/drivers/registry.ts";
import { createLogger } from "../../src/host/logger.ts";
import { MqttJsLinks } from "../../src/host/mqtt-link.ts";
import { SystemClock } from "../../src/host/system-clock.ts";
import { systemRandom } from "../../src/host/system-random.ts";
import { defaultTiming } from "../../src/replica/open-replica.ts";

export interface RealAgentOptions {
  readonly site: string;
  readonly device: string;
  readonly founds: boolean;
  readonly brokerUrls: readonly string[];
  readonly directory: string;
}

export async function startAgent(options: RealAgentOptions): Promise<Agent> {
  const { site, device, founds, brokerUrls, directory } = options;
  const clock = new SystemClock();
  const random = systemRandom;
  const links = new MqttJsLinks({ clock, random });
  const agent = createAgent(
    {
      clock,
      random,
      logger: createLogger({ level: "error", descriptor: 2 }),
      data: await openDataDirectory(directory, { site: siteId(site), device: deviceId(device) }),
      links,
      drivers: createDrivers({ clock, links, clientId: `bench-${device}` }),
    },
    {
      site: siteId(site),
      device: deviceId(device),
      found: founds,
      brokers: brokerUrls.map((url) => ({ url })),
      keepAlive: seconds(30),
      timing: defaultTiming,
      version: "bench",
    },
  );
  void agent.failed.then((failure) => {
    throw failure;
  });
  await agent.start();
  return agent;
}
