// What an agent stands on, and what a person tells it. The rest it learns from the site.

import type { DeviceId, MemberKey, SensorId, SiteId } from "../base/ids.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { DataDirectory } from "../base/ports/data-directory.ts";
import type { Driver } from "../base/ports/driver.ts";
import type { Logger } from "../base/ports/logger.ts";
import type { MqttLinks } from "../base/ports/mqtt-link.ts";
import type { Random } from "../base/ports/random.ts";
import type { Duration } from "../base/units.ts";
import type { BrokerAddress } from "../mqtt/broker-connection.ts";
import type { RaftLimits, RaftTiming } from "../raft/types.ts";
import type { ReadingsSizes } from "../readings/readings-sizes.ts";
import type { ReplicaWatch } from "../replica/contract.ts";
import type { SensorConfiguration } from "../site/configuration.ts";
import type { SiteBounds } from "../site/tables.ts";

export interface AgentPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Opened and locked; the agent closes it when it stops. */
  readonly data: DataDirectory;
  readonly links: MqttLinks;
  /** Makes the driver of a sensor that is assigned to this device. Fails with `invalid-argument` for a kind that this host has not. */
  drivers(sensor: SensorId, configuration: SensorConfiguration): Driver;
  /** Called for each life of the device's replica; absent on a real device. */
  watch?(self: MemberKey): ReplicaWatch;
}

export interface AgentConfiguration {
  readonly site: SiteId;
  readonly device: DeviceId;
  /** Exactly one device of a site founds it, the first time that its data directory is used. */
  readonly found: boolean;
  readonly brokers: readonly BrokerAddress[];
  readonly keepAlive: Duration;
  readonly timing: RaftTiming;
  /**
   * When checkpoints are due, what of the log is kept behind them, and the bounds of the replicated state, which must be the same
   * on all devices; and of the readings log. The usual ones if absent. Small ones try out snapshots, and what runs full.
   */
  readonly sizes?: {
    readonly limits: RaftLimits;
    readonly checkpointBytes: number;
    readonly bounds?: SiteBounds;
    readonly readings?: ReadingsSizes;
  };
  readonly version: string;
}
