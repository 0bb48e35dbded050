// From when on a configuration decides where readings count, and where a reading counts: the rule of PROTOCOLS' entry `define`
// (not before anything counted, not before now, rounded up to a common start where a window's length changes) with the two
// refinements that src/site/definitions.ts states, written anew.

import type { DeviceId } from "../../../src/base/ids.ts";
import { limits } from "../../../src/base/limits.ts";
import { type ExpectedAggregations, keepsPlaces } from "./expected-groups.ts";

export interface ExpectedVersion {
  /** In force from here on, until the next version's beginning. */
  readonly from: number;
  readonly aggregations: ExpectedAggregations;
}

export interface DefinedAt {
  /** Site time of the entry, or the newest before it. */
  readonly now: number;
  /** The newest stamp that an entry counted; 0: none. */
  readonly stampMax: number;
}

/** A window that a reading counts in. */
export interface ReadingKey {
  readonly aggregation: string;
  readonly group: string;
  readonly start: number;
}

export const keyName = ({ aggregation, group, start }: ReadingKey): string => `${aggregation}/${group} at ${start}`;

/** The versions once `aggregations` is what the site wants. The same ones: no reading counts elsewhere than before. */
export function definedAnew(
  versions: readonly ExpectedVersion[],
  aggregations: ExpectedAggregations,
  at: DefinedAt,
): readonly ExpectedVersion[] {
  const newest = versions.at(-1);
  if (newest === undefined) return [{ from: 0, aggregations }];
  if (isSame(newest.aggregations, aggregations)) return versions;
  const from = beginning(versions, aggregations, at);
  const earlier = versions.filter((version) => version.from < from);
  const last = earlier.at(-1);
  const later = last !== undefined && isSame(last.aggregations, aggregations) ? [] : [{ from, aggregations }];
  return kept([...earlier, ...later], at.now - limits.windowAge);
}

/** Where a reading of `sensor`, stamped and taken so, counts. */
export class KeyFinder {
  #version: ExpectedVersion | undefined;
  #until = 0;
  readonly #versions: readonly ExpectedVersion[];
  readonly #device: DeviceId;
  readonly #places = new Map<string, readonly { aggregation: string; group: string; window: number }[]>();

  constructor(versions: readonly ExpectedVersion[], device: DeviceId) {
    this.#versions = versions;
    this.#device = device;
  }

  keysOf(sensor: string, stamp: number): readonly ReadingKey[] {
    this.#follow(stamp);
    let places = this.#places.get(sensor);
    if (places === undefined) {
      places = this.#placesOf(sensor);
      this.#places.set(sensor, places);
    }
    return places.map(({ aggregation, group, window }) => ({ aggregation, group, start: stamp - (stamp % window) }));
  }

  #follow(stamp: number): void {
    if (this.#version !== undefined && stamp >= this.#version.from && stamp < this.#until) return;
    this.#places.clear();
    this.#version = inForce(this.#versions, stamp);
    const next = this.#versions[this.#version === undefined ? 0 : this.#versions.indexOf(this.#version) + 1];
    this.#until = next?.from ?? Number.POSITIVE_INFINITY;
  }

  #placesOf(sensor: string): { aggregation: string; group: string; window: number }[] {
    const found: { aggregation: string; group: string; window: number }[] = [];
    for (const [aggregation, { window, places }] of this.#version?.aggregations ?? []) {
      const place = places.get(sensor);
      if (place?.device === this.#device) found.push({ aggregation, group: place.group, window });
    }
    return found;
  }
}

/** The first version reaches back before its own beginning. */
export function inForce(versions: readonly ExpectedVersion[], stamp: number): ExpectedVersion | undefined {
  return versions.findLast(({ from }) => from <= stamp) ?? versions[0];
}

const isSame = (a: ExpectedAggregations, b: ExpectedAggregations): boolean => keepsPlaces(a, b) && keepsPlaces(b, a);

function beginning(
  versions: readonly ExpectedVersion[],
  aggregations: ExpectedAggregations,
  { now, stampMax }: DefinedAt,
): number {
  const afterCounted = stampMax === 0 ? 0 : stampMax + 1;
  const notBefore = Math.max(now, afterCounted);
  let from = notBefore;
  // What only adds sensors reaches back as far as it only adds, down to the first stamp that nobody counted.
  for (const version of versions.filter((each) => each.from < notBefore).reverse()) {
    if (from <= afterCounted || !keepsPlaces(version.aggregations, aggregations)) break;
    from = version === versions[0] ? afterCounted : Math.max(version.from, afterCounted);
  }
  let step = 1;
  for (const [name, { window }] of aggregations) {
    const before = versions.findLast((version) => version.from < from && version.aggregations.has(name));
    const lengthBefore = before?.aggregations.get(name)?.window;
    if (lengthBefore !== undefined && lengthBefore !== window) step = commonMultiple(step, window);
  }
  return Math.ceil(from / step) * step;
}

/** Versions that only readings from before the site's memory could need are forgotten, and the first one reaches back for ever. */
function kept(versions: readonly ExpectedVersion[], horizon: number): readonly ExpectedVersion[] {
  const sensorsIn = (from: number): number => {
    let sensors = 0;
    for (const { aggregations } of versions.slice(from))
      for (const { places } of aggregations.values()) sensors += places.size;
    return sensors;
  };
  let first = 0;
  while (first + 1 < versions.length && (versions[first + 1]?.from ?? 0) <= Math.max(0, horizon)) first += 1;
  const isTooMuch = (): boolean =>
    versions.length - first > limits.definitionVersions || sensorsIn(first) > limits.definitionSensors;
  while (first < versions.length - 1 && isTooMuch()) first += 1;
  return versions.slice(first).map((version, place) => (place === 0 ? { ...version, from: 0 } : version));
}

function commonMultiple(a: number, b: number): number {
  for (let multiple = Math.max(a, b); ; multiple += Math.max(a, b))
    if (multiple % Math.min(a, b) === 0) return multiple;
}
