import { describe, expect, it } from "vitest";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { SkeinError } from "../../src/base/errors.ts";
import { type SensorId, sensorId } from "../../src/base/ids.ts";
import type { Driver, DriverSink, PolledSource } from "../../src/base/ports/driver.ts";
import { milliseconds, type SiteTime, seconds, siteTime } from "../../src/base/units.ts";
import { PolledDriver, samplingPhase } from "../../src/readings/polled-driver.ts";
import { type SampledSensor, Sampler } from "../../src/readings/sampler.ts";
import { quality } from "../../src/readings/types.ts";
import { aSensor } from "./definitions.ts";

class ToldDriver implements Driver {
  sink: DriverSink | undefined;
  starts = 0;
  start(sink: DriverSink): void {
    this.sink = sink;
    this.starts += 1;
  }
  stop(): void {
    this.sink = undefined;
  }
}

class Bench {
  readonly time = new VirtualTime();
  readonly clock = new VirtualClock(this.time);
  readonly driver = new ToldDriver();
  readonly added: [sensor: SensorId, value: number, quality: number, stamp: SiteTime | undefined][] = [];
  readonly faults: string[] = [];
  assignedUntil = Number.POSITIVE_INFINITY;
  offset: number | undefined = 1_000_000;
  readonly sampler = new Sampler({
    clock: this.clock,
    siteTime: () => (this.offset === undefined ? undefined : siteTime(this.time.now + this.offset)),
    add: (...reading) => this.added.push(reading) > 0,
    isAssigned: (_sensor, stamp) => stamp < this.assignedUntil,
    faulty: (_sensor, failure) => void this.faults.push(failure.message),
  });

  sensor(options: Partial<SampledSensor> = {}): SampledSensor {
    return {
      interval: seconds(1),
      fingerprint: "1",
      range: undefined,
      stuckAfter: undefined,
      driver: () => this.driver,
      ...options,
    };
  }

  configure(options?: Partial<SampledSensor>): void {
    this.sampler.configure(new Map([[aSensor, this.sensor(options)]]));
  }

  run(span: number): void {
    this.time.run(milliseconds(span));
  }

  get flags(): number[] {
    return this.added.map(([, , flags]) => flags);
  }

  status() {
    return this.sampler.status().get(aSensor);
  }
}

const broken = new SkeinError("driver-failed", "no answer");

describe("the sampler", () => {
  it("stamps a value with site time at its arrival, or not at all while there is none", () => {
    const bench = new Bench();
    bench.configure();
    bench.run(300);
    bench.driver.sink?.reading(21);
    bench.offset = undefined;
    bench.driver.sink?.reading(22);
    expect(bench.added).toEqual([
      [aSensor, 21, 0, 1_000_300],
      [aSensor, 22, 0, undefined],
    ]);
    expect(bench.status()).toMatchObject({ readings: 2, latest: { value: 22, isLive: true } });
  });

  it("flags values out of range, and values that stay the same for too long", () => {
    const bench = new Bench();
    bench.configure({ range: { min: -10, max: 50 }, stuckAfter: seconds(3) });
    for (const value of [51, -11, 20, 20, 20, 20, 20, 20.5]) {
      bench.driver.sink?.reading(value);
      bench.run(1000);
    }
    const { outOfRange, stuck } = quality;
    expect(bench.flags).toEqual([outOfRange, outOfRange, 0, 0, 0, 0, stuck, 0]);
  });

  it("makes one missing reading of a fault, and none of more faults in the same interval", () => {
    const bench = new Bench();
    bench.configure();
    for (let i = 0; i < 50; i++) bench.driver.sink?.fault(broken);
    expect(bench.added).toEqual([[aSensor, 0, quality.missing, 1_000_000]]);
    expect(bench.status()).toMatchObject({ missing: 1, faults: 50, readings: 0 });
    expect(bench.faults).toEqual(["no answer"]);
  });

  it("takes no value that is no number", () => {
    const bench = new Bench();
    bench.configure();
    bench.driver.sink?.reading(Number.NaN);
    bench.driver.sink?.reading(Number.POSITIVE_INFINITY);
    expect(bench.flags).toEqual([quality.missing]);
    expect(bench.faults).toEqual(["t: the driver says NaN, which is no number"]);
  });

  it("does not call an interval missing that had its reading", () => {
    const bench = new Bench();
    bench.configure();
    bench.driver.sink?.reading(1);
    bench.run(100);
    bench.driver.sink?.fault(broken);
    expect(bench.flags).toEqual([0]);
  });

  it("makes one missing reading of each silent interval, once the silence is one and a half long", () => {
    const bench = new Bench();
    bench.configure({ interval: seconds(10) });
    bench.driver.sink?.reading(1);
    bench.run(14_900);
    expect(bench.flags).toEqual([0]);
    bench.run(1200);
    expect(bench.flags).toEqual([0, quality.missing]);
    bench.run(100_000);
    expect(bench.status()?.missing).toBe(11);
    bench.driver.sink?.reading(2);
    bench.run(14_000);
    expect(bench.status()?.missing).toBe(11);
  });

  it("owes a missing reading for each interval shorter than its watch (interval 250 ms)", () => {
    const bench = new Bench();
    bench.configure({ interval: milliseconds(250) });
    bench.run(10_000);
    expect(bench.status()?.missing).toBeGreaterThanOrEqual(38);
    expect(bench.status()?.missing).toBeLessThanOrEqual(40);
  });

  it("does not make up for time in which the process slept", () => {
    const bench = new Bench();
    bench.configure();
    bench.driver.sink?.reading(1);
    // As after SIGSTOP: the clock went on for ten minutes, and one watch comes late instead of 600.
    Object.assign(bench.clock, { now: () => bench.time.now + 600_000 });
    bench.run(1100);
    expect(bench.status()?.missing).toBe(1);
  });

  it("shows a value that is not live, and takes no reading of it", () => {
    const bench = new Bench();
    bench.configure();
    bench.driver.sink?.latest(19);
    expect(bench.added).toEqual([]);
    expect(bench.status()?.latest).toMatchObject({ value: 19, isLive: false });
  });

  it("drops what a source says beyond the bounded rate, and counts it", () => {
    const bench = new Bench();
    bench.configure();
    for (let i = 0; i < 250; i++) bench.driver.sink?.reading(i);
    expect(bench.added).toHaveLength(100);
    expect(bench.status()?.throttled).toBe(150);
    bench.run(1000);
    bench.driver.sink?.reading(1);
    expect(bench.added).toHaveLength(101);
  });

  it("takes no reading that would count nowhere", () => {
    const bench = new Bench();
    bench.assignedUntil = 1_000_500;
    bench.configure();
    bench.run(499);
    bench.driver.sink?.reading(1);
    bench.run(1);
    bench.driver.sink?.reading(2);
    expect(bench.added.map(([, value]) => value)).toEqual([1]);
  });

  it("leaves sensors alone that a new configuration does not change, and stops those that are gone", () => {
    const bench = new Bench();
    const other = new ToldDriver();
    bench.configure();
    const both = new Map([
      [aSensor, bench.sensor()],
      [sensorId("u"), bench.sensor({ driver: () => other })],
    ]);
    bench.sampler.configure(both);
    expect([bench.driver.starts, other.starts]).toEqual([1, 1]);
    bench.configure({ fingerprint: "2" });
    expect([bench.driver.starts, other.sink]).toEqual([2, undefined]);
    bench.sampler.stop();
    bench.sampler.stop();
    bench.run(60_000);
    expect(bench.added).toEqual([]);
    expect(bench.sampler.status().size).toBe(0);
  });
});

