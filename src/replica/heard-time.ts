// A follower's site time: what it hears of the coordinator's, against its own monotonic clock.
//
// A heartbeat says the coordinator's time as it left, so `said − local` is too small by its way. The largest of the recent ones
// had the shortest way; what is left of it is measured by a round trip now and then, whose error is at most half of what it
// took (Cristian, "Probabilistic clock synchronization", 1989). The shortest one of a term counts.

import { between, type Duration, type Instant, milliseconds, type SiteTime, seconds } from "../base/units.ts";

/** Heartbeats whose offsets are remembered: 8 s of them. */
const rememberedOffsets = 32;
/** A longer one says less about the way than nothing does. */
const roundTripMax = seconds(1);

export interface RoundTrip {
  /** On the own clock. */
  readonly asked: Instant;
  readonly answered: Instant;
  /** The coordinator's, when it answered. */
  readonly time: SiteTime;
}

export class HeardTime {
  /** `site − local`, newest last. */
  #offsets: number[] = [];
  /** Of `#offsets`; asked for with every event, and they change with every append only. */
  #largest: number | undefined;
  #shortest: Duration = roundTripMax;
  /** How long the shortest way of a heartbeat takes. */
  #way = milliseconds(0);

  /** `site − local`; undefined: nothing was heard in this life. */
  get offset(): number | undefined {
    return this.#largest === undefined ? undefined : this.#largest + this.#way;
  }

  heard(now: Instant, time: SiteTime): void {
    this.reached(time - now);
  }

  /** Site time is at least this far from the own clock now. */
  reached(offset: number): void {
    this.#offsets.push(offset);
    if (this.#offsets.length > rememberedOffsets) this.#offsets.shift();
    this.#largest = Math.max(...this.#offsets);
  }

  /** Counts if no shorter one was made in this term, and something was heard that it can be compared with. */
  measured({ asked, answered, time }: RoundTrip): void {
    const took = between(asked, answered);
    if (this.#largest === undefined || took < 0 || took >= this.#shortest) return;
    this.#shortest = took;
    const offset = time - asked - took / 2;
    this.#way = milliseconds(Math.min(took / 2, Math.max(0, offset - this.#largest)));
  }

  /** Another coordinator's clock counts from now on; until it is heard, time goes on as it did. */
  beginTerm(): void {
    this.#shortest = roundTripMax;
    this.#begin(this.offset);
  }

  /** This device has led: what its own clock showed goes on. */
  goOn(offset: number): void {
    this.#shortest = roundTripMax;
    this.#begin(offset);
  }

  #begin(offset: number | undefined): void {
    this.#offsets = offset === undefined ? [] : [offset];
    this.#largest = offset;
    this.#way = milliseconds(0);
  }
}
