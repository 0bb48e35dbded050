// What a readings store is told, and what it tells.

import type { SkeinError } from "../base/errors.ts";
import type { Duration, SiteTime } from "../base/units.ts";
import type { FreezingPorts, FrozenStatus } from "./freezing.ts";
import type { StoredReading } from "./reading-log.ts";
import type { ReadingsSizes } from "./readings-sizes.ts";

export interface ReadingStoreListener {
  /** These are synced now; in the order of their numbers. */
  taken(readings: readonly StoredReading[]): void;
  /** No reading is taken any more: `disk-full` or `log-full`. It goes on trying with each flush. */
  stopped(reason: SkeinError): void;
  resumed(): void;
  /** The store was so full that this many more of the oldest readings are kept only as their windows. */
  frozen(readings: number): void;
  /** Readings that are taken could not be read back to be frozen. It goes on trying. */
  unread(reason: SkeinError): void;
  /** The log failed for good: `disk-failed`. The agent ends. */
  failed(reason: SkeinError): void;
}

export interface ReadingStoreOptions {
  /** What a power cut may take. Shorter wears the card, longer loses more. */
  flushInterval(): Duration;
  /** The usual ones if absent. */
  readonly sizes?: ReadingsSizes;
  readonly freezing: FreezingPorts;
  /** The start counter of the data directory: unstamped readings belong to it. */
  readonly session: number;
  /** The last site time that the replica knows; undefined: none yet. */
  readonly lastSiteTime: SiteTime | undefined;
  /**
   * This incarnation has the store of another one (`was`) and is not admitted yet: nobody knows where its numbering goes on,
   * so readings wait in memory until `admit`.
   */
  readonly isHeld: boolean;
  readonly listener: ReadingStoreListener;
}

export interface ReadingStoreStatus {
  readonly taken: number;
  readonly ready: number;
  /** In memory, lost at a power cut. */
  readonly pending: number;
  /** Why no reading is taken; undefined: they are. */
  readonly stopped: SkeinError | undefined;
  /** Readings that were refused since opening, because the store had stopped or was full. */
  readonly refused: number;
  /** Undefined: nothing is. */
  readonly frozen: FrozenStatus | undefined;
}
