// One device's readings as one numbered, synced sequence (PROTOCOLS, "Counting each reading once", on the device).
//
// Problem: what is counted must be the same at every fold, through crashes, and a card must not be worn out. Idea: readings wait
// in memory for the flush interval, then one payload of a log file takes them. A number is given at writing, by the one writer,
// and payloads are written one after the other, so numbers have no holes whatever fails; numbers that were never synced are used
// again. A reading is *taken* when its sync returned, and *ready* when its stamp is fixed too; only ready ones are folded.

import { SkeinError } from "../base/errors.ts";
import type { SensorId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { LogFile, LogFiles, LogPosition, LogUsage } from "../base/ports/log-file.ts";
import { between, type Duration, type Instant, milliseconds, type SiteTime, seconds, siteTime } from "../base/units.ts";
import { encodePayload, type StampsPayload, type StoredPayload } from "./reading-codec.ts";
import { isStamped, ReadingLog, type StoredReading } from "./reading-log.ts";
import type { Reading } from "./types.ts";
import { ByteWriter } from "./varint.ts";

/** The name of the log among the device's `LogFiles`. */
export const readingsLogName = "readings";

export interface ReadingStoreListener {
  /** These are synced now; in the order of their numbers. */
  taken(readings: readonly StoredReading[]): void;
  /** No reading is taken any more: `disk-full` or `log-full`. It goes on trying with each flush. */
  stopped(reason: SkeinError): void;
  resumed(): void;
  /** The log failed for good: `disk-failed`. The agent ends. */
  failed(reason: SkeinError): void;
}

export interface ReadingStoreOptions {
  /** What a power cut may take. Shorter wears the card, longer loses more. */
  flushInterval(): Duration;
  /** What counted readings may keep of the log; absent: `limits.readingsKeptBytes`. 0: nothing. */
  readonly keptBytes?: number;
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
}

interface PendingReading {
  readonly sensor: SensorId;
  readonly value: number;
  readonly quality: number;
  readonly elapsed: number;
  stamp: number | undefined;
}

interface FlushWaiter {
  readonly through: number;
  readonly done: (failure?: SkeinError) => void;
}

const segmentBytes = 256 * 1024;
/** What a power cut takes is bounded by the flush interval, so the write begins earlier by what its sync may take. */
const syncAllowance = seconds(1);

export class ReadingStore {
  readonly #log: LogFile;
  readonly #readings: ReadingLog;
  readonly #clock: Clock;
  readonly #options: ReadingStoreOptions;
  readonly #openedAt: Instant;
  #pending: PendingReading[] = [];
  #waiters: FlushWaiter[] = [];
  #next: number;
  #flushThrough = 0;
  #timer: Timer | undefined;
  #isWriting = false;
  /** Of the stamps that `synchronize` gave. */
  #newestPending = 0;
  #isHeld: boolean;
  #closing: Promise<void> | undefined;
  #isClosed = false;
  #stopped: SkeinError | undefined;
  #hasFailed = false;
  #refused = 0;
  /** Site time minus elapsed time, while the device has site time. */
  #offset: number | undefined;

  /** Fails as `LogFiles.open` does; with `log-damaged` too if a payload is none of ours. */
  static async open(logFiles: LogFiles, clock: Clock, options: ReadingStoreOptions): Promise<ReadingStore> {
    const readings = new ReadingLog();
    const { log } = await logFiles.open(
      readingsLogName,
      {
        segmentBytes,
        segmentsAhead: 1,
        capacityBytes: limits.readingsLogBytes,
        whenDiskIsFull: "refuse",
        describe: () => described(readings.taken),
      },
      ({ position, payload }) => readings.recover(position, payload),
    );
    const store = new ReadingStore(log, readings, clock, options);
    store.#pump();
    return store;
  }

  private constructor(log: LogFile, readings: ReadingLog, clock: Clock, options: ReadingStoreOptions) {
    this.#log = log;
    this.#readings = readings;
    this.#clock = clock;
    this.#options = options;
    this.#openedAt = clock.now();
    this.#next = readings.taken + 1;
    this.#isHeld = options.isHeld;
    if (options.lastSiteTime !== undefined) readings.noteStamp(options.lastSiteTime);
  }

  /** The last number synced. */
  get taken(): number {
    return this.#readings.taken;
  }

  /** The last number that may be folded: it and all before it are synced and have their stamps. */
  get ready(): number {
    return this.#readings.ready;
  }

  /** The first number that can still be read. */
  get first(): number {
    return this.#readings.first;
  }

  /** The newest stamp on the card, or the last site time known when it was opened: none before it is given. */
  get lastStamp(): SiteTime | undefined {
    return this.#readings.lastStamp;
  }

  /** As `lastStamp`, of what waits for its flush too: no later reading may be stamped before it. */
  get newestStamp(): SiteTime | undefined {
    const { lastStamp } = this;
    return this.#newestPending > (lastStamp ?? 0) ? siteTime(this.#newestPending) : lastStamp;
  }

  status(): ReadingStoreStatus {
    const [stopped, pending, refused] = [this.#stopped, this.#pending.length, this.#refused];
    return { taken: this.taken, ready: this.ready, pending, stopped, refused };
  }

  usage(): LogUsage {
    return this.#log.usage();
  }

  /**
   * One reading, now. `stamp` undefined: the device has no site time, and it is stamped later. False: refused, because the store
   * has stopped or too much waits for its flush; `value` is finite.
   */
  add(sensor: SensorId, value: number, quality: number, stamp: SiteTime | undefined): boolean {
    const isRefusing = this.#stopped !== undefined || this.#hasFailed || this.#isClosed;
    if (isRefusing || this.#pending.length >= limits.pendingReadings) {
      this.#refused += 1;
      return false;
    }
    if (stamp === undefined) this.#offset = undefined;
    else if (this.#offset === undefined) this.synchronize(stamp);
    const rounded = stamp === undefined ? undefined : Math.round(stamp);
    // A negative zero would come back from the card as a zero, with another check.
    this.#pending.push({ sensor, value: value + 0, quality, elapsed: this.#elapsed(), stamp: rounded });
    if (this.#pending.length % limits.flushReadings === 0) this.flush();
    else this.#schedule();
    return true;
  }

  /** The device has site time (again): what this session stored without gets its stamps, by one record. Repeats change nothing. */
  synchronize(now: SiteTime): void {
    if (this.#offset !== undefined) return;
    const offset = Math.round(now) - this.#elapsed();
    this.#offset = offset;
    // Those that are being written at this moment get theirs from the record, like those on the card.
    let newest = Math.round(this.lastStamp ?? 0);
    for (const pending of this.#isWriting ? [] : this.#pending) {
      pending.stamp ??= Math.max(pending.elapsed + offset, newest);
      newest = Math.max(newest, pending.stamp);
    }
    this.#newestPending = newest;
    this.#pump();
  }

  /** `counted` of this incarnation in the own applied state: its numbering goes on behind it. */
  admit(counted: number): void {
    this.#next = Math.max(this.#next, counted + 1);
    this.#isHeld = false;
    this.#pump();
  }

  /** Writes now what waits. `done` when all that was added before is taken, or with the reason why not yet. */
  flush(done?: (failure?: SkeinError) => void): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#flushThrough = this.#next + this.#pending.length - 1;
    if (done !== undefined) this.#waiters.push({ through: this.#flushThrough, done });
    this.#pump();
    this.#settle(this.#whyNoFlush());
  }

  /**
   * Ready readings numbered above `from`, in order: at least one if there is one. Those in the log's memory come sooner, but
   * never before `read` returns. A number below `first` is gone: what follows it is given.
   */
  read(
    from: number,
    maxCount: number,
    done: (failure: SkeinError | undefined, readings: readonly Reading[]) => void,
  ): void {
    const range = { from, through: this.ready, maxCount };
    this.#clock.soon(() =>
      this.#readings.read(this.#log, range, (failure, found) => done(failure, found.filter(isStamped))),
    );
  }

  /** As `read`, but all that are taken, those without stamps included. */
  readStored(
    from: number,
    maxCount: number,
    done: (failure: SkeinError | undefined, readings: readonly StoredReading[]) => void,
  ): void {
    this.#clock.soon(() => this.#readings.read(this.#log, { from, through: this.taken, maxCount }, done));
  }

  /** Readings up to `number` are counted: they stay on the card while there is room, and the oldest of them go first. */
  releaseThrough(number: number): void {
    const { keptBytes = limits.readingsKeptBytes } = this.#options;
    const isStopped = this.#stopped !== undefined;
    if (!isStopped && keptBytes > 0 && this.#log.usage().bytes <= keptBytes) return;
    this.#readings.releaseOldest(this.#log, Math.min(number, this.ready), isStopped || keptBytes === 0 ? 1 : 1 / 2);
  }

  /** Flushes, then closes; nothing is taken afterwards. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await new Promise<void>((resolve) => this.flush(() => resolve()));
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#log.close();
  }

  #elapsed(): number {
    return Math.round(between(this.#openedAt, this.#clock.now()));
  }

  #schedule(): void {
    const interval = this.#options.flushInterval();
    const writeAfter = milliseconds(interval - Math.min(interval / 4, syncAllowance));
    this.#timer ??= this.#clock.after(writeAfter, "flush readings", () => this.flush());
  }

  /** Undefined: a flush ends by itself, well or not. */
  #whyNoFlush(): SkeinError | undefined {
    if (this.#hasFailed) return this.#stopped;
    if (this.#isClosed) return new SkeinError("refused", "The readings log is closed");
    return this.#isHeld ? new SkeinError("refused", "Numbers wait until this incarnation is admitted") : undefined;
  }

  #pump(): void {
    if (this.#isWriting || this.#hasFailed || this.#isClosed) return;
    const stamps = this.#dueStamps();
    if (stamps !== undefined) {
      this.#write(stamps, 0);
      return;
    }
    if (this.#isHeld || this.#pending.length === 0 || this.#flushThrough < this.#next) return;
    const isStampedBatch = this.#pending[0]?.stamp !== undefined;
    const end = this.#pending.findIndex(({ stamp }) => (stamp !== undefined) !== isStampedBatch);
    const count = Math.min(end === -1 ? this.#pending.length : end, limits.flushReadings);
    const readings = this.#pending
      .slice(0, count)
      .map(({ sensor, value, quality, elapsed, stamp }) => ({ sensor, value, quality, time: stamp ?? elapsed }));
    const unstampedIn = isStampedBatch ? undefined : this.#options.session;
    this.#write({ kind: "readings", first: this.#next, unstampedIn, readings }, count);
  }

  #dueStamps(): StampsPayload | undefined {
    const { stamps, taken, lastStamp } = this.#readings;
    const { session } = this.#options;
    const guessed = lastStamp === undefined ? undefined : stamps.nextGuessed(session, lastStamp, taken);
    if (guessed !== undefined || this.#offset === undefined) return guessed;
    return stamps.nextKnown(session, this.#offset, lastStamp, taken);
  }

  #write(payload: StoredPayload, count: number): void {
    this.#isWriting = true;
    const position: LogPosition = this.#log.append(encodePayload(payload), (failure) => {
      this.#isWriting = false;
      if (failure === undefined) this.#synced(payload, position, count);
      else this.#notSynced(failure);
    });
  }

  #synced(payload: StoredPayload, position: LogPosition, count: number): void {
    const taken = this.#readings.take(position, payload);
    this.#pending.splice(0, count);
    this.#next = Math.max(this.#next, this.taken + 1);
    if (this.#stopped !== undefined) {
      this.#stopped = undefined;
      this.#options.listener.resumed();
    }
    if (taken.length > 0) this.#options.listener.taken(taken);
    this.#settle(undefined);
    this.#pump();
  }

  #notSynced(failure: SkeinError): void {
    const wasStopped = this.#stopped !== undefined;
    this.#stopped = failure;
    if (failure.code === "disk-full" || failure.code === "log-full") {
      if (!wasStopped) this.#options.listener.stopped(failure);
      if (!this.#isClosed) this.#schedule();
    } else {
      this.#hasFailed = true;
      this.#options.listener.failed(failure);
    }
    this.#settle(failure);
  }

  #settle(failure: SkeinError | undefined): void {
    const settled = this.#waiters.filter(({ through }) => failure !== undefined || through < this.#next);
    if (settled.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !settled.includes(waiter));
    for (const { done } of settled) this.#clock.soon(() => done(failure));
  }
}

function described(taken: number): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(1);
  writer.count(taken);
  return writer.finish();
}
