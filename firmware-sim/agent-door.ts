// The door between the simulated site and the agents: what the site asks of one, and nothing more. Adapting to another
// agent happens here.

import type { DeviceId, SensorId, SiteId } from "../src/base/ids.ts";
import type { Brokers } from "../src/base/ports/broker.ts";
import type { Clock } from "../src/base/ports/clock.ts";
import type { Driver } from "../src/base/ports/driver.ts";
import type { Logger } from "../src/base/ports/logger.ts";
import type { MqttLinks } from "../src/base/ports/mqtt-link.ts";
import type { Random } from "../src/base/ports/random.ts";
import type { Duration, LogIndex, SiteTime, Term } from "../src/base/units.ts";
import type { Role } from "../src/raft/types.ts";
import type { SensorConfiguration } from "../src/site/configuration.ts";

/** A reading as it lies on the device's card. */
export interface StoredReading {
  readonly number: number;
  readonly sensor: SensorId;
  /** Undefined while the device has not had site time since it took it. */
  readonly stamp: SiteTime | undefined;
  readonly quality: number;
}

export interface MemberStatus {
  readonly device: DeviceId;
  readonly isVoter: boolean;
  /** Heard on at least one broker lately. */
  readonly isPresent: boolean;
  /** Entries behind the commit index, as far as the asked device knows; undefined: it does not. */
  readonly lag: number | undefined;
  readonly zone: string | undefined;
}

export interface BrokerStatus {
  /** Without password. */
  readonly url: string;
  readonly isUp: boolean;
  /** Why it is down. */
  readonly why: string | undefined;
  readonly roundTrip: Duration | undefined;
}

export interface LatestReading {
  readonly sensor: SensorId;
  readonly value: number;
  readonly stamp: SiteTime | undefined;
  readonly quality: number;
}

/** Plain data: the same shape is the answer of the API's `status`. */
export interface AgentStatus {
  readonly site: SiteId;
  readonly device: DeviceId;
  readonly version: string;
  readonly session: number;
  readonly generation: number;
  readonly role: Role;
  readonly isVoter: boolean;
  readonly term: Term;
  readonly leader: DeviceId | undefined;
  /** Why this leader, or why there is none: a sentence for people. */
  readonly why: string;
  readonly commit: LogIndex;
  readonly applied: LogIndex;
  /** Log index at which the configuration last changed; 0: there is none. */
  readonly revision: LogIndex;
  readonly voters: readonly DeviceId[];
  readonly members: readonly MemberStatus[];
  readonly brokers: readonly BrokerStatus[];
  readonly siteTime: SiteTime | undefined;
  readonly outbox: {
    readonly waiting: number;
    readonly bytes: number;
    /** The newest item's number, and up to where the uplink has acknowledged. */
    readonly last: number;
    readonly cursor: number;
    /** At the present rate; undefined: nothing was queued yet, so there is no rate. */
    readonly daysOfRoom: number | undefined;
    readonly isUplinkUp: boolean;
  };
  readonly readings: {
    /** Numbers taken (synced), of which `missing` have no value. */
    readonly taken: number;
    readonly missing: number;
    readonly counted: number;
    readonly uncounted: number;
    readonly latest: readonly LatestReading[];
  };
  readonly disk: { readonly bytesWritten: number; readonly syncs: number };
}

export interface Agent {
  /** Resolves when it takes part: sessions synced, links dialling. Does not wait for a coordinator. */
  start(): Promise<void>;
  /** As SIGTERM: flushes, says goodbye, stays a member. Idempotent. */
  stop(): Promise<void>;
  status(): AgentStatus;
  /** Every reading that the card holds, by number. May be called until `stop`. */
  storedReadings(): Promise<readonly StoredReading[]>;
}

/** One device's data directory, opened and locked. */
export interface DataDirectory {
  /** Writes what waits, closes, unlocks. */
  close(): Promise<void>;
  /**
   * As a power cut: what waits to be written is forgotten, no callback comes any more, files and lock are let go. Resolves
   * when the same directory can be opened again.
   */
  abandon(): Promise<void>;
}

/** Called for each sensor assigned to the device when its configuration comes into force. */
export type SensorDrivers = (sensor: SensorId, configuration: SensorConfiguration) => Driver;

export interface AgentPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly data: DataDirectory;
  readonly links: MqttLinks;
  readonly drivers: SensorDrivers;
  /** The agent has ended by itself: a disk failed, or an invariant broke. */
  ended(reason: unknown): void;
}

export interface AgentConfiguration {
  readonly site: SiteId;
  readonly device: DeviceId;
  /** Exactly one device of a site founds it, the first time that its data directory is used. */
  readonly found: boolean;
  readonly brokers: readonly string[];
}

/** The API of a site, as the CLI and programs use it. */
export interface SiteApi {
  /** Fails with `timed-out` (outcome unknown), `refused`, or what the site answered. */
  ask(device: DeviceId | "any", name: string, argument: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/** How agents, and what they stand on, are made on this machine. */
export interface AgentHost {
  clock(): Clock;
  random(): Random;
  logger(device: DeviceId): Logger;
  links(clock: Clock, random: Random): MqttLinks;
  readonly brokers: Brokers;
  openData(path: string): Promise<DataDirectory>;
  createAgent(ports: AgentPorts, configuration: AgentConfiguration): Agent;
  openApi(url: string, site: SiteId): Promise<SiteApi>;
}
