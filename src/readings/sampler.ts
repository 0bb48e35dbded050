// All sensors of one device: their drivers run, and what they say becomes numbered readings with quality flags.
//
// A sensor owes one reading per interval. What it fails to give becomes a reading flagged `missing`, so that silence is seen
// where the data is looked at: one for each fault that a driver reports (asked, and no value), and one for each interval that
// passes without a word, once the silence has lasted one and a half. At most one per interval, whatever a driver does; time in
// which this process itself did not run is not made up for. Values beyond a rate that no sensor needs are dropped and counted.

import { SkeinError } from "../base/errors.ts";
import type { SensorId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Driver } from "../base/ports/driver.ts";
import { between, type Duration, type Instant, milliseconds, type SiteTime, seconds, shift } from "../base/units.ts";
import { QualityJudge, type QualityRules } from "./quality.ts";
import { quality } from "./types.ts";

export interface SampledSensor extends QualityRules {
  /** Between two readings; for a driver that is told: the longest expected silence. */
  readonly interval: Duration;
  /** A sensor whose fingerprint is unchanged goes on as it is when the configuration changes. */
  readonly fingerprint: string;
  /** Makes its driver; called when the sensor is started. */
  driver(): Driver;
}

export interface SamplerPorts {
  readonly clock: Clock;
  /** Undefined while this device has none. */
  siteTime(): SiteTime | undefined;
  /** `ReadingStore.add`. */
  add(sensor: SensorId, value: number, quality: number, stamp: SiteTime | undefined): boolean;
  /** Whether a reading of this device would count at `stamp`; one that would not is not taken (`isAssigned`). */
  isAssigned(sensor: SensorId, stamp: SiteTime): boolean;
  /** The first fault after a reading; the ones after it are only counted. */
  faulty(sensor: SensorId, failure: SkeinError): void;
}

export interface SensorStatus {
  /** Shown, whether it was counted or not (`isLive`: it was no retained delivery). */
  readonly latest:
    | {
        readonly value: number;
        readonly quality: number;
        readonly stamp: SiteTime | undefined;
        readonly isLive: boolean;
      }
    | undefined;
  /** Since the sensor was started. */
  readonly readings: number;
  readonly missing: number;
  readonly faults: number;
  /** Dropped beyond the rate of `limits.sensorReadingsPerSecond`. */
  readonly throttled: number;
  /** Undefined: the last thing heard was a value. */
  readonly fault: SkeinError | undefined;
}

const watchInterval = seconds(1);
/** A silence counts from the interval plus this share of it: drivers that are told have jitter. */
const silenceTolerance = 0.5;

export class Sampler {
  readonly #ports: SamplerPorts;
  #sensors = new Map<SensorId, RunningSensor>();
  #watch: Timer | undefined;

  constructor(ports: SamplerPorts) {
    this.#ports = ports;
  }

