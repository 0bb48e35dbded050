// A source that must be asked, as a driver that tells: one question at each sampling instant, and each instant answered once,
// by a reading or by a fault.
//
// Sampling instants lie on a grid of the monotonic clock, each sensor's shifted by a phase from its name: 200 sensors of one
// device do not fire in one tick, and the same sensor does not wander between restarts of the configuration. A question that
// has no answer by the next instant is a fault, its late answer is dropped (it would count that instant twice), and nothing is
// asked meanwhile: one question at a time.

import { SkeinError } from "../base/errors.ts";
import { crc32 } from "../base/hash.ts";
import type { SensorId } from "../base/ids.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Driver, DriverSink, PolledSource } from "../base/ports/driver.ts";
import { type Duration, milliseconds } from "../base/units.ts";

export interface PolledDriverOptions {
  readonly sensor: SensorId;
  readonly interval: Duration;
  readonly source: PolledSource;
}

export class PolledDriver implements Driver {
  readonly #clock: Clock;
  readonly #options: PolledDriverOptions;
  #sink: DriverSink | undefined;
  #timer: Timer | undefined;
  /** The instant whose question has no answer yet. */
  #asked: number | undefined;
  #isBusy = false;

  constructor(clock: Clock, options: PolledDriverOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  start(sink: DriverSink): void {
    this.#sink = sink;
    this.#schedule();
  }

  stop(): void {
    if (this.#sink === undefined) return;
    this.#sink = undefined;
    this.#timer?.cancel();
    this.#options.source.stop();
  }

  #schedule(): void {
    const { interval, sensor } = this.#options;
    const phase = samplingPhase(sensor, interval);
    const now = this.#clock.now();
    // The next instant after now, also after a pause of the process: what was slept through is not made up for.
    const place = Math.floor((now - phase) / interval) + 1;
    this.#timer = this.#clock.after(milliseconds(place * interval + phase - now), `sample ${sensor}`, () =>
      this.#sample(place),
    );
  }

  #sample(place: number): void {
    const { source, sensor, interval } = this.#options;
    const isLate = this.#asked !== undefined;
    this.#schedule();
    if (isLate || this.#isBusy) {
      this.#asked = undefined;
      this.#sink?.fault(new SkeinError("driver-failed", `${sensor} gave no answer within ${interval} ms`));
      return;
    }
    this.#asked = place;
    this.#isBusy = true;
    source.read((failure, value) => {
      this.#isBusy = false;
      if (this.#asked !== place) return;
      this.#asked = undefined;
      if (failure !== undefined) this.#sink?.fault(failure);
      else this.#sink?.reading(value);
    });
  }
}

/** Within [0, interval), from the sensor's name alone. */
export function samplingPhase(sensor: SensorId, interval: Duration): Duration {
  return milliseconds((crc32(Buffer.from(sensor)) / 0x1_0000_0000) * interval);
}
