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
import { between, type Instant, milliseconds, type SiteTime, seconds, siteTime } from "../base/units.ts";
import type { Frozen } from "./freezer.ts";
import { Freezing } from "./freezing.ts";
import type { FrozenLedger } from "./frozen-ledger.ts";
import { encodePayload, type StampsPayload, type StoredPayload } from "./reading-codec.ts";
import { isStamped, ReadingLog, type StoredReading } from "./reading-log.ts";
import { usualReadingsSizes } from "./readings-sizes.ts";
import { SendPermits } from "./send-permits.ts";
import type { ReadingStoreOptions, ReadingStoreStatus } from "./store-contract.ts";
import type { Reading } from "./types.ts";
import { ByteWriter } from "./varint.ts";

/** The name of the log among the device's `LogFiles`. */
export const readingsLogName = "readings";

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

/** What a power cut takes is bounded by the flush interval, so the write begins earlier by what its sync may take. */
const syncAllowance = seconds(1);

export class ReadingStore {
  readonly #log: LogFile;
  readonly #readings: ReadingLog;
  readonly #clock: Clock;
  readonly #options: ReadingStoreOptions;
  readonly #openedAt: Instant;
  readonly #freezing: Freezing;
  readonly #permits: SendPermits;
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
    const { segmentBytes, logBytes: capacityBytes } = options.sizes ?? usualReadingsSizes;
    const { log } = await logFiles.open(
      readingsLogName,
      {
        segmentBytes,
        segmentsAhead: 1,
        capacityBytes,
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
    this.#freezing = new Freezing(readings, log, options.freezing, options.sizes ?? usualReadingsSizes);
    this.#permits = new SendPermits(clock, () => this.sendable);
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

  /** The first number that can still be read, or sent frozen. */
  get first(): number {
    return this.#readings.first;
  }

  /** Nothing that ends behind this number was ever sent: what is, needs `permit`. */
  get sendable(): number {
    return this.#readings.marks.sendable;
  }

  /** What took the place of readings that there was no room for. */
  get frozen(): Pick<FrozenLedger, "from" | "overlapping"> {
    return this.#readings.frozen;
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
    return { taken: this.taken, ready: this.ready, pending, stopped, refused, frozen: this.#freezing.status() };
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
    this.#freezing.again();
    this.#pump();
    this.#settle(this.#whyNoFlush());
  }

  /** What ends at `to` is to be sent. `done` later: with true once the card says that it may have been. */
  permit(to: number, done: (isPermitted: boolean) => void): void {
    this.#permits.ask(to, done, this.#freezing.isBusy || this.#hasFailed || this.#isClosed);
    this.#pump();
  }

  /**
   * Ready readings numbered above `from`, in order, up to the next frozen partial: at least one if there is one. Those in the log's
   * memory come sooner, but never before `read` returns. A number below `first` is gone: what follows it is given.
   */
  read(
    from: number,
    maxCount: number,
    done: (failure: SkeinError | undefined, readings: readonly Reading[]) => void,
  ): void {
    const through = Math.min(this.ready, this.frozen.from(from)?.from ?? this.ready);
    const range = { from, through, maxCount };
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
    const { keptBytes } = this.#options.sizes ?? usualReadingsSizes;
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
    this.#freezing.stop();
    this.#permits.refuse();
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
    const frozen = this.#freezing.take();
    if (frozen !== undefined) {
      this.#writeFrozen(frozen);
      return;
    }
    const { wanted } = this.#permits;
    if (wanted !== undefined) {
      this.#write({ kind: "sendable", marks: this.#freezing.marksFor(this.taken, wanted), last: this.taken }, 0);
      return;
    }
    this.#freezing.consider(
      (from, maxCount, done) => this.read(from, maxCount, done),
      (failure) => {
        if (failure !== undefined) this.#options.listener.unread(failure);
        this.#pump();
      },
    );
    if (this.#isHeld || this.#pending.length === 0 || this.#flushThrough < this.#next) return;
    if (!this.#freezing.hasRoom) {
      this.#notSynced(new SkeinError("log-full", "The readings log has no room for readings that are not counted"));
      return;
    }
    const isStampedBatch = this.#pending[0]?.stamp !== undefined;
    const end = this.#pending.findIndex(({ stamp }) => (stamp !== undefined) !== isStampedBatch);
    const count = Math.min(end === -1 ? this.#pending.length : end, limits.flushReadings);
    const readings = this.#pending
      .slice(0, count)
      .map(({ sensor, value, quality, elapsed, stamp }) => ({ sensor, value, quality, time: stamp ?? elapsed }));
    const unstampedIn = isStampedBatch ? undefined : this.#options.session;
    const marks = this.#freezing.marksFor(this.#next + count - 1);
    this.#write({ kind: "readings", first: this.#next, unstampedIn, readings, marks }, count);
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
      else if (payload.kind === "sendable" && isPassing(failure)) this.#permits.refuse();
      else this.#notSynced(failure);
    });
  }

  /** All of it, or a power cut finds none of it. */
  #writeFrozen(frozen: Frozen): void {
    this.#isWriting = true;
    let failed: SkeinError | undefined;
    for (const payload of this.#freezing.payloadsOf(frozen)) {
      const position: LogPosition = this.#log.append(encodePayload(payload), (failure) => {
        failed ??= failure;
        if (failed === undefined) this.#readings.take(position, payload);
        if (payload.kind === "freeze") this.#frozen(frozen, failed);
      });
    }
  }

  #frozen({ readings }: Frozen, failure: SkeinError | undefined): void {
    this.#isWriting = false;
    this.#freezing.stop();
    if (failure === undefined) {
      this.#readings.releaseUnneeded(this.#log);
      this.#options.listener.frozen(readings);
      this.#pump();
      return;
    }
    this.#readings.frozen.interrupted();
    if (!isPassing(failure)) this.#notSynced(failure);
  }

  #synced(payload: StoredPayload, position: LogPosition, count: number): void {
    const taken = this.#readings.take(position, payload);
    this.#pending.splice(0, count);
    this.#next = Math.max(this.#next, this.taken + 1);
    this.#permits.settle();
    if (this.#stopped !== undefined && this.#freezing.hasRoom) {
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
    if (isPassing(failure)) {
      if (!wasStopped) this.#options.listener.stopped(failure);
      if (!this.#isClosed) this.#schedule();
    } else {
      this.#hasFailed = true;
      this.#freezing.stop();
      this.#permits.refuse();
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

/** It may go by: there is no room now. */
const isPassing = ({ code }: SkeinError): boolean => code === "disk-full" || code === "log-full";

function described(taken: number): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(1);
  writer.count(taken);
  return writer.finish();
}