class AskedSource implements PolledSource {
  readonly waiting: ((failure: SkeinError | undefined, value: number) => void)[] = [];
  readonly askedAt: number[] = [];
  isStopped = false;
  answer: number | undefined = 5;
  readonly time: VirtualTime;
  constructor(time: VirtualTime) {
    this.time = time;
  }
  read(done: (failure: SkeinError | undefined, value: number) => void): void {
    this.askedAt.push(this.time.now);
    const { answer } = this;
    if (answer === undefined) this.waiting.push(done);
    else this.time.schedule(milliseconds(1), "answer", () => done(undefined, answer));
  }
  stop(): void {
    this.isStopped = true;
  }
}

describe("a polled driver", () => {
  const start = (sensor = "t") => {
    const time = new VirtualTime();
    const source = new AskedSource(time);
    const said: (number | string)[] = [];
    const driver = new PolledDriver(new VirtualClock(time), { sensor: sensorId(sensor), interval: seconds(1), source });
    driver.start({
      reading: (value) => void said.push(value),
      fault: ({ message }) => void said.push(message),
      latest: () => void said.push("latest"),
    });
    return { time, source, said, driver };
  };

  it("asks once per interval, always at the same phase", () => {
    const { time, source, said } = start();
    time.run(seconds(5));
    const phase = samplingPhase(aSensor, seconds(1));
    expect(source.askedAt).toEqual([0, 1, 2, 3, 4].map((i) => i * 1000 + phase));
    expect(said).toEqual([5, 5, 5, 5, 5]);
  });

  it("spreads 200 sensors over the interval (3 to 20 in each twentieth)", () => {
    const buckets = new Array<number>(20).fill(0);
    for (let i = 0; i < 200; i++) {
      const bucket = Math.floor(samplingPhase(sensorId(`sensor-${i}`), seconds(1)) / 50);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    expect(Math.max(...buckets)).toBeLessThanOrEqual(20);
    expect(Math.min(...buckets)).toBeGreaterThanOrEqual(3);
  });

  it("answers each instant once: a late answer is dropped, and nothing is asked meanwhile", () => {
    const { time, source, said } = start();
    source.answer = undefined;
    time.run(milliseconds(3999));
    expect(source.askedAt).toHaveLength(1);
    expect(said).toHaveLength(3);
    expect(said[0]).toBe("t gave no answer within 1000 ms");
    source.waiting[0]?.(undefined, 77);
    source.answer = 6;
    time.run(seconds(1));
    expect(said.slice(3)).toEqual([6]);
  });

  it("says nothing after it was stopped", () => {
    const { time, source, said, driver } = start();
    source.answer = undefined;
    time.run(milliseconds(1000));
    driver.stop();
    driver.stop();
    source.waiting[0]?.(undefined, 1);
    time.run(seconds(5));
    expect(said).toEqual([]);
    expect(source.isStopped).toBe(true);
  });
});