  /** From now on exactly these: removed ones stop before added or changed ones start. An empty map stops all. */
  configure(wanted: ReadonlyMap<SensorId, SampledSensor>): void {
    for (const [id, running] of this.#sensors) {
      if (wanted.get(id)?.fingerprint === running.fingerprint) continue;
      running.stop();
      this.#sensors.delete(id);
    }
    for (const [id, sensor] of wanted) {
      if (this.#sensors.has(id)) continue;
      const running = new RunningSensor(id, sensor, this.#ports);
      this.#sensors.set(id, running);
      running.start();
    }
    this.#watch?.cancel();
    this.#watch = this.#sensors.size > 0 ? this.#scheduleWatch() : undefined;
  }

  /** Idempotent; nothing is added afterwards. */
  stop(): void {
    this.configure(new Map());
  }

  status(): ReadonlyMap<SensorId, SensorStatus> {
    return new Map([...this.#sensors].map(([id, sensor]) => [id, sensor.status()]));
  }

  #scheduleWatch(): Timer {
    return this.#ports.clock.after(watchInterval, "watch for silent sensors", () => {
      this.#watch = this.#scheduleWatch();
      for (const sensor of this.#sensors.values()) sensor.noteSilence();
    });
  }
}

class RunningSensor {
  readonly #id: SensorId;
  readonly #sensor: SampledSensor;
  readonly #ports: SamplerPorts;
  readonly #judge: QualityJudge;
  #driver: Driver | undefined;
  #status: SensorStatus = {
    latest: undefined,
    readings: 0,
    missing: 0,
    faults: 0,
    throttled: 0,
    fault: undefined,
  };
  /** Up to here each interval has its reading or its `missing`; at first, when the sensor was started. */
  #accountedUntil: Instant;
  #hasSpoken = false;
  #rateFrom: Instant;
  #rateCount = 0;

  constructor(id: SensorId, sensor: SampledSensor, ports: SamplerPorts) {
    this.#id = id;
    this.#sensor = sensor;
    this.#ports = ports;
    this.#judge = new QualityJudge(sensor);
    this.#accountedUntil = ports.clock.now();
    this.#rateFrom = this.#accountedUntil;
  }

  get fingerprint(): string {
    return this.#sensor.fingerprint;
  }

  status(): SensorStatus {
    return this.#status;
  }

  start(): void {
    const driver = this.#sensor.driver();
    this.#driver = driver;
    driver.start({
      reading: (value) => this.#reading(value),
      fault: (failure) => this.#fault(failure),
      latest: (value) => this.#show(value, 0, this.#ports.siteTime(), false),
    });
  }

  stop(): void {
    this.#driver?.stop();
    this.#driver = undefined;
  }

  noteSilence(): void {
    const { clock } = this.#ports;
    const { interval } = this.#sensor;
    const silence = between(this.#accountedUntil, clock.now());
    if (silence <= interval * (1 + silenceTolerance)) return;
    const owed = Math.floor(silence / interval - silenceTolerance);
    // More than the watch itself can have missed: this process slept, and nothing was sampled because of that.
    const isAwake = silence <= interval * (1 + silenceTolerance) + 2 * watchInterval;
    for (let count = 0; count < (isAwake ? owed : 1); count++) this.#missing();
    this.#accountedUntil = isAwake ? shift(this.#accountedUntil, milliseconds(owed * interval)) : clock.now();
  }

  #reading(value: number): void {
    if (this.#driver === undefined) return;
    if (!Number.isFinite(value)) {
      this.#fault(new SkeinError("driver-failed", `${this.#id}: the driver says ${value}, which is no number`));
      return;
    }
    const now = this.#ports.clock.now();
    if (between(this.#rateFrom, now) >= 1000) {
      this.#rateFrom = now;
      this.#rateCount = 0;
    }
    if (++this.#rateCount > limits.sensorReadingsPerSecond) {
      this.#status = { ...this.#status, throttled: this.#status.throttled + 1 };
      return;
    }
    this.#accountedUntil = now;
    this.#hasSpoken = true;
    const flags = this.#judge.judge(value, now);
    const stamp = this.#ports.siteTime();
    this.#status = { ...this.#status, fault: undefined };
    this.#show(value, flags, stamp, true);
    if (this.#add(value, flags, stamp)) this.#status = { ...this.#status, readings: this.#status.readings + 1 };
  }

  #fault(failure: SkeinError): void {
    if (this.#driver === undefined) return;
    if (this.#status.fault === undefined) this.#ports.faulty(this.#id, failure);
    this.#status = { ...this.#status, fault: failure, faults: this.#status.faults + 1 };
    const now = this.#ports.clock.now();
    // Right after a reading, or in a flood of faults, this interval has what it is owed.
    const isAccounted = between(this.#accountedUntil, now) < this.#sensor.interval * silenceTolerance;
    if (this.#hasSpoken && isAccounted) return;
    this.#hasSpoken = true;
    this.#accountedUntil = now;
    this.#missing();
  }

  #missing(): void {
    if (!this.#add(0, quality.missing, this.#ports.siteTime())) return;
    this.#status = { ...this.#status, missing: this.#status.missing + 1 };
  }

  #add(value: number, flags: number, stamp: SiteTime | undefined): boolean {
    if (stamp !== undefined && !this.#ports.isAssigned(this.#id, stamp)) return false;
    return this.#ports.add(this.#id, value, flags, stamp);
  }

  #show(value: number, flags: number, stamp: SiteTime | undefined, isLive: boolean): void {
    if (this.#driver === undefined) return;
    this.#status = { ...this.#status, latest: { value, quality: flags, stamp, isLive } };
  }
}
