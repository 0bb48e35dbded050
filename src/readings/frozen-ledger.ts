// The frozen partials of a readings log, as its payloads say it: all of them are written anew, with the readings that must be carried
// on, at each freeze; and the payload that ends them makes them hold. What a power cut leaves of them without it holds nothing.

import type { LogPosition } from "../base/ports/log-file.ts";
import type { CarriedPayload, FreezePayload, FrozenPayload } from "./reading-codec.ts";
import type { FrozenPartial } from "./types.ts";

/** Where readings lie. */
export interface PayloadPlace {
  readonly position: LogPosition;
  readonly first: number;
  readonly last: number;
}

interface Waiting {
  readonly position: LogPosition;
  readonly payload: CarriedPayload | FrozenPayload;
}

export class FrozenLedger {
  #all: readonly FrozenPartial[] = [];
  #waiting: Waiting[] = [];
  #position: LogPosition | undefined;

  /** Ascending, without what is counted. */
  get all(): readonly FrozenPartial[] {
    return this.#all;
  }

  /** Of the first payload that is needed for them; undefined: there are none. */
  get position(): LogPosition | undefined {
    return this.#all.length === 0 ? undefined : this.#position;
  }

  waits(position: LogPosition, payload: CarriedPayload | FrozenPayload): void {
    this.#waiting.push({ position, payload });
  }

  /** Another payload came: the power was cut, or the disk was full, in the midst of them. */
  interrupted(): void {
    this.#waiting = [];
  }

  /**
   * The payload that ends them: answers where the readings are that were carried on. Undefined: its beginning has left the log
   * already, so nothing of it is needed any more.
   */
  freeze(position: LogPosition, { payloads }: FreezePayload): readonly PayloadPlace[] | undefined {
    // In front of them may lie the beginning of a freeze that a full disk or a power cut ended.
    const waiting = payloads > this.#waiting.length ? undefined : this.#waiting.slice(this.#waiting.length - payloads);
    this.#waiting = [];
    if (waiting === undefined) return undefined;
    this.#position = waiting[0]?.position ?? position;
    this.#all = waiting.flatMap(({ payload }) => (payload.kind === "frozen" ? [payload.frozen] : []));
    return waiting.flatMap(({ position: at, payload }) => {
      if (payload.kind === "frozen") return [];
      return [{ position: at, first: payload.first, last: payload.first + payload.readings.length - 1 }];
    });
  }

  /** Those up to `number` are counted. True: there are fewer now. */
  release(number: number): boolean {
    const kept = this.#all.filter(({ to }) => to > number);
    const isFewer = kept.length < this.#all.length;
    this.#all = kept;
    return isFewer;
  }

  /** The oldest one that begins at `from` or behind it. */
  from(from: number): FrozenPartial | undefined {
    return this.#all.find((each) => each.from >= from);
  }

  /** One that holds any number of the range. */
  overlapping(from: number, to: number): FrozenPartial | undefined {
    return this.#all.find((each) => each.from < to && each.to > from);
  }
}
