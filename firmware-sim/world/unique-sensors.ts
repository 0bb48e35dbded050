// Sensors whose every value is another whole number, so that a reading lost and another one doubled never cancel in a sum.

import type { SensorId } from "../../src/base/ids.ts";
import type { Clock, Timer } from "../../src/base/ports/clock.ts";
import type { Driver, DriverSink } from "../../src/base/ports/driver.ts";
import type { Duration } from "../../src/base/units.ts";

/** Values lie within a quarter of each other, as a real sensor's do, and differ in their last digits. Thousands add up exactly. */
const least = 2 ** 26;
const range = 2 ** 24;
/** Odd, so that multiplying by it permutes the numbers below the range: unique, and spread like chance. */
const spread = 10_368_889;

export class UniqueSensors {
  readonly #sensed: (sensor: SensorId, clock: Clock, value: number) => void;
  #count = 0;
  #areSilent = false;

  constructor(sensed: (sensor: SensorId, clock: Clock, value: number) => void) {
    this.#sensed = sensed;
  }

  /** Values handed out so far. */
  get count(): number {
    return this.#count;
  }

  /** From now on no sensor says anything. */
  silence(): void {
    this.#areSilent = true;
  }

  driver(sensor: SensorId, interval: Duration, clock: Clock): Driver {
    let timer: Timer | undefined;
    const sense = (sink: DriverSink): void => {
      timer = clock.after(interval, "sensor", () => {
        sense(sink);
        if (this.#areSilent) return;
        const value = this.#next();
        this.#sensed(sensor, clock, value);
        sink.reading(value);
      });
    };
    return { start: sense, stop: () => timer?.cancel() };
  }

  #next(): number {
    this.#count += 1;
    return least + ((Math.imul(this.#count, spread) >>> 0) % range);
  }
}
