// Folds the oldest uncounted readings of a full store into frozen partials (docs/decisions/0008), a step at a time, so that millions
// of them never hold the loop. Nothing is written here: the store writes what comes out, all of it or nothing.

import { SkeinError } from "../base/errors.ts";
import type { DeviceId } from "../base/ids.ts";
import { milliseconds, siteTime } from "../base/units.ts";
import { fold, windowEnd } from "./fold.ts";
import { chainedCheck, frozenBytes, mergeFrozen, withinBound } from "./frozen-merging.ts";
import type { ReadingsSizes } from "./readings-sizes.ts";
import type { Definitions, FrozenPartial, Reading } from "./types.ts";

export interface FreezePlan {
  /** Readings from here on, and frozen partials that begin here or behind, were never sent, and are not counted. */
  readonly settled: number;
  /** Behind what is settled, and behind what is frozen already: here the next frozen partial begins. */
  readonly start: number;
  /** The last number to be frozen. */
  readonly through: number;
  /** What is frozen already. */
  readonly before: readonly FrozenPartial[];
  readonly definitions: Definitions;
  readonly device: DeviceId;
}

export interface Frozen {
  /** Everything that is frozen from now on, ascending. */
  readonly all: readonly FrozenPartial[];
  /** Readings that remain in front of it and between, with their stamps. */
  readonly carried: readonly Reading[];
  readonly through: number;
  readonly readings: number;
  /** Of the definitions that it was folded under. */
  readonly revision: number;
}

/** Ready readings numbered above `from`, in order. */
type Read = (
  from: number,
  maxCount: number,
  done: (failure: SkeinError | undefined, readings: readonly Reading[]) => void,
) => void;

const noSlot = milliseconds(0);

export class Freezer {
  readonly #plan: FreezePlan;
  readonly #sizes: ReadingsSizes;
  readonly #read: Read;
  readonly #done: (failure: SkeinError | undefined, frozen: Frozen | undefined) => void;
  readonly #carried: Reading[] = [];
  #all: readonly FrozenPartial[];
  #growing: FrozenPartial | undefined;
  #isStopped = false;

  /** `done` once, later, unless stopped: without anything where nothing could be frozen. */
  constructor(
    plan: FreezePlan,
    sizes: ReadingsSizes,
    read: Read,
    done: (failure: SkeinError | undefined, frozen: Frozen | undefined) => void,
  ) {
    this.#plan = plan;
    this.#sizes = sizes;
    this.#read = read;
    this.#done = done;
    this.#all = plan.before;
  }

  /** `counted`: what is not counted, and not frozen, is carried on. */
  begin(counted: number): void {
    this.#carry(counted);
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Up to where the next frozen partial begins. */
  #carry(from: number): void {
    const frozen = this.#all.find((each) => each.to > from);
    if (frozen !== undefined && frozen.from <= from) {
      this.#carry(frozen.to);
      return;
    }
    const { start } = this.#plan;
    const until = Math.min(frozen?.from ?? start, start);
    if (from >= until) {
      this.#freeze(from);
      return;
    }
    this.#next(from, until, (readings) => {
      this.#carried.push(...readings);
      this.#carry(readings.at(-1)?.number ?? until);
    });
  }

  #freeze(from: number): void {
    const { through } = this.#plan;
    if (from >= through) {
      this.#finish();
      return;
    }
    this.#next(from, through, (readings) => {
      const last = readings.at(-1);
      if (last === undefined || !this.#add(from, readings)) this.#finish();
      else this.#freeze(last.number);
    });
  }

  /** False: there is no room for more frozen partials. */
  #add(from: number, readings: readonly Reading[]): boolean {
    const one = this.#foldOf(from, readings);
    if (frozenBytes(one) > this.#sizes.frozenBytes && readings.length > 1) {
      const half = readings.length >> 1;
      const middle = readings[half - 1]?.number ?? from;
      return this.#add(from, readings.slice(0, half)) && this.#add(middle, readings.slice(half));
    }
    const longer = this.#growing === undefined ? one : mergeFrozen(this.#growing, one, noSlot);
    if (frozenBytes(longer) <= this.#sizes.frozenBytes) {
      this.#growing = longer;
      return true;
    }
    if (!this.#keepGrowing()) return false;
    this.#growing = one;
    return true;
  }

  #keepGrowing(): boolean {
    if (this.#growing === undefined) return true;
    const bounded = withinBound([...this.#all, this.#growing], this.#plan.settled, this.#sizes);
    this.#growing = undefined;
    if (bounded !== undefined) this.#all = bounded;
    return bounded !== undefined;
  }

  #foldOf(from: number, readings: readonly Reading[]): FrozenPartial {
    const { definitions, device } = this.#plan;
    const { stampMax, check, parts } = fold(readings, definitions, device);
    return {
      from,
      to: readings.at(-1)?.number ?? from,
      stampMax,
      check: chainedCheck(0, check),
      slot: noSlot,
      parts: parts.map((part) => ({ ...part, end: windowEnd(definitions, part.key) ?? siteTime(part.key.start + 1) })),
    };
  }

  #finish(): void {
    this.#keepGrowing();
    const through = this.#all.at(-1)?.to ?? 0;
    const all = this.#all;
    const { start, definitions } = this.#plan;
    const frozen = { all, carried: this.#carried, through, readings: through - start, revision: definitions.revision };
    this.#done(undefined, through > start ? frozen : undefined);
  }

  #next(from: number, until: number, then: (readings: readonly Reading[]) => void): void {
    this.#read(from, this.#sizes.partialReadings, (failure, found) => {
      if (this.#isStopped) return;
      const readings = found.filter(({ number }) => number <= until);
      const isWhole = failure === undefined && readings[0]?.number === from + 1;
      if (isWhole) then(readings);
      else this.#done(failure ?? holeAt(from), undefined);
    });
  }
}

const holeAt = (from: number): SkeinError =>
  new SkeinError("log-damaged", `The readings log has no number ${from + 1}, though it has later ones`);
