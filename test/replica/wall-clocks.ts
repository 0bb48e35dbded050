// A device's clocks as they are on real boards: a crystal that is off by some ppm, and a wall clock that may be anything.

import { VirtualClock, type VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import type { Clock, Timer, WallClock } from "../../src/base/ports/clock.ts";
import { type Duration, type Instant, instant, milliseconds } from "../../src/base/units.ts";

export class CrystalClock implements Clock {
  readonly #time: VirtualTime;
  readonly #timers: VirtualClock;
  readonly #rate: number;
  readonly #origin: number;
  /** True time (ms since 1970) at the start of virtual time. */
  readonly epoch: number;
  /** How far the wall clock is ahead of true time. */
  wallError = 0;
  synchronized = false;

  constructor(time: VirtualTime, epoch: number, options: { readonly ppm?: number; readonly origin?: number } = {}) {
    this.#time = time;
    this.#timers = new VirtualClock(time);
    this.#rate = 1 + (options.ppm ?? 0) / 1e6;
    this.#origin = options.origin ?? 0;
    this.epoch = epoch;
  }

  now(): Instant {
    return instant(this.#origin + this.#time.now * this.#rate);
  }

  wall(): WallClock {
    return { time: Math.max(0, this.epoch + this.#time.now + this.wallError), synchronized: this.synchronized };
  }

  after(delay: Duration, name: string, task: () => void): Timer {
    return this.#timers.after(milliseconds(delay / this.#rate), name, task);
  }

  soon(task: () => void): void {
    this.#timers.soon(task);
  }
}
