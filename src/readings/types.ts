// The words of counting (PROTOCOLS, "Counting each reading once").

import type { DeviceId, MemberKey, SensorId } from "../base/ids.ts";
import type { Duration, LogIndex, SiteTime } from "../base/units.ts";

/** Bits of a reading's quality; 0 is good. Flagged readings count all the same: the flag stays with the raw reading. */
export const quality = {
  /** Outside the range that the sensor is configured for. */
  outOfRange: 1,
  /** The same value for longer than the sensor is configured for. */
  stuck: 2,
  /** The sensor had no value at this sampling instant: `value` is 0 and adds to `missing`, not to `count`. */
  missing: 4,
  /** The stamp was reconstructed after a restart without site time. */
  timeGuessed: 8,
} as const;

/** One value, one instant. Never changes once taken (invariant A). */
export interface Reading {
  /** Place in its origin's sequence: 1, 2, 3 … */
  readonly number: number;
  readonly sensor: SensorId;
  readonly stamp: SiteTime;
  readonly value: number;
  readonly quality: number;
}

/** Which sensors form which groups of an aggregation, from `from` on and until the next version's `from`. */
export interface DefinitionVersion {
  readonly from: SiteTime;
  readonly aggregations: readonly AggregationDefinition[];
}

export interface AggregationDefinition {
  readonly name: string;
  readonly window: Duration;
  /** After a window's end, how long its coordinator waits for contributions. */
  readonly grace: Duration;
  /** The sensors in it, each with the device it is assigned to and the group (`a/b`, topic levels) it counts in. */
  readonly sensors: ReadonlyMap<SensorId, { readonly device: DeviceId; readonly group: string }>;
}

/** What decides a reading's key. `revision` is the log index at which any of it last changed; a fold names it. */
export interface Definitions {
  readonly revision: LogIndex;
  /** Ascending by `from`; the first one reaches back as far as the site remembers. */
  readonly versions: readonly DefinitionVersion[];
}

export interface WindowKey {
  readonly aggregation: string;
  readonly group: string;
  readonly start: SiteTime;
}

/**
 * Quantile sketch: how many values fell into each logarithmic bin (sketch.ts; Masson, Rim & Lee, "DDSketch", VLDB 2019).
 * Immutable. Keys of the maps are bin numbers.
 */
export interface Sketch {
  readonly positive: ReadonlyMap<number, number>;
  readonly negative: ReadonlyMap<number, number>;
  /** Values too close to zero for a bin. */
  readonly zero: number;
}

/** Count, sum, extremes and quantiles of some readings. `min` is +∞ and `max` −∞ when `count` is 0. */
export interface Fold {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** Sampling instants at which a sensor had no value. */
  readonly missing: number;
  readonly sketch: Sketch;
}

export interface PartialPart {
  readonly key: WindowKey;
  readonly fold: Fold;
}

/** The fold of one origin's readings numbered (from, to]. */
export interface Partial {
  readonly origin: MemberKey;
  /** The sender's start counter. */
  readonly session: number;
  readonly from: number;
  readonly to: number;
  /** The last number taken, so that a loss can be named. */
  readonly stored: number;
  /** `Definitions.revision` that it was folded under. */
  readonly revision: LogIndex;
  /** The newest stamp in it. */
  readonly stampMax: SiteTime;
  readonly parts: readonly PartialPart[];
  /** CRC-32 of the readings folded. */
  readonly check: number;
}

/** A part whose window needs no definition: it goes on being what it was when its readings were there. */
export interface FrozenPart extends PartialPart {
  /** Not included. */
  readonly end: SiteTime;
}

/**
 * The fold of one origin's readings numbered (from, to], made when its store was full and in place of them: nobody can fold them
 * again (docs/decisions/0008).
 */
export interface FrozenPartial {
  readonly from: number;
  readonly to: number;
  readonly stampMax: SiteTime;
  /** CRC-32 of the readings, or of the checks of what was merged. */
  readonly check: number;
  /** Windows that begin within one span of this length were merged; 0: none were. */
  readonly slot: Duration;
  readonly parts: readonly FrozenPart[];
}

/** What a device says of a frozen partial to the coordinator. */
export interface FrozenOffer {
  readonly origin: MemberKey;
  /** The sender's start counter. */
  readonly session: number;
  /** The last number taken. */
  readonly stored: number;
  readonly frozen: Omit<FrozenPartial, "slot">;
}

/** What one log entry counts of a frozen partial: always of a single one, and under no revision. */
export interface FrozenCount {
  readonly move: CountMove;
  readonly stampMax: SiteTime;
  readonly parts: readonly FrozenPart[];
}

/**
 * How far one origin moves; refused unless it stands exactly at `from`. Several moves of one origin in one entry follow each
 * other: the second's `from` is the first's `to`.
 */
export interface CountMove {
  readonly origin: MemberKey;
  readonly from: number;
  readonly to: number;
  /** CRC-32 of the readings: two live copies of one device are found by it. */
  readonly check: number;
  /** Last number taken when the partial was made. */
  readonly stored: number;
}

/** A part as the coordinator merged it: over all partials of the entry that had this key. */
export interface CountPart extends PartialPart {
  /**
   * Indexes into `moves`, ascending: those whose contribution to this window is complete as far as the proposer knows (the
   * partial was made after the window's end and its `to` was its `stored`). Only decides how early a window closes.
   */
  readonly origins: readonly number[];
}

/** What one log entry counts: all of its moves, or none. */
export interface CountProposal {
  /** `Definitions.revision` that all of it was folded under. */
  readonly revision: LogIndex;
  readonly moves: readonly CountMove[];
  readonly stampMax: SiteTime;
  readonly parts: readonly CountPart[];
}
