import { describe, expect, it } from "vitest";
import { loadProfiles, type SensorProfile } from "../../firmware-sim/profiles.ts";
import { SensorSignal } from "../../firmware-sim/sensor-signal.ts";
import { hours, minutes, seconds } from "../../src/base/units.ts";

const profiles = [...loadProfiles().sensors.values()];
const hour = 3600;

function values(profile: SensorProfile, count: number, options: { seed?: number; name?: string } = {}): number[] {
  const signal = new SensorSignal(profile, { seed: options.seed ?? 1, name: options.name ?? "a", day: hours(24) });
  const samples = Array.from({ length: count }, (_, k) => signal.sample(k));
  return samples.map((sample) => (sample.kind === "value" ? sample.value : Number.NaN));
}

describe.each(profiles.map((profile) => [profile.name, profile] as const))("%s", (_, profile) => {
  it("says the same to the same seed and name, in any order, and something else to others", () => {
    const once = new SensorSignal(profile, { seed: 7, name: "a", day: minutes(10) });
    const again = new SensorSignal(profile, { seed: 7, name: "a", day: minutes(10) });
    const backwards = Array.from({ length: 300 }, (_, i) => again.sample(299 - i)).reverse();
    expect(Array.from({ length: 300 }, (_, k) => once.sample(k))).toEqual(backwards);
    expect(values(profile, 100, { name: "b" })).not.toEqual(values(profile, 100));
    expect(values(profile, 100, { seed: 2 })).not.toEqual(values(profile, 100));
  });

  it("stays within what the part can report, in steps of its resolution", () => {
    for (const value of values(profile, 2 * hour).filter(Number.isFinite)) {
      expect(value >= profile.physical.min && value <= profile.physical.max).toBe(true);
      const steps = value / profile.resolution;
      expect(Math.abs(steps - Math.round(steps))).toBeLessThan(1e-3);
    }
  });

  it("falls silent about as often as the profile says (400 h)", () => {
    const signal = new SensorSignal(profile, { seed: 3, name: "g", day: hours(24) });
    const { perHour, lasts } = profile.failures.gaps;
    let silent = 0;
    for (let k = 0; k < 400 * hour; k++) if (signal.isGap(k)) silent += 1;
    const expected = (400 * perHour * (lasts.min + lasts.max)) / 2 / 1000;
    expect(silent).toBeGreaterThan(expected * 0.7);
    expect(silent).toBeLessThan(expected * 1.3 + 400 * perHour); // each gap is rounded up to whole readings
  });
});

const quiet = {
  stuck: { perHour: 0, lasts: { min: seconds(1), max: seconds(2) } },
  spikes: { perHour: 0, size: 1 },
  gaps: { perHour: 0, lasts: { min: seconds(1), max: seconds(2) } },
};
const [first] = profiles;
if (first === undefined) throw new Error("no profiles");
const base: SensorProfile = {
  ...first,
  resolution: 0.001,
  physical: { min: -1e6, max: 1e6 },
  signal: {
    mean: 10,
    spread: 0,
    daily: { amplitude: 5, peakHour: 15 },
    noise: { deviation: 0.001, memory: 0 },
    driftPerDay: 0,
  },
  failures: quiet,
};

it("peaks at the profile's hour", () => {
  const day = values(base, 24 * hour);
  expect(Math.abs(day.indexOf(Math.max(...day)) / hour - 15)).toBeLessThan(0.5);
  expect(Math.max(...day)).toBeCloseTo(15, 1);
  expect(Math.min(...day)).toBeCloseTo(5, 1);
});

it("has noise of the stated deviation, and a memory (lag-1 correlation 0.9)", () => {
  const noise = { deviation: 2, memory: 0.9 };
  const flat = { ...base, signal: { ...base.signal, daily: { amplitude: 0, peakHour: 0 }, noise } };
  const series = values(flat, 20_000).map((value) => value - 10);
  const variance = series.reduce((sum, value) => sum + value * value, 0) / series.length;
  const lagged = series.slice(1).reduce((sum, value, i) => sum + value * (series[i] ?? 0), 0) / series.length;
  expect(Math.sqrt(variance)).toBeCloseTo(2, 0);
  expect(lagged / variance).toBeGreaterThan(0.85);
  expect(lagged / variance).toBeLessThan(0.95);
});

it("drifts by at most the stated amount a day", () => {
  const drifting = { ...base, signal: { ...base.signal, daily: { amplitude: 0, peakHour: 0 }, driftPerDay: 3 } };
  const slopes = Array.from({ length: 40 }, (_, name) => {
    const signal = new SensorSignal(drifting, { seed: 1, name: `s${name}`, day: hours(24) });
    const [start, end] = [signal.sample(0), signal.sample(24 * hour)];
    return start.kind === "value" && end.kind === "value" ? end.value - start.value : Number.NaN;
  });
  expect(Math.max(...slopes.map(Math.abs))).toBeLessThan(3.1);
  expect(Math.max(...slopes)).toBeGreaterThan(1);
  expect(Math.min(...slopes)).toBeLessThan(-1);
});

it("sticks at one value for the stated time, and jumps for single readings", () => {
  const stuck = { perHour: 6, lasts: { min: seconds(30), max: seconds(60) } };
  const rough = { ...base, signal: { ...base.signal, noise: { deviation: 0.5, memory: 0 } } };
  const sticking = values({ ...rough, failures: { ...quiet, stuck } }, 10 * hour);
  const runs = runLengths(sticking).filter((length) => length > 5);
  expect(runs.length).toBeGreaterThan(30);
  expect(Math.min(...runs)).toBeGreaterThanOrEqual(29);
  expect(Math.max(...runs)).toBeLessThanOrEqual(61);

  const spiking = values({ ...base, failures: { ...quiet, spikes: { perHour: 30, size: 100 } } }, 10 * hour);
  const spikes = spiking.filter((value) => Math.abs(value - 10) > 50);
  expect(spikes.length).toBeGreaterThan(200);
  expect(spikes.length).toBeLessThan(400);
});

function runLengths(series: readonly number[]): number[] {
  const runs: number[] = [];
  let length = 1;
  for (let i = 1; i <= series.length; i++) {
    if (series[i] === series[i - 1]) length += 1;
    else {
      runs.push(length);
      length = 1;
    }
  }
  return runs;
}
