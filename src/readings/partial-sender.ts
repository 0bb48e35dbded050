// The device's side of counting (PROTOCOLS, "Counting each reading once", device rules 3–5): folds what is taken and not yet
// counted, and sends it until the log shows that it is.
//
// It sends when a window of it ended, when the term changed, and again, from `counted` anew, when `counted` has not moved for a
// while. Nothing is kept but what was sent last: after a crash `counted` in the own replica is the whole memory. The jitter is
// the phase of its tick, drawn at the start, so the devices of a site do not all speak at the window's end.

import type { SkeinError } from "../base/errors.ts";
import { type MemberKey, memberOf } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Random } from "../base/ports/random.ts";
import {
  between,
  type Duration,
  type Instant,
  type LogIndex,
  milliseconds,
  minutes,
  type SiteTime,
  seconds,
  shift,
  siteTime,
  type Term,
} from "../base/units.ts";
import { definitionAt, fold, windowStart } from "./fold.ts";
import { stampLead } from "./gatherer.ts";
import { MoveAudit } from "./move-audit.ts";
import { partialBytes } from "./partial-size.ts";
import type { ReadingStore } from "./reading-store.ts";
import type {
  CountMove,
  Definitions,
  DefinitionVersion,
  FrozenOffer,
  FrozenPartial,
  Partial,
  Reading,
} from "./types.ts";

/** What the sender needs of a `ReadingStore`. */
export type SentStore = Pick<
  ReadingStore,
  "taken" | "ready" | "first" | "sendable" | "frozen" | "permit" | "flush" | "read" | "releaseThrough"
>;

export interface PartialSenderPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: SentStore;
  /** `counted` of the own origin in the own applied state; undefined: not a member there (yet). */
  counted(): number | undefined;
  /** Of the own applied state. */
  definitions(): Definitions;
  siteTime(): SiteTime | undefined;
  term(): Term;
  /** To the coordinator. False: there is none, or no way to it. */
  send(partial: Partial): boolean;
  sendFrozen(offer: FrozenOffer): boolean;
}

export interface PartialSenderOptions {
  readonly origin: MemberKey;
  /** The start counter of the data directory. */
  readonly session: number;
  /** The site counted something else under this origin's numbers: a second copy of this device runs. Nothing is sent any more. */
  readonly twoCopies: (move: CountMove) => void;
  /** `counted` lies within readings that this device holds only together: nobody can go on from there. */
  readonly withinFrozen: (counted: number, frozen: FrozenPartial) => void;
  /** Readings that are taken could not be read back. It goes on trying. */
  readonly failed: (failure: SkeinError) => void;
  /** Readings folded at once; `limits.partialReadings` if absent. */
  readonly partialReadings?: number;
}

interface SentRange {
  readonly from: number;
  readonly to: number;
}

const tick = milliseconds(500);
const resendAfter = seconds(5);
const resendAfterMax = minutes(1);
/** Where no aggregation has a sensor of this device, its numbers move all the same. */
const idleWindow = minutes(1);

export class PartialSender {
  readonly #ports: PartialSenderPorts;
  readonly #options: PartialSenderOptions;
  readonly #audit: MoveAudit;
  #timer: Timer | undefined;
  /** Sent and not yet counted, consecutive from `counted`. */
  #outstanding: SentRange[] = [];
  #counted = -1;
  /** When `counted` last moved, or the first of the outstanding was sent. */
  #waitingSince: Instant;
  #resendAfter: Duration = resendAfter;
  #term: Term | undefined;
  #revision: LogIndex | undefined;
  #boundary: SiteTime | undefined;
  /** Lengths of this device's windows in the version in force. */
  #windows: { readonly version: DefinitionVersion | undefined; readonly lengths: readonly Duration[] };
  /** Everything ready up to here is to be sent. */
  #sendThrough = 0;
  #isBusy = false;
  /** Stamps of what comes next are ahead of site time, which fell back: the coordinator would refuse it until then. */
  #notBeforeStamp = siteTime(0);
  /** The rate of a backlog: no partial sooner. */
  #notBefore: Instant;
  /** When `send` last found no coordinator, and in which term. */
  #refusedAt: Instant | undefined;
  #refusedIn: Term | undefined;

