// A device's readings, abstract: pending in memory, durable on a card that outlives the process. Stands for `ReadingStore` in
// most schedules (another test runs them over the real one), because here two of its rules can be removed.

import type { VirtualClock } from "../../../firmware-sim/virtual-clock.ts";
import type { DeviceId, SensorId } from "../../../src/base/ids.ts";
import type { Random } from "../../../src/base/ports/random.ts";
import { milliseconds, type SiteTime } from "../../../src/base/units.ts";
import type { SentStore } from "../../../src/readings/partial-sender.ts";
import type { Definitions, Reading } from "../../../src/readings/types.ts";
import type { Rule } from "./rules.ts";

/** What the model's device asks of its store. */
export interface DeviceStore extends SentStore {
  add(sensor: SensorId, value: number, quality: number, stamp: SiteTime | undefined): boolean;
  admit(counted: number): void;
}

/** What survives the process. */
export interface Medium {
  /** The last number ever synced on it. */
  readonly last: number;
  copy(): Medium;
}

export interface StorePlan {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly card: Medium;
  readonly isHeld: boolean;
  readonly session: number;
  readonly device: DeviceId;
  /** Of the own applied state, for a store that freezes. */
  counted(): number | undefined;
  definitions(): Definitions;
  /** These are synced. */
  taken(readings: readonly Reading[]): void;
}

export interface OpenedStore {
  readonly store: DeviceStore;
  readonly powerCut: () => void;
}

export class Card implements Medium {
  readings: Reading[] = [];
  last = 0;

  copy(): Card {
    const copy = new Card();
    copy.readings = [...this.readings];
    copy.last = this.last;
    return copy;
  }
}

export interface ModelStoreOptions extends StorePlan {
  readonly card: Card;
  readonly broken: ReadonlySet<Rule>;
}

export class ModelStore implements DeviceStore {
  readonly #options: ModelStoreOptions;
  #pending: Reading[] = [];
  #writing: Reading[] = [];
  /** Without `number-at-writing`: the next sample's. */
  #next: number;
  /** Numbers up to here were counted before this incarnation was admitted. */
  #skipped = 0;
  #isHeld: boolean;
  #waiters: (() => void)[] = [];

  constructor(options: ModelStoreOptions) {
    this.#options = options;
    this.#next = options.card.last + 1;
    this.#isHeld = options.isHeld;
  }

  get taken(): number {
    const { broken, card } = this.#options;
    return broken.has("synced-only") ? card.last + this.#pending.length + this.#writing.length : card.last;
  }

  get ready(): number {
    return this.taken;
  }

  /** Nothing is ever frozen. */
  get sendable(): number {
    return Number.POSITIVE_INFINITY;
  }

  get frozen(): DeviceStore["frozen"] {
    return { from: () => undefined, overlapping: () => undefined };
  }

  permit(_to: number, done: (isPermitted: boolean) => void): void {
    this.#options.clock.soon(() => done(true));
  }

  get first(): number {
    return this.#options.card.readings[0]?.number ?? this.taken + 1;
  }

  add(sensor: SensorId, value: number, quality: number, stamp: SiteTime | undefined): boolean {
    if (stamp === undefined) return false;
    // Without the rule, the number is the sampler's; with it, this one is only a place to stand in.
    const number = this.#options.broken.has("number-at-writing") ? this.#next++ : 0;
    this.#pending.push({ number, sensor, stamp, value, quality });
    return true;
  }

  admit(counted: number): void {
    this.#skipped = counted;
    this.#next = Math.max(this.#next, counted + 1);
    this.#isHeld = false;
  }

  flush(done?: () => void): void {
    const { clock, broken } = this.#options;
    // Without the rule, who folds does not wait for the card.
    if (done !== undefined && (this.#isHeld || broken.has("synced-only"))) clock.soon(done);
    else this.#waiters.push(done ?? (() => {}));
    if (this.#isHeld || (done !== undefined && broken.has("synced-only"))) return;
    if (this.#writing.length === 0) this.#write();
  }

  /** What was being written when the power went may be on the card all the same. */
  powerCut(): void {
    const { random } = this.#options;
    if (this.#writing.length > 0 && random.below(2) === 0) this.#persist();
  }

  read(from: number, maxCount: number, done: (failure: undefined, readings: readonly Reading[]) => void): void {
    const { clock, card, broken } = this.#options;
    clock.soon(() => {
      const unsynced = broken.has("synced-only") ? this.#numbered([...this.#writing, ...this.#pending]) : [];
      const found = [...card.readings, ...unsynced].filter(({ number }) => number > from && number <= this.ready);
      done(undefined, found.slice(0, maxCount));
    });
  }

  releaseThrough(number: number): void {
    const { card } = this.#options;
    card.readings = card.readings.filter((reading) => reading.number > number);
  }

  #write(): void {
    const { clock, random, broken } = this.#options;
    const waiters = this.#waiters;
    this.#waiters = [];
    // Two drivers that write on their own finish in any order.
    const isChosen = ({ sensor }: Reading): boolean =>
      !broken.has("number-at-writing") || sensor.endsWith("0") === isFirst;
    const isFirst = random.below(2) === 0;
    this.#writing = this.#numbered(this.#pending.filter(isChosen));
    this.#pending = this.#pending.filter((reading) => !isChosen(reading));
    clock.after(milliseconds(5 + random.below(60)), "sync", () => {
      this.#persist();
      for (const waiter of waiters) waiter();
      if (this.#waiters.length > 0) this.#write();
    });
  }

  #numbered(readings: readonly Reading[]): Reading[] {
    if (this.#options.broken.has("number-at-writing")) return [...readings];
    const before = Math.max(this.#options.card.last, this.#skipped);
    return readings.map((reading, place) => ({ ...reading, number: before + 1 + place }));
  }

  #persist(): void {
    const { card } = this.#options;
    const written = this.#writing;
    this.#writing = [];
    card.readings = [...card.readings, ...written].sort((a, b) => a.number - b.number);
    card.last = Math.max(card.last, ...written.map(({ number }) => number));
    this.#options.taken(written);
  }
}
