// The door between the simulated site and the agents: what the site asks of one, and what it gives it to stand on.

import type { Agent } from "../src/agent/agent.ts";
import type { AgentConfiguration, AgentPorts } from "../src/agent/ports.ts";
import type { DeviceId, SiteId } from "../src/base/ids.ts";
import type { Brokers } from "../src/base/ports/broker.ts";
import type { Clock } from "../src/base/ports/clock.ts";
import type { DataDirectory } from "../src/base/ports/data-directory.ts";
import type { Logger } from "../src/base/ports/logger.ts";
import type { MqttLinks } from "../src/base/ports/mqtt-link.ts";
import type { Random } from "../src/base/ports/random.ts";

export type SensorDrivers = AgentPorts["drivers"];

/** What differs between the agents of one site; the rest is the same for all. */
export interface SimulatedAgent extends Pick<AgentConfiguration, "site" | "device" | "found"> {
  /** URLs. */
  readonly brokers: readonly string[];
}

/** The API of a site, as the CLI and programs use it. */
export interface SiteApi {
  /** The parts of the answer. Fails with `timed-out` (outcome unknown) or the code with which the device refused. */
  ask(device: DeviceId | "any", name: string, argument: unknown): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

/** How agents, and what they stand on, are made on this machine. */
export interface AgentHost {
  clock(): Clock;
  random(): Random;
  logger(device: DeviceId): Logger;
  links(clock: Clock, random: Random): MqttLinks;
  readonly brokers: Brokers;
  openData(path: string, owner: Pick<SimulatedAgent, "site" | "device">): Promise<DataDirectory>;
  /** Makes it if it is missing. Fails with `data-directory-unusable`. */
  makeDirectory(path: string): Promise<"empty" | "in-use">;
  createAgent(ports: AgentPorts, agent: SimulatedAgent): Agent;
  openApi(url: string, site: SiteId): Promise<SiteApi>;
}
