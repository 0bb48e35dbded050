// What is in `devices/`: sensor profiles and board profiles, one schema each.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { parse } from "yaml";
import { parseDuration } from "../src/base/duration-text.ts";
import { SkeinError } from "../src/base/errors.ts";
import type { Duration } from "../src/base/units.ts";
import { packagePath } from "./package-root.ts";

interface Bounds<Value extends number> {
  readonly min: Value;
  readonly max: Value;
}

export interface SensorProfile {
  readonly name: string;
  readonly title: string;
  /** What is measured; one topic level. */
  readonly quantity: string;
  readonly unit: string;
  readonly interval: Duration;
  /** Plausible: outside, a reading is flagged. */
  readonly range: Bounds<number>;
  /** What the part can report at all. */
  readonly physical: Bounds<number>;
  readonly resolution: number;
  readonly stuckAfter: Duration;
  readonly signal: {
    readonly mean: number;
    /** Standard deviation of the means of several sensors of this profile. */
    readonly spread: number;
    readonly daily: { readonly amplitude: number; readonly peakHour: number };
    /** First-order autoregressive: `memory` is the correlation of a reading with the one before. */
    readonly noise: { readonly deviation: number; readonly memory: number };
    /** Largest drift, either way. */
    readonly driftPerDay: number;
  };
  /** Rates are per sensor. */
  readonly failures: {
    readonly stuck: { readonly perHour: number; readonly lasts: Bounds<Duration> };
    readonly spikes: { readonly perHour: number; readonly size: number };
    readonly gaps: { readonly perHour: number; readonly lasts: Bounds<Duration> };
  };
}

export interface BoardProfile {
  readonly name: string;
  readonly title: string;
  readonly cores: number;
  readonly ramMiB: number;
  readonly architecture: "arm64" | "armv7";
  readonly network: readonly ("ethernet" | "wifi")[];
  /** Keeps its time while it is off. */
  readonly hasClockChip: boolean;
  readonly recommended: {
    readonly sensors: number;
    readonly readingsPerSecond: number;
    readonly isVoter: boolean;
    readonly brokerClients: number;
  };
}

type Unnamed<Profile> = v.GenericSchema<unknown, Omit<Profile, "name">>;

const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const notNegative = v.pipe(v.number(), v.finite(), v.minValue(0));
const finite = v.pipe(v.number(), v.finite());
const count = v.pipe(v.number(), v.integer(), v.gtValue(0));
const text = v.pipe(v.string(), v.minLength(1), v.maxLength(80));
const span = v.pipe(
  v.string(),
  v.regex(/^(\d+(\.\d+)?(ms|s|m|h|d))+$/, "expected a span of time such as 30s"),
  v.transform((written): Duration => parseDuration(written, "profile")),
);
const bounds = v.pipe(
  v.strictObject({ min: finite, max: finite }),
  v.check(({ min, max }) => min < max, "expected min < max"),
);
const lasting = v.pipe(
  v.strictObject({ min: span, max: span }),
  v.check(({ min, max }) => min <= max, "expected min <= max"),
);

const sensorSchema: Unnamed<SensorProfile> = v.pipe(
  v.strictObject({
    title: text,
    quantity: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{0,31}$/)),
    unit: v.pipe(v.string(), v.minLength(1), v.maxLength(16)),
    interval: span,
    range: bounds,
    physical: bounds,
    resolution: positive,
    stuckAfter: span,
    signal: v.strictObject({
      mean: finite,
      spread: notNegative,
      daily: v.strictObject({ amplitude: notNegative, peakHour: v.pipe(finite, v.minValue(0), v.ltValue(24)) }),
      noise: v.strictObject({ deviation: positive, memory: v.pipe(notNegative, v.maxValue(0.99)) }),
      driftPerDay: notNegative,
    }),
    failures: v.strictObject({
      stuck: v.strictObject({ perHour: notNegative, lasts: lasting }),
      spikes: v.strictObject({ perHour: notNegative, size: positive }),
      gaps: v.strictObject({ perHour: notNegative, lasts: lasting }),
    }),
  }),
  v.check((p) => p.physical.min <= p.range.min && p.range.max <= p.physical.max, "range: expected it within physical"),
  v.check((p) => p.range.min <= p.signal.mean && p.signal.mean <= p.range.max, "signal.mean: expected it within range"),
  v.check(
    (p) => p.signal.noise.deviation >= p.resolution,
    "signal.noise.deviation: below the resolution a healthy sensor looks stuck",
  ),
  v.check(
    (p) => p.failures.gaps.perHour * p.failures.gaps.lasts.max < 0.5 * 3_600_000,
    "failures.gaps: silent more than half of the time",
  ),
);

const boardSchema: Unnamed<BoardProfile> = v.strictObject({
  title: text,
  cores: count,
  ramMiB: count,
  architecture: v.picklist(["arm64", "armv7"]),
  network: v.pipe(v.array(v.picklist(["ethernet", "wifi"])), v.minLength(1)),
  hasClockChip: v.boolean(),
  recommended: v.strictObject({ sensors: count, readingsPerSecond: count, isVoter: v.boolean(), brokerClients: count }),
});

export interface Profiles {
  readonly sensors: ReadonlyMap<string, SensorProfile>;
  readonly boards: ReadonlyMap<string, BoardProfile>;
}

/** Reads every profile of `folder`. Fails with `invalid-configuration`, naming file and key. */
export function loadProfiles(folder = packagePath("devices")): Profiles {
  return {
    sensors: load(join(folder, "sensors"), parseSensorProfile),
    boards: load(join(folder, "boards"), parseBoardProfile),
  };
}

export const parseSensorProfile = (name: string, yaml: string): SensorProfile => ({
  name,
  ...checked(name, yaml, sensorSchema),
});

export const parseBoardProfile = (name: string, yaml: string): BoardProfile => ({
  name,
  ...checked(name, yaml, boardSchema),
});

function load<Profile>(folder: string, read: (name: string, yaml: string) => Profile): Map<string, Profile> {
  const files = readdirSync(folder).filter((file) => file.endsWith(".yaml"));
  const names = files.map((file) => file.slice(0, -".yaml".length)).sort();
  return new Map(names.map((name) => [name, read(name, readFileSync(join(folder, `${name}.yaml`), "utf8"))]));
}

function checked<Output>(name: string, yaml: string, schema: v.GenericSchema<unknown, Output>): Output {
  let data: unknown;
  try {
    data = parse(yaml);
  } catch (cause) {
    throw new SkeinError("invalid-configuration", `profile ${name}: ${String(cause)}`, cause);
  }
  const result = v.safeParse(schema, data);
  if (result.success) return result.output;
  const wrong = result.issues.map((issue) => `${v.getDotPath(issue) ?? "(all)"}: ${issue.message}`);
  throw new SkeinError("invalid-configuration", `profile ${name}: ${wrong.join("; ")}`);
}
