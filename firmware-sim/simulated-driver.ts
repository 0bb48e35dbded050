// The driver port over a simulated sensor: asked at its interval, on a grid of instants that restarts do not shift.

import { SkeinError } from "../src/base/errors.ts";
import type { SensorId } from "../src/base/ids.ts";
import type { Clock, Timer } from "../src/base/ports/clock.ts";
import type { Driver, DriverSink } from "../src/base/ports/driver.ts";
import { type Instant, milliseconds } from "../src/base/units.ts";
import type { SensedLedger } from "./sensed-ledger.ts";
import type { SensorSignal } from "./sensor-signal.ts";

export interface SimulatedDriverOptions {
  readonly sensor: SensorId;
  readonly signal: SensorSignal;
  readonly clock: Clock;
  readonly ledger: SensedLedger;
  /** When the site's first moment was: sampling instant 0. */
  readonly origin: Instant;
  /** The world has not begun, or has ended: no reading, and no fault either. */
  isSilent(): boolean;
}

export class SimulatedDriver implements Driver {
  readonly #options: SimulatedDriverOptions;
  /** Within the interval, from the name: not all sensors of a site are read in the same millisecond. */
  readonly #phase: number;
  #sink: DriverSink | undefined;
  #timer: Timer | undefined;
  #last = -1;

  constructor(options: SimulatedDriverOptions) {
    this.#options = options;
    this.#phase = samplingPhase(options.sensor, options.signal);
  }

  start(sink: DriverSink): void {
    this.#sink = sink;
    this.#schedule();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sink = undefined;
  }

  #schedule(): void {
    const { signal, clock, origin } = this.#options;
    const passed = clock.now() - origin - this.#phase;
    // a timer may fire a fraction early: no instant is read twice
    const next = Math.max(this.#last + 1, Math.floor(passed / signal.interval) + 1);
    const delay = milliseconds(Math.max(0, next * signal.interval - passed));
    this.#timer = clock.after(delay, "sample", () => this.#read(next));
  }

  #read(k: number): void {
    const { signal, sensor, ledger } = this.#options;
    const sink = this.#sink;
    if (sink === undefined) return;
    this.#last = k;
    this.#schedule();
    if (this.#options.isSilent()) return;
    const sample = signal.sample(k);
    if (sample.kind === "gap") {
      sink.fault(new SkeinError("driver-failed", `${sensor} does not answer`));
      return;
    }
    ledger.sensed(sensor);
    sink.reading(sample.value);
  }
}

/** Readings that a sensor owes for the time between two instants: its sampling instants that are no gap. */
export function samplingYield(sensor: SensorId, signal: SensorSignal, from: number, to: number): number {
  const phase = samplingPhase(sensor, signal);
  const first = Math.max(0, Math.ceil((from - phase) / signal.interval));
  const end = Math.ceil((to - phase) / signal.interval);
  let owed = 0;
  for (let k = first; k < end; k++) if (!signal.isGap(k)) owed += 1;
  return owed;
}

function samplingPhase(sensor: SensorId, signal: SensorSignal): number {
  let hash = 7;
  for (let i = 0; i < sensor.length; i++) hash = (Math.imul(hash, 31) + sensor.charCodeAt(i)) >>> 0;
  return hash % signal.interval;
}
