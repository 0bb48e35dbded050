// Appends that wait for their batch. A refused one stands in line with a failure, so that answers keep the order of appending.

import type { SkeinError } from "../../base/errors.ts";

export interface Waiting {
  readonly payload: Uint8Array;
  readonly done: (failure?: SkeinError) => void;
  readonly refusal: SkeinError | undefined;
}

export class AppendQueue {
  #waiting: Waiting[] = [];
  /** Of the payloads that wait. */
  bytes = 0;

  get length(): number {
    return this.#waiting.length;
  }

  push(item: Waiting): void {
    this.#waiting.push(item);
    this.bytes += item.payload.length;
  }

  /**
   * The first ones, each with a head of `headBytes`: as many as `batchBytes` hold, and at least one if `roomBytes` hold it.
   * Empty when the first does not fit.
   */
  take(bounds: { roomBytes: number; batchBytes: number; headBytes: number }): Waiting[] {
    let [count, bytes] = [0, 0];
    for (const { payload, refusal } of this.#waiting) {
      if (refusal === undefined) {
        const most = bytes === 0 ? bounds.roomBytes : Math.min(bounds.roomBytes, bounds.batchBytes);
        bytes += bounds.headBytes + payload.length;
        if (bytes > most) break;
      }
      count += 1;
    }
    if (count === this.#waiting.length) return this.takeAll();
    const taken = this.#waiting.splice(0, count);
    for (const item of taken) this.bytes -= item.payload.length;
    return taken;
  }

  takeAll(): Waiting[] {
    const taken = this.#waiting;
    this.#waiting = [];
    this.bytes = 0;
    return taken;
  }
}
