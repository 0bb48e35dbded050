// For how many days of being offline the outbox has room, at the rate at which items have come lately: until older windows that
// wait must become coarser.

import { limits } from "../base/limits.ts";
import { between, type Duration, hours, type Instant, minutes } from "../base/units.ts";

interface Sample {
  readonly at: Instant;
  readonly next: number;
}

export interface WaitingItems {
  /** How many. */
  readonly count: number;
  readonly next: number;
  readonly bytes: number;
}

/** One sample a minute over the last hour. */
const sampleInterval = minutes(1);
const span = hours(1);
/** Before, a rate would be a guess. */
const observedMin: Duration = minutes(1);
const dayMs = hours(24);

export class RoomEstimate {
  #samples: Sample[] = [];
  #itemBytes = 0;

  /** An item of this size went by: sizes are averaged with an exponential window of about 64 items. */
  sawItem(bytes: number): void {
    this.#itemBytes = this.#itemBytes === 0 ? bytes : this.#itemBytes + (bytes - this.#itemBytes) / 64;
  }

  /** The outbox's next number, now. */
  sample(now: Instant, next: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && between(last.at, now) < sampleInterval) return;
    this.#samples = [...this.#samples.filter(({ at }) => between(at, now) <= span), { at: now, next }];
  }

  /** Undefined while nothing is known of the rate, or nothing comes. Where none has gone by, those that wait show their size. */
  days(now: Instant, { count, next, bytes }: WaitingItems): number | undefined {
    const oldest = this.#samples[0];
    if (oldest === undefined || between(oldest.at, now) < observedMin) return undefined;
    const itemBytes = this.#itemBytes > 0 ? this.#itemBytes : bytes / Math.max(1, count);
    const bytesPerMs = ((next - oldest.next) * itemBytes) / between(oldest.at, now);
    if (bytesPerMs <= 0) return undefined;
    return Math.max(0, limits.outboxHighBytes - bytes) / (bytesPerMs * dayMs);
  }
}
