// What of a device's readings lies synced in its log: where each number is, which have their stamps, and the recent ones in
// memory, because nearly every fold asks for readings of the last minute.

import { SkeinError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { LogFile, LogPosition } from "../base/ports/log-file.ts";
import { type SiteTime, siteTime } from "../base/units.ts";
import { FrozenLedger, type PayloadPlace } from "./frozen-ledger.ts";
import {
  type CarriedPayload,
  decodePayload,
  type FreezePayload,
  type Marks,
  type ReadingsPayload,
  type StoredPayload,
} from "./reading-codec.ts";
import { StampLedger } from "./stamp-ledger.ts";
import type { Reading } from "./types.ts";

/** As it lies on the card: without a stamp while the device has had no site time since it took it. */
export type StoredReading = Omit<Reading, "stamp"> & { readonly stamp: SiteTime | undefined };

export interface ReadRange {
  /** Not included. */
  readonly from: number;
  /** Included. */
  readonly through: number;
  readonly maxCount: number;
}

/** About one payload of the largest kind. */
const readBytes = 64 * 1024;

export class ReadingLog {
  readonly stamps = new StampLedger();
  #places: PayloadPlace[] = [];
  #taken = 0;
  #lastStamp: SiteTime | undefined;
  /** Consecutive, the last one being number `taken`; empty where the newest have no stamps yet. */
  #recent: Reading[] = [];
  readonly frozen = new FrozenLedger();
  #marks: Marks = { sendable: 0, revision: 0 };

  /** The last number synced. */
  get taken(): number {
    return this.#taken;
  }

  /** The last number before which every reading has its stamp. */
  get ready(): number {
    const { firstUnstamped } = this.stamps;
    return firstUnstamped === undefined ? this.#taken : firstUnstamped - 1;
  }

  /** The first number that can still be read, or sent frozen. */
  get first(): number {
    const frozen = this.frozen.all[0];
    return Math.min(
      this.#places[0]?.first ?? this.#taken + 1,
      frozen === undefined ? this.#taken + 1 : frozen.from + 1,
    );
  }

  /** The largest that was synced. */
  get marks(): Marks {
    return this.#marks;
  }

  /** Half of what lies behind `start`: the last number of a payload, which is never the newest. */
  middleAfter(start: number): number | undefined {
    const behind = this.#places.filter(({ last }) => last > start);
    return behind.length < 2 ? undefined : behind[(behind.length >> 1) - 1]?.last;
  }

  /** The last site time known here. */
  get lastStamp(): SiteTime | undefined {
    return this.#lastStamp;
  }

  recover(position: LogPosition, bytes: Uint8Array): void {
    const payload = decodePayload(bytes);
    if (payload === undefined) throw damaged(position);
    this.take(position, payload);
  }

  /** A payload that is synced. Answers the readings that are new with it. */
  take(position: LogPosition, payload: StoredPayload): readonly StoredReading[] {
    switch (payload.kind) {
      case "readings":
        this.frozen.interrupted();
        this.#mark(payload.marks ?? { sendable: payload.first + payload.readings.length - 1, revision: 0 });
        return this.#takeReadings(position, payload);
      case "stamps": {
        this.frozen.interrupted();
        this.#taken = Math.max(this.#taken, payload.last);
        const newest = this.stamps.given(payload);
        if (newest !== undefined) this.noteStamp(newest);
        return [];
      }
      case "sendable":
        this.frozen.interrupted();
        this.#taken = Math.max(this.#taken, payload.last);
        this.#mark(payload.marks);
        return [];
      case "carried":
      case "frozen":
        this.frozen.waits(position, payload);
        return [];
      case "freeze":
        this.#freeze(position, payload);
        return [];
    }
  }

  #takeReadings(position: LogPosition, payload: ReadingsPayload): readonly StoredReading[] {
    const { first, unstampedIn, readings } = payload;
    const last = first + readings.length - 1;
    const [oldest, newest] = [readings[0], readings.at(-1)];
    if (oldest === undefined || newest === undefined) return [];
    if (unstampedIn !== undefined) {
      const [firstElapsed, lastElapsed] = [oldest.time, newest.time];
      this.stamps.stored({ session: unstampedIn, first, last, firstElapsed, lastElapsed });
    }
    this.#places.push({ position, first, last });
    const stored = this.#storedIn(payload);
    this.#remember(stored, first === this.#taken + 1);
    this.#taken = last;
    return stored;
  }

  /** A stamp, or a site time that is known otherwise: guesses never lie before it. */
  noteStamp(stamp: SiteTime): void {
    if (this.#lastStamp === undefined || stamp > this.#lastStamp) this.#lastStamp = stamp;
  }

  /**
   * Readings of the range in order, at least one if there is one, else about as many as one payload holds. `done` may be called
   * before `read` returns.
   */
  read(
    log: LogFile,
    range: ReadRange,
    done: (failure: SkeinError | undefined, readings: readonly StoredReading[]) => void,
  ): void {
    const { from, through, maxCount } = range;
    const isWanted = ({ number }: StoredReading): boolean => number > from && number <= through;
    const recentFirst = this.#recent[0]?.number;
    if (recentFirst !== undefined && from + 1 >= recentFirst) {
      const skipped = from + 1 - recentFirst;
      done(undefined, this.#recent.slice(skipped, skipped + maxCount).filter(isWanted));
      return;
    }
    const place = this.#places[this.#placeAfter(from)];
    if (place === undefined || from >= through) {
      done(undefined, []);
      return;
    }
    log.read(place.position, readBytes, (failure, records) => {
      if (failure !== undefined) {
        done(failure, []);
        return;
      }
      const found: StoredReading[] = [];
      // Only now: older places may have been released meanwhile.
      let next = this.#placeAfter(from);
      for (const { position, payload: bytes } of records) {
        const payload = decodePayload(bytes);
        if (payload === undefined) {
          done(damaged(position), []);
          return;
        }
        // What else lies there was carried on or frozen since, or does not follow.
        if (!isReadings(payload) || position !== this.#places[next]?.position) continue;
        next += 1;
        found.push(...this.#storedIn({ unstampedIn: undefined, ...payload }).filter(isWanted));
        if (found.length >= maxCount) break;
      }
      done(undefined, found.slice(0, maxCount));
    });
  }

  /**
   * Lets the oldest `share` (0–1) of the payloads go that hold only readings up to `number`. The newest payload always stays: it
   * holds the last number given.
   */
  releaseOldest(log: LogFile, number: number, share: number): void {
    const isFewer = this.frozen.release(number);
    const needed = this.#places.findIndex(({ last }) => last > number);
    const releasable = needed === -1 ? this.#places.length - 1 : needed;
    const kept = this.#places.slice(Math.ceil(releasable * share));
    const oldest = kept[0];
    if (oldest === undefined || (kept.length === this.#places.length && !isFewer)) return;
    this.#places = kept;
    this.stamps.release(oldest.first);
    this.releaseUnneeded(log);
  }

  /** What was carried on lies behind newer readings, so the place that lies first need not hold the first number. */
  releaseUnneeded(log: LogFile): void {
    const oldest = this.#places.reduce((least, { position }) => Math.min(least, position), Number.POSITIVE_INFINITY);
    const needed = Math.min(oldest, this.frozen.position ?? Number.POSITIVE_INFINITY);
    if (Number.isFinite(needed)) log.release(needed);
  }

  #mark({ sendable, revision }: Marks): void {
    const { marks } = this;
    this.#marks = {
      sendable: Math.max(marks.sendable, sendable),
      revision: Math.max(marks.revision, revision),
    };
  }

  #freeze(position: LogPosition, payload: FreezePayload): void {
    this.#taken = Math.max(this.#taken, payload.last);
    this.#mark(payload.marks);
    const carried = this.frozen.freeze(position, payload);
    if (carried === undefined) return;
    const { through } = payload;
    this.#places = [...carried, ...this.#places.filter(({ last }) => last > through)];
    this.#recent = this.#recent.filter(({ number }) => number > through);
  }

  #storedIn(payload: Pick<ReadingsPayload, "first" | "unstampedIn" | "readings">): StoredReading[] {
    const { first, unstampedIn, readings } = payload;
    return readings.map(({ sensor, time, value, quality }, place) => {
      const number = first + place;
      if (unstampedIn === undefined) return { number, sensor, stamp: siteTime(time), value, quality };
      const given = this.stamps.resolve(unstampedIn, number, time);
      return { number, sensor, stamp: given?.stamp, value, quality: quality | (given?.quality ?? 0) };
    });
  }

  #remember(stored: readonly StoredReading[], isConsecutive: boolean): void {
    if (!isConsecutive) this.#recent = [];
    for (const reading of stored) {
      if (!isStamped(reading)) {
        this.#recent = [];
        continue;
      }
      this.#recent.push(reading);
      this.noteStamp(reading.stamp);
    }
    if (this.#recent.length > 2 * limits.recentReadings) this.#recent = this.#recent.slice(-limits.recentReadings);
  }

  #placeAfter(from: number): number {
    let [low, high] = [0, this.#places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#places[middle]?.last ?? 0) > from) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

const isReadings = (payload: StoredPayload): payload is ReadingsPayload | CarriedPayload =>
  payload.kind === "readings" || payload.kind === "carried";

export function isStamped(reading: StoredReading): reading is Reading {
  return reading.stamp !== undefined;
}

function damaged(position: LogPosition): SkeinError {
  return new SkeinError(
    "log-damaged",
    `The readings log has a payload at position ${position} that is of another version or damaged`,
  );
}
