// One device of the live site, whether its agent runs in this process or in its own: power on, power off, and what can be
// asked of it from outside.

import type { AgentStatus } from "../src/agent/status.ts";
import type { DeviceId } from "../src/base/ids.ts";
import type { StoredReading } from "../src/readings/reading-log.ts";

export interface SimulatedDevice {
  readonly device: DeviceId;
  readonly state: "off" | "starting" | "up";
  /** Readings that its sensors have handed out, over all its lives. */
  readonly sensed: number;
  /** Spans of this host's monotonic time, in ms, in which it had power; the last one may be open. */
  readonly upTimes: readonly UpTime[];
  readonly kills: number;
  /** Fails when the agent does not come up. */
  start(): Promise<void>;
  /** Cuts the power: no goodbye, and what was not synced is gone. Resolves when it can be started again. */
  kill(): Promise<void>;
  /** As SIGTERM. */
  stop(): Promise<void>;
  /** Undefined when it is off, or does not answer. */
  status(): Promise<AgentStatus | undefined>;
  /** Of a running device. */
  storedReadings(): Promise<readonly StoredReading[]>;
}

export interface UpTime {
  readonly from: number;
  to: number | undefined;
}

/** What both kinds of device write down about their lives. */
export class LifeBook {
  readonly upTimes: UpTime[] = [];
  kills = 0;

  began(now: number): void {
    this.upTimes.push({ from: now, to: undefined });
  }

  ended(now: number): void {
    const last = this.upTimes.at(-1);
    if (last !== undefined) last.to ??= now;
  }
}
