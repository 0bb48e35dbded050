// How much a device's readings log may hold, and how much of it is handled at once. The usual sizes take days to be reached; small
// ones try them out in minutes.

import { limits } from "../base/limits.ts";

export interface ReadingsSizes {
  readonly segmentBytes: number;
  /** Of the whole log. */
  readonly logBytes: number;
  /** Of the log, from which on the oldest uncounted readings are frozen. */
  readonly freezeBytes: number;
  /** At the end of the log, for what makes room in it: a freeze, and marks that let more be sent. */
  readonly reserveBytes: number;
  /** What counted readings may keep of it; 0: nothing. */
  readonly keptBytes: number;
  /** Readings folded at once. */
  readonly partialReadings: number;
  /** Of one frozen partial, as `partialBytes` counts. */
  readonly frozenBytes: number;
  readonly frozenPartials: number;
}

export const usualReadingsSizes: ReadingsSizes = {
  segmentBytes: 256 * 1024,
  logBytes: limits.readingsLogBytes,
  freezeBytes: limits.readingsFreezeBytes,
  reserveBytes: limits.readingsReserveBytes,
  keptBytes: limits.readingsKeptBytes,
  partialReadings: limits.partialReadings,
  frozenBytes: limits.partialBytes,
  frozenPartials: limits.frozenPartials,
};

/** How far, in readings, a sender may be ahead of the `counted` that it saw. */
export const leadOf = ({ partialReadings }: ReadingsSizes): number => limits.partialsOutstanding * partialReadings;
