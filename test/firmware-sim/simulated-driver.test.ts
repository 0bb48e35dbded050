import { expect, it } from "vitest";
import { loadProfiles } from "../../firmware-sim/profiles.ts";
import { DeviceLedger } from "../../firmware-sim/sensed-ledger.ts";
import { SensorSignal } from "../../firmware-sim/sensor-signal.ts";
import { SimulatedDriver, samplingYield } from "../../firmware-sim/simulated-driver.ts";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { deviceId, sensorId } from "../../src/base/ids.ts";
import type { DriverSink } from "../../src/base/ports/driver.ts";
import { hours, instant, minutes, seconds } from "../../src/base/units.ts";

const sensor = sensorId("pi-01.vibration");
const profile = loadProfiles().sensors.get("vibration");
if (profile === undefined) throw new Error("no profile");
const gappy = { ...profile.failures, gaps: { perHour: 60, lasts: { min: seconds(2), max: seconds(10) } } };
const signal = new SensorSignal({ ...profile, failures: gappy }, { seed: 5, name: sensor, day: hours(24) });

function world() {
  const time = new VirtualTime();
  const clock = new VirtualClock(time);
  const ledger = new DeviceLedger(deviceId("pi-01"));
  const heard: (number | "gap")[] = [];
  const sink: DriverSink = {
    reading: (value) => heard.push(value),
    fault: () => heard.push("gap"),
    latest: () => heard.push(Number.NaN),
  };
  let isSilent = false;
  const driver = () =>
    new SimulatedDriver({ sensor, signal, clock, ledger, origin: instant(0), isSilent: () => isSilent });
  const silence = () => {
    isSilent = true;
  };
  return { time, ledger, heard, sink, driver, silence };
}

it("hands out what the signal says, once per interval, and writes down every reading but no gap (10 min)", () => {
  const { time, ledger, heard, sink, driver } = world();
  driver().start(sink);
  expect(heard).toEqual([]);
  time.run(minutes(10));
  expect(heard.length).toBe(600);
  expect(heard).toEqual(
    heard.map((_, k) => {
      const sample = signal.sample(k);
      return sample.kind === "gap" ? "gap" : sample.value;
    }),
  );
  const readings = heard.filter((value) => value !== "gap").length;
  expect(readings).toBeLessThan(600);
  expect(ledger.total).toBe(readings);
  expect(samplingYield(sensor, signal, 0, minutes(10))).toBe(readings);
});

it("goes on at the next instant of the same grid after a restart (off for 7.3 s)", () => {
  const { time, ledger, sink, driver } = world();
  const before = driver();
  before.start(sink);
  time.run(seconds(60));
  before.stop();
  const owed = samplingYield(sensor, signal, 0, seconds(60));
  expect(ledger.total).toBe(owed);
  time.run(seconds(7.3));
  driver().start(sink);
  time.run(seconds(60));
  expect(ledger.total).toBe(owed + samplingYield(sensor, signal, seconds(67.3), seconds(127.3)));
});

it("says nothing once it is stopped, or the sensors fall silent", () => {
  const { time, heard, sink, driver, silence } = world();
  const stopped = driver();
  stopped.start(sink);
  stopped.stop();
  time.run(seconds(10));
  expect(heard).toEqual([]);
  driver().start(sink);
  time.run(seconds(5));
  const until = heard.length;
  expect(until).toBe(5);
  silence();
  time.run(seconds(10));
  expect(heard.length).toBe(until);
});
