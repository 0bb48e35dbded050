// The fold of a run of readings: what a partial carries, and nothing but a function of the readings and the definitions
// (PROTOCOLS, "Counting each reading once", rule 3). Whoever folds the same range under the same revision gets the same.

import { crc32 } from "../base/hash.ts";
import type { DeviceId, SensorId } from "../base/ids.ts";
import { type Duration, type SiteTime, siteTime } from "../base/units.ts";
import { emptySketch, mergeSketches, quantile, SketchBuilder } from "./sketch.ts";
import {
  type AggregationDefinition,
  type Definitions,
  type DefinitionVersion,
  type Fold,
  type PartialPart,
  quality,
  type Reading,
  type WindowKey,
} from "./types.ts";

export interface FoldedRange {
  readonly parts: readonly PartialPart[];
  /** 0 for an empty range. */
  readonly stampMax: SiteTime;
  /** CRC-32 over all readings in number order, those that fold to nothing included. */
  readonly check: number;
}

export const emptyFold: Fold = {
  count: 0,
  sum: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  missing: 0,
  sketch: emptySketch,
};

/**
 * `readings` in number order. Each counts in every aggregation that has its sensor, at its stamp, on `device`; one outside
 * its assignment (another device's sensor by then, or none) folds to nothing but keeps its number and its place in `check`.
 */
export function fold(readings: readonly Reading[], definitions: Definitions, device: DeviceId): FoldedRange {
  const parts = new Map<string, { readonly key: WindowKey; readonly builder: FoldBuilder }>();
  const places = new Map<SensorId, SensorPlace>();
  const check = new ReadingsCheck();
  let stampMax = 0;
  for (const reading of readings) {
    check.add(reading);
    stampMax = Math.max(stampMax, reading.stamp);
    const version = definitionAt(definitions, reading.stamp);
    if (version === undefined) continue;
    let place = places.get(reading.sensor);
    if (place?.version !== version) {
      place = placeOf(reading.sensor, version, device);
      places.set(reading.sensor, place);
    }
    for (const { definition, group } of place.memberships) {
      const key = { aggregation: definition.name, group, start: windowStart(reading.stamp, definition.window) };
      const text = keyText(key);
      let part = parts.get(text);
      if (part === undefined) {
        part = { key, builder: new FoldBuilder() };
        parts.set(text, part);
      }
      part.builder.add(reading);
    }
  }
  return {
    parts: [...parts.values()].map(({ key, builder }) => ({ key, fold: builder.build() })),
    stampMax: siteTime(stampMax),
    check: check.value,
  };
}

/** Counts and sketches merge in any order; sums are doubles, so whoever must agree merges in one order. */
export function mergeFolds(a: Fold, b: Fold): Fold {
  return {
    count: a.count + b.count,
    sum: addSums(a.sum, b.sum),
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    missing: a.missing + b.missing,
    sketch: mergeSketches(a.sketch, b.sketch),
  };
}

/** The sketch's quantile, kept within the extremes, which are exact; undefined without a value. */
export function foldQuantile(fold: Fold, q: number): number | undefined {
  const estimate = quantile(fold.sketch, q);
  return estimate === undefined ? undefined : Math.min(fold.max, Math.max(fold.min, estimate));
}

/** For maps: one text for each key, and no two keys with the same. */
export function keyText(key: WindowKey): string {
  return `${key.start} ${key.aggregation} ${key.group}`;
}

export function windowStart(stamp: SiteTime, window: Duration): SiteTime {
  return siteTime(Math.floor(stamp / window) * window);
}

/** The version in force at `stamp`; the first one reaches back before its own beginning. Undefined: there is none at all. */
export function definitionAt(definitions: Definitions, stamp: SiteTime): DefinitionVersion | undefined {
  const { versions } = definitions;
  for (let place = versions.length - 1; place > 0; place--) {
    const version = versions[place];
    if (version !== undefined && version.from <= stamp) return version;
  }
  return versions[0];
}

/** A window as the definitions have it. */
export interface DefinedWindow {
  readonly definition: AggregationDefinition;
  /** Not included. */
  readonly end: SiteTime;
}

