// The make-up of a simulated site, apart from what goes wrong in it.

import type { ClientHabits } from "./client-habits.ts";

/** What a site is made of. All spans in ms. */
export interface SitePlan {
  readonly devices: number;
  /** One entry for each broker: the machine that embeds it, or undefined where it stands alone. */
  readonly brokers: readonly (string | undefined)[];
  readonly sensorsEach: number;
  readonly sensorInterval: number;
  readonly window: number;
  readonly flushInterval: number;
  /** Log and checkpoints so small that snapshots are sent all the time. */
  readonly areLogsSmall: boolean;
  /** Bytes of items that may wait for the uplink, so few that a minute without it makes them coarser; undefined: as on a real site. */
  readonly outboxBytes: number | undefined;
  /** Readings logs so small that a device that is cut off for some minutes freezes its oldest readings. */
  readonly areReadingsLogsSmall: boolean;
  readonly clients: readonly ClientHabits[];
  /** Heartbeats, election timeouts and keep-alives are so many times the usual; 1 if absent. Days of little take minutes then. */
  readonly pace?: number;
  /** Of commands in one append; the usual if absent. */
  readonly batchBytes?: number;
  /** Of the safety phase. */
  readonly storm: number;
}