  constructor(ports: PartialSenderPorts, options: PartialSenderOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#audit = new MoveAudit(ports, options);
    this.#waitingSince = ports.clock.now();
    this.#notBefore = this.#waitingSince;
    this.#windows = { version: undefined, lengths: [idleWindow] };
  }

  /** Idempotent. */
  start(): void {
    this.#timer ??= this.#schedule(milliseconds(this.#ports.random.fraction() * tick));
  }

  /** Idempotent; nothing is sent afterwards. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** A count was applied that moved this origin: its check is compared with the own readings, before they are released. */
  moved(move: CountMove): void {
    this.#audit.moved(move);
  }

  #schedule(delay: Duration): Timer {
    return this.#ports.clock.after(delay, "partial", () => {
      this.#timer = this.#schedule(tick);
      this.#tick();
    });
  }

  #tick(): void {
    const { store } = this.#ports;
    const counted = this.#ports.counted();
    const now = this.#ports.siteTime();
    // Below what can be read: the own replica is still replaying what it had applied before a restart.
    if (counted === undefined || now === undefined || counted + 1 < store.first || this.#audit.hasFailed) return;
    this.#settle(counted);
    const around = store.frozen.overlapping(counted, counted + 1);
    if (around !== undefined && around.from < counted) {
      this.#options.withinFrozen(counted, around);
      return;
    }
    if (this.#isDue(now)) {
      store.flush(() => {
        this.#sendThrough = store.ready;
        this.#continue();
      });
    }
    this.#continue();
  }

  /** Follows `counted`, and begins anew from there where what is outstanding no longer leads on from it. */
  #settle(counted: number): void {
    const { clock, store } = this.#ports;
    if (counted !== this.#counted) {
      this.#counted = counted;
      this.#waitingSince = clock.now();
      this.#resendAfter = resendAfter;
      this.#outstanding = this.#outstanding.filter(({ to }) => to > counted);
      if (!this.#audit.isReading) store.releaseThrough(counted);
    }
    const term = this.#ports.term();
    const { revision } = this.#ports.definitions();
    const isLate = this.#outstanding.length > 0 && between(this.#waitingSince, clock.now()) >= this.#resendAfter;
    if (isLate) this.#resendAfter = milliseconds(Math.min(2 * this.#resendAfter, resendAfterMax));
    const isOff = (this.#outstanding[0]?.from ?? counted) !== counted;
    if (isLate || isOff || term !== this.#term || revision !== this.#revision) {
      this.#outstanding = [];
      this.#boundary = undefined;
      this.#notBeforeStamp = siteTime(0);
    }
    this.#term = term;
    this.#revision = revision;
  }

  /** Whether a window of this device ended since the last time; the first time it has. */
  #isDue(now: SiteTime): boolean {
    const version = definitionAt(this.#ports.definitions(), now);
    if (version !== this.#windows.version) this.#windows = { version, lengths: this.#lengthsIn(version) };
    const starts = this.#windows.lengths.map((window) => windowStart(now, window));
    const boundary = Math.max(version?.from ?? 0, ...starts);
    const isDue = this.#boundary === undefined || boundary > this.#boundary;
    this.#boundary = siteTime(boundary);
    return isDue;
  }

  #lengthsIn(version: DefinitionVersion | undefined): readonly Duration[] {
    const { device } = memberOf(this.#options.origin);
    const own = (version?.aggregations ?? []).filter(({ sensors }) =>
      [...sensors.values()].some((assignment) => assignment.device === device),
    );
    return own.length === 0 ? [idleWindow] : [...new Set(own.map(({ window }) => window))];
  }

  get #isAhead(): boolean {
    return (this.#ports.siteTime() ?? 0) < this.#notBeforeStamp;
  }

  get #sentTo(): number {
    return this.#outstanding.at(-1)?.to ?? this.#counted;
  }

  #continue(): void {
    const { clock, store } = this.#ports;
    const from = this.#sentTo;
    const isFull = this.#outstanding.length >= limits.partialsOutstanding;
    if (this.#isBusy || this.#timer === undefined || isFull) return;
    if (from >= this.#sendThrough || clock.now() < this.#notBefore || this.#hasNoCoordinator()) return;
    if (this.#isAhead) return;
    this.#isBusy = true;
    const frozen = store.frozen.from(from);
    if (frozen?.from === from) this.#continueFrozen(frozen);
    else this.#continueReadings(from);
  }

  #continueReadings(from: number): void {
    const { store } = this.#ports;
    store.read(from, this.#options.partialReadings ?? limits.partialReadings, (failure, readings) => {
      this.#isBusy = false;
      if (failure !== undefined) this.#options.failed(failure);
      // Meanwhile everything may have begun anew. What does not follow `from` has earlier readings that are gone.
      if (failure !== undefined || !this.#isStill(from) || readings[0]?.number !== from + 1) return;
      const partial = this.#partialOf(from, readings);
      // Or some of them were frozen while they were read.
      if (partial === undefined || store.frozen.overlapping(from, partial.to) !== undefined) return;
      this.#send(partial, () => this.#ports.send(partial));
    });
  }

  /** Alone: the coordinator takes it only from `counted`, and it says more than many partials. */
  #continueFrozen(frozen: FrozenPartial): void {
    this.#isBusy = false;
    if (this.#outstanding.length > 0) return;
    const { origin, session } = this.#options;
    const { slot: _, ...sent } = frozen;
    const offer = { origin, session, stored: this.#ports.store.taken, frozen: sent };
    this.#send(frozen, () => this.#ports.sendFrozen(offer));
  }

  #isStill(from: number): boolean {
    return from === this.#sentTo && this.#timer !== undefined;
  }

  /** Nothing is folded in vain more often than things are sent again; a new term is tried at once. */
  #hasNoCoordinator(): boolean {
    if (this.#refusedAt === undefined || this.#refusedIn !== this.#term) return false;
    return between(this.#refusedAt, this.#ports.clock.now()) < resendAfter;
  }

  /** Once the card says that it may have been sent. */
  #send(range: Partial | FrozenPartial, send: () => boolean): void {
    const { store } = this.#ports;
    this.#notBeforeStamp = siteTime(range.stampMax - stampLead);
    if (this.#isAhead) return;
    if (range.to <= store.sendable) {
      if (this.#sendNow(range, send)) this.#continue();
      return;
    }
    this.#isBusy = true;
    store.permit(range.to, (isPermitted) => {
      this.#isBusy = false;
      if (isPermitted && this.#isStill(range.from) && this.#sendNow(range, send)) this.#continue();
    });
  }

  /** False: nothing more for now. */
  #sendNow(range: Partial | FrozenPartial, send: () => boolean): boolean {
    const { clock } = this.#ports;
    if (!send()) {
      this.#refusedIn = this.#term;
      this.#refusedAt = clock.now();
      return false;
    }
    if (this.#outstanding.length === 0) this.#waitingSince = clock.now();
    this.#outstanding.push({ from: range.from, to: range.to });
    if ("revision" in range) this.#audit.sent(range);
    const pause = milliseconds((partialBytes(range) / limits.partialBytesPerSecond) * 1000);
    this.#notBefore = shift(clock.now(), pause);
    return true;
  }

  /** Of as many of the readings as fit; undefined where there is none. */
  #partialOf(from: number, readings: readonly Reading[]): Partial | undefined {
    const { origin, session } = this.#options;
    const { device } = memberOf(origin);
    const definitions = this.#ports.definitions();
    const { revision } = definitions;
    for (let count = readings.length; count > 0; count = Math.floor(count / 2)) {
      const { stampMax, check, parts } = fold(readings.slice(0, count), definitions, device);
      const to = readings[count - 1]?.number ?? from;
      const partial = { origin, session, from, to, stored: this.#ports.store.taken, revision, stampMax, parts, check };
      if (partialBytes(partial) <= limits.partialBytes || count === 1) return partial;
    }
    return undefined;
  }
}