/**
 * The window of `key`; undefined where no reading can have this key. Where one version's windows are as long as the next one's,
 * they go on across the boundary; else they end there, so a version that changes a length begins at a start of the new windows.
 * An aggregation may begin within a window: that first one starts before it.
 */
export function windowOf(definitions: Definitions, key: WindowKey): DefinedWindow | undefined {
  const { versions } = definitions;
  const inForce = definitionAt(definitions, key.start);
  if (inForce === undefined) return undefined;
  for (let place = versions.indexOf(inForce); place < versions.length; place++) {
    const version = versions[place];
    const definition = version?.aggregations.find(({ name }) => name === key.aggregation);
    if (version === undefined || definition === undefined) continue;
    const first = version === inForce ? key.start : version.from;
    if (windowStart(first, definition.window) !== key.start) continue;
    return { definition, end: endOf(definition, key.start, versions.slice(place + 1)) };
  }
  return undefined;
}

/** Where the window of `key` ends, not included; undefined where no reading can have this key. */
export function windowEnd(definitions: Definitions, key: WindowKey): SiteTime | undefined {
  return windowOf(definitions, key)?.end;
}

/** Whether a reading of `sensor` taken by `device` at `stamp` counts anywhere: who samples asks it first. */
export function isAssigned(definitions: Definitions, device: DeviceId, sensor: SensorId, stamp: SiteTime): boolean {
  const version = definitionAt(definitions, stamp);
  return version?.aggregations.some(({ sensors }) => sensors.get(sensor)?.device === device) ?? false;
}

function endOf(definition: AggregationDefinition, start: SiteTime, later: readonly DefinitionVersion[]): SiteTime {
  const end = siteTime(start + definition.window);
  const cut = later.find(({ aggregations }) => {
    const next = aggregations.find(({ name }) => name === definition.name);
    return next?.window !== definition.window;
  });
  return cut === undefined || cut.from >= end ? end : cut.from;
}

/** Held at the ends of what a double can be: one infinite sum would make every entry that holds it worthless. */
function addSums(a: number, b: number): number {
  return Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, a + b));
}

interface SensorPlace {
  readonly version: DefinitionVersion;
  readonly memberships: readonly { readonly definition: AggregationDefinition; readonly group: string }[];
}

function placeOf(sensor: SensorId, version: DefinitionVersion, device: DeviceId): SensorPlace {
  const memberships = version.aggregations.flatMap((definition) => {
    const assignment = definition.sensors.get(sensor);
    return assignment?.device === device ? [{ definition, group: assignment.group }] : [];
  });
  return { version, memberships };
}

class FoldBuilder {
  readonly #sketch = new SketchBuilder();
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #missing = 0;

  add({ value, quality: flags }: Reading): void {
    if ((flags & quality.missing) !== 0) {
      this.#missing += 1;
      return;
    }
    this.#count += 1;
    this.#sum = addSums(this.#sum, value);
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
    this.#sketch.add(value);
  }

  build(): Fold {
    return {
      count: this.#count,
      sum: this.#sum,
      min: this.#min,
      max: this.#max,
      missing: this.#missing,
      sketch: this.#sketch.build(),
    };
  }
}

/** Number, stamp and value as doubles, quality as a byte, then the sensor's name, ended by a zero. */
class ReadingsCheck {
  readonly #head = new Uint8Array(25);
  readonly #view = new DataView(this.#head.buffer);
  readonly #names = new Map<SensorId, Uint8Array>();
  #crc = 0;

  add(reading: Reading): void {
    this.#view.setFloat64(0, reading.number);
    this.#view.setFloat64(8, reading.stamp);
    this.#view.setFloat64(16, reading.value);
    this.#view.setUint8(24, reading.quality);
    let name = this.#names.get(reading.sensor);
    if (name === undefined) {
      name = Buffer.from(`${reading.sensor}\0`);
      this.#names.set(reading.sensor, name);
    }
    this.#crc = crc32(name, crc32(this.#head, this.#crc));
  }

  get value(): number {
    return this.#crc >>> 0;
  }
}
