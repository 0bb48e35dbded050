// What each card holds of readings, written down when their syncs returned: number, stamp, value. The checkers of counting
// compare the site with these, so they are kept apart from everything that the agents keep (PROTOCOLS, "Counting each reading
// once", on the device).

import { type MemberKey, memberOf, type SensorId } from "../../../src/base/ids.ts";
import {
  decodePayload,
  type ReadingsPayload,
  type StampsPayload,
  type StoredPayload,
  type TimedReading,
} from "../../../src/readings/reading-codec.ts";
import { readingsLogName } from "../../../src/readings/reading-store.ts";
import { type FrozenPartial, quality } from "../../../src/readings/types.ts";
import { type SyncedRecord, Violation, type WatchedLife } from "../checker.ts";
import { type Amount, addAmounts, nothing, type WindowDelta } from "./amounts.ts";
import { type ExpectedVersion, KeyFinder, keyName } from "./expected-definitions.ts";
import { FrozenBook } from "./frozen-book.ts";

/** One payload of a readings log. */
interface Run {
  readonly first: number;
  readonly last: number;
  readonly readings: readonly TimedReading[];
  /** Undefined: the times are stamps. Else they are elapsed times of this session. */
  readonly session: number | undefined;
  /** What makes elapsed times stamps, once a record has said it. */
  readonly given: Pick<StampsPayload, "offset" | "earliest" | "isGuessed"> | undefined;
}

export interface TakenReading {
  readonly number: number;
  readonly sensor: SensorId;
  /** Undefined while no record has given it. */
  readonly stamp: number | undefined;
  readonly value: number;
  readonly quality: number;
}

/** Counted readings that are kept all the same, in case the site goes on from an older log. */
const keptReadings = 5_000;

/** The readings of one log of one card, from its first record until it is wiped or set aside. */
export class ReadingSequence {
  readonly card: string;
  /** The last number synced. */
  last = 0;
  /** The last of them that had a value: a silent sensor's instants are numbered too. */
  lastValue = 0;
  /** Of the last record. */
  position = 0;
  /** Why what of it is not counted may never be: its card is lost, a record of it rotted, or it was copied, and both went on. */
  excuse: "lost" | "rotted" | "copied" | undefined;
  /** Ascending. */
  #runs: Run[] = [];
  /** Of those who live there no more. */
  readonly #lastValueOf = new Map<MemberKey, number>();
  frozen = new FrozenBook();
  /** Those whose `freeze` has not come. */
  freezing: FrozenPartial[] = [];

  constructor(card: string) {
    this.card = card;
  }

  copy(card: string): ReadingSequence {
    const copy = new ReadingSequence(card);
    copy.last = this.last;
    copy.lastValue = this.lastValue;
    copy.position = this.position;
    copy.#runs = [...this.#runs];
    copy.excuse = "copied";
    this.excuse ??= "copied";
    copy.frozen = this.frozen.copy();
    return copy;
  }

  /** Another origin lives on the card from now on. */
  followed(origin: MemberKey): void {
    if (!this.#lastValueOf.has(origin)) this.#lastValueOf.set(origin, this.lastValue);
  }

  /** The last number with a value that was taken while `origin`, one of those who lived there, did. */
  lastValueOf(origin: MemberKey): number {
    return this.#lastValueOf.get(origin) ?? this.lastValue;
  }

  take({ first, unstampedIn: session, readings }: ReadingsPayload): void {
    this.last = first + readings.length - 1;
    const value = readings.findLastIndex((reading) => (reading.quality & quality.missing) === 0);
    if (value !== -1) this.lastValue = first + value;
    this.#runs.push({ first, last: this.last, readings, session, given: undefined });
  }

  /** The first record that speaks of a reading fixes its stamp. */
  stamp({ session, through, offset, earliest, isGuessed }: StampsPayload): void {
    this.#runs = this.#runs.map((run) => {
      if (run.session !== session || run.given !== undefined || run.last > through) return run;
      return { ...run, given: { offset, earliest, isGuessed } };
    });
  }

  /** Those numbered above `from`, up to and including `to`, as far as they were taken. */
  *between(from: number, to: number): Generator<TakenReading> {
    for (let place = this.#placeAfter(from); place < this.#runs.length; place++) {
      const run = this.#runs[place];
      if (run === undefined || run.first > to) return;
      const { first, readings, session, given } = run;
      for (let i = Math.max(0, from + 1 - first); i < readings.length && first + i <= to; i++) {
        const { sensor, time, value, quality: flags } = readings[i] as TimedReading;
        const stamp = session === undefined ? time : stampOf(given, time);
        const guessed = given?.isGuessed === true ? quality.timeGuessed : 0;
        yield { number: first + i, sensor, stamp, value, quality: flags | guessed };
      }
    }
  }

  /** Those up to `number` are counted: all but the newest of them are forgotten. */
  release(number: number): void {
    const place = this.#placeAfter(number - keptReadings);
    if (place > this.#runs.length / 2) this.#runs = this.#runs.slice(place);
  }

  #placeAfter(from: number): number {
    let [low, high] = [0, this.#runs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#runs[middle]?.last ?? 0) > from) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** What readings add to windows. */
export function windowsOf(readings: Iterable<TakenReading>, finder: KeyFinder): WindowDelta[] {
  const deltas = new Map<string, WindowDelta>();
  for (const { sensor, stamp, value, quality: flags } of readings) {
    const isMissing = (flags & quality.missing) !== 0;
    const one = isMissing ? oneMissing : { count: 1, sum: value, min: value, max: value, missing: 0 };
    for (const key of stamp === undefined ? [] : finder.keysOf(sensor, stamp)) {
      const name = keyName(key);
      deltas.set(name, { key, amount: addAmounts(deltas.get(name)?.amount ?? nothing, one) });
    }
  }
  return [...deltas.values()];
}

const oneMissing: Amount = { ...nothing, missing: 1 };

const stampOf = (given: Run["given"], elapsed: number): number | undefined =>
  given && Math.max(elapsed + given.offset, given.earliest);

/** The record that was told last. */
export interface TakenRecord {
  readonly sequence: ReadingSequence;
  /** The last number synced before it. */
  readonly lastBefore: number;
  readonly payload: ReadingsPayload | StampsPayload;
}

export class ReadingSequences {
  readonly #onCard = new Map<string, ReadingSequence>();
  /** Of each origin, oldest first: two where two machines say that they are it. */
  readonly #ofOrigin = new Map<MemberKey, ReadingSequence[]>();
  readonly #originOnCard = new Map<string, MemberKey>();
  newest: TakenRecord | undefined;
  /** How often anything was frozen. */
  freezes = 0;
  /** What the site defined with the entry of this index. */
  readonly #versionsAt: (revision: number) => readonly ExpectedVersion[] | undefined;

  constructor(versionsAt: (revision: number) => readonly ExpectedVersion[] | undefined) {
    this.#versionsAt = versionsAt;
  }

  lifeBegan({ card, self }: Pick<WatchedLife, "card" | "self">): void {
    const before = this.#originOnCard.get(card);
    if (before !== undefined && before !== self) {
      this.onCard(card).followed(before);
      // The first record of the next log may come much later.
      if (this.onCard(card).excuse === "rotted") this.#onCard.delete(card);
    }
    this.#originOnCard.set(card, self);
    this.#belong(self, this.onCard(card));
  }

  /** Found by opening the log: news only where its sync had not returned before the power was cut. */
  recovered(record: SyncedRecord): void {
    this.newest = undefined;
    if (record.position > this.onCard(record.card).position) this.synced(record);
  }

  synced({ card, log, position, payload: bytes }: SyncedRecord): void {
    this.newest = undefined;
    if (log !== readingsLogName) return;
    const payload = decodePayload(bytes);
    if (payload === undefined) throw new Violation("readings-immutable", `${card}: a synced payload cannot be read`);
    let sequence = this.onCard(card);
    // A log that was set aside begins anew.
    if (position <= sequence.position) sequence = this.#beginAnew(card);
    sequence.position = position;
    this.#take(sequence, payload);
  }

  #take(sequence: ReadingSequence, payload: StoredPayload): void {
    const isOfFreeze = payload.kind === "frozen" || payload.kind === "carried" || payload.kind === "freeze";
    if (!isOfFreeze) sequence.freezing = [];
    switch (payload.kind) {
      case "readings":
        this.newest = { sequence, lastBefore: sequence.last, payload };
        sequence.take(payload);
        return;
      case "stamps":
        this.newest = { sequence, lastBefore: sequence.last, payload };
        sequence.stamp(payload);
        return;
      case "frozen":
        sequence.freezing.push(payload.frozen);
        return;
      case "freeze":
        this.#freeze(sequence, payload.marks.revision);
        return;
      case "carried":
      case "sendable":
        return;
    }
  }

  #freeze(sequence: ReadingSequence, revision: number): void {
    const { card, freezing } = sequence;
    sequence.freezing = [];
    const device = memberOf(this.originOn(card) ?? ("@" as MemberKey)).device;
    const finder = new KeyFinder(this.#versionsAt(revision) ?? [], device);
    const wrong = sequence.frozen.freeze(freezing, (from, to) => windowsOf(sequence.between(from, to), finder));
    if (wrong !== undefined) throw new Violation("readings-immutable", `on ${card}, ${wrong}`);
    this.freezes += 1;
  }

  copied(card: string, copy: string): void {
    this.#onCard.set(copy, this.onCard(card).copy(copy));
  }

  /** A record of its readings: its device cannot open the log any more. */
  rotted(card: string): void {
    this.onCard(card).excuse = "rotted";
  }

  lost(card: string): void {
    this.onCard(card).excuse = "lost";
    this.#onCard.delete(card);
    this.#originOnCard.delete(card);
  }

  onCard(card: string): ReadingSequence {
    let sequence = this.#onCard.get(card);
    if (sequence === undefined) {
      sequence = new ReadingSequence(card);
      this.#onCard.set(card, sequence);
    }
    return sequence;
  }

  /** Who lives on the card now, or lived there last. */
  originOn(card: string): MemberKey | undefined {
    return this.#originOnCard.get(card);
  }

  of(origin: MemberKey): readonly ReadingSequence[] {
    return this.#ofOrigin.get(origin) ?? [];
  }

  /** The last number that `origin` has taken; undefined: nobody ever saw it live. */
  last(origin: MemberKey): number | undefined {
    const sequences = this.of(origin);
    return sequences.length === 0 ? undefined : Math.max(...sequences.map(({ last }) => last));
  }

  /** The last number that had a value. */
  lastValue(origin: MemberKey): number {
    return Math.max(0, ...this.of(origin).map(({ lastValue }) => lastValue));
  }

  #beginAnew(card: string): ReadingSequence {
    this.#onCard.delete(card);
    const sequence = this.onCard(card);
    const origin = this.#originOnCard.get(card);
    if (origin !== undefined) {
      this.#ofOrigin.set(
        origin,
        this.of(origin).filter((each) => each.card !== card),
      );
      this.#belong(origin, sequence);
    }
    return sequence;
  }

  #belong(origin: MemberKey, sequence: ReadingSequence): void {
    const sequences = this.#ofOrigin.get(origin) ?? [];
    if (!sequences.includes(sequence)) this.#ofOrigin.set(origin, [...sequences, sequence]);
  }
}
