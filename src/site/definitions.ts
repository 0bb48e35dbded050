// From the configuration to what decides a reading's key: which sensors form which group of which aggregation, since when.
//
// A new version begins after everything counted (`stampMax`) and not before now, so no counted reading changes its key. Two
// refinements of PROTOCOLS' `define`:
// * A change that only adds sensors or aggregations gives no reading another key, so it reaches back to the first stamp that
//   nobody counted; the first definition, written in however many entries, reaches back for ever.
// * It is rounded up to a window's start only where the length of a window changes: to the next common start of all windows
//   that change. Lengths divide a day, so there is one within 24 h, and a sensor that is added never waits for midnight.
//   Elsewhere old and new windows are the same spans of time, and go on.

import { decode, encode } from "../base/cbor.ts";
import { type DeviceId, isDeviceId, isSensorId, type SensorId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import { type LogIndex, logIndex, milliseconds, type SiteTime, siteTime } from "../base/units.ts";
import { windowOf } from "../readings/fold.ts";
import type { AggregationDefinition, Definitions, DefinitionVersion, WindowKey } from "../readings/types.ts";
import { type CellSource, paddedKey } from "./cells.ts";
import { isAggregationName, isGroup } from "./fold-codec.ts";
import type { Cell } from "./types.ts";

/** When a new version may begin. */
export interface DefinitionMoment {
  readonly index: LogIndex;
  readonly siteTime: SiteTime;
  /** The newest stamp counted; 0: none. */
  readonly stampMax: SiteTime;
  /** No window before it is kept. */
  readonly horizon: SiteTime;
}

const revisionKey = "definition/revision";

export class DefinitionHistory implements CellSource {
  readonly prefix = "definition/";
  readonly #touch: (key: string) => void;
  #definitions: Definitions = { revision: logIndex(0), versions: [] };
  readonly #contributors = new WeakMap<AggregationDefinition, ReadonlyMap<string, ReadonlySet<DeviceId>>>();

  constructor(touch: (key: string) => void) {
    this.#touch = touch;
  }

  get current(): Definitions {
    return this.#definitions;
  }

  /** Undefined where the definitions of its time do not have the aggregation. */
  endOf(key: WindowKey): SiteTime | undefined {
    const end = windowOf(this.#definitions, key)?.end;
    return end === undefined || end <= key.start ? undefined : end;
  }

  /** The aggregation that the window belongs to, as it was first defined within it. */
  aggregationOf(key: WindowKey): AggregationDefinition | undefined {
    return windowOf(this.#definitions, key)?.definition;
  }

  /** Devices with a sensor in the window's group. */
  contributorsOf(key: WindowKey): ReadonlySet<DeviceId> {
    const aggregation = this.aggregationOf(key);
    if (aggregation === undefined) return new Set();
    let groups = this.#contributors.get(aggregation);
    if (groups === undefined) {
      groups = contributorsByGroup(aggregation);
      this.#contributors.set(aggregation, groups);
    }
    return groups.get(key.group) ?? new Set();
  }

  /** Takes over what the configuration says now. True: the revision changed, and with it which partials match. */
  update(aggregations: readonly AggregationDefinition[], moment: DefinitionMoment): boolean {
    const newest = this.#definitions.versions.at(-1);
    if (newest !== undefined && isSame(newest.aggregations, aggregations)) {
      this.#updateGrace(newest, aggregations);
      return false;
    }
    const from = beginning(this.#definitions.versions, aggregations, moment);
    const kept = this.#definitions.versions.filter((version) => version.from < from);
    const previous = kept.at(-1);
    const isBack = previous !== undefined && isSame(previous.aggregations, aggregations);
    const next = isBack ? [...kept.slice(0, -1), { ...previous, aggregations }] : [...kept, { from, aggregations }];
    const versions = withinBounds(next, moment.horizon);
    const unchanged = new Set(versions.filter((version) => this.#definitions.versions.includes(version)));
    for (const version of [...this.#definitions.versions, ...versions]) {
      if (!unchanged.has(version)) this.#touch(keyOf(version));
    }
    this.#touch(revisionKey);
    this.#definitions = { revision: moment.index, versions };
    return true;
  }

  read(key: string): Uint8Array | undefined {
    const { revision, versions } = this.#definitions;
    if (key === revisionKey) return revision === 0 ? undefined : encode(revision);
    const version = versions.find((each) => keyOf(each) === key);
    return version === undefined ? undefined : encode(version.aggregations.map(packAggregation));
  }

  load({ key, value }: Cell): boolean {
    const fields = new Fields([decode(value)]);
    const { revision, versions } = this.#definitions;
    if (key === revisionKey) {
      this.#definitions = { revision: logIndex(fields.count()), versions };
      return fields.finish(true) ?? false;
    }
    const from = siteTime(Number(key.slice(this.prefix.length)));
    const version = fields.finish({ from, aggregations: fields.list(limits.aggregations, unpackAggregation) });
    if (version === undefined || keyOf(version) !== key) return false;
    this.#definitions = { revision, versions: [...versions, version].sort((a, b) => a.from - b.from) };
    return true;
  }

  /** How long to wait decides no key, so the newest version changes in place and nobody folds again. */
  #updateGrace(newest: DefinitionVersion, aggregations: readonly AggregationDefinition[]): void {
    const before = new Map(newest.aggregations.map((aggregation) => [aggregation.name, aggregation.grace]));
    if (aggregations.every((aggregation) => before.get(aggregation.name) === aggregation.grace)) return;
    const { revision, versions } = this.#definitions;
    this.#definitions = { revision, versions: [...versions.slice(0, -1), { from: newest.from, aggregations }] };
    this.#touch(keyOf(newest));
  }
}

const keyOf = (version: DefinitionVersion): string => paddedKey("definition/", version.from);

/** All that `before` gives a key has the same key in `after`. */
function isExtension(before: readonly AggregationDefinition[], after: readonly AggregationDefinition[]): boolean {
  const byName = new Map(after.map((aggregation) => [aggregation.name, aggregation]));
  return before.every(({ name, window, sensors }) => {
    const other = byName.get(name);
    if (other === undefined || other.window !== window) return false;
    return [...sensors].every(([sensor, { device, group }]) => {
      const place = other.sensors.get(sensor);
      return place?.device === device && place.group === group;
    });
  });
}

const isSame = (a: readonly AggregationDefinition[], b: readonly AggregationDefinition[]): boolean =>
  isExtension(a, b) && isExtension(b, a);

function beginning(
  versions: readonly DefinitionVersion[],
  aggregations: readonly AggregationDefinition[],
  { siteTime: now, stampMax }: DefinitionMoment,
): SiteTime {
  const uncounted = stampMax === 0 ? 0 : stampMax + 1;
  const earliest = Math.max(now, uncounted);
  let from = earliest;
  for (let place = versions.length - 1; place >= 0 && from > uncounted; place--) {
    const version = versions[place];
    if (version === undefined || version.from >= earliest) continue;
    if (!isExtension(version.aggregations, aggregations)) break;
    from = place === 0 ? uncounted : Math.max(version.from, uncounted);
  }
  if (versions.length === 0) return siteTime(0);
  const changed = changedWindows(versions, aggregations, from);
  const step = changed.reduce(leastCommonMultiple, 1);
  return siteTime(Math.ceil(from / step) * step);
}

/** Lengths of the windows that had another length when their aggregation was last defined before `from`. */
function changedWindows(
  versions: readonly DefinitionVersion[],
  aggregations: readonly AggregationDefinition[],
  from: number,
): number[] {
  const earlier = versions.filter((version) => version.from < from).reverse();
  return aggregations.flatMap(({ name, window }) => {
    const before = earlier.flatMap((version) => version.aggregations).find((aggregation) => aggregation.name === name);
    return before === undefined || before.window === window ? [] : [window];
  });
}

function leastCommonMultiple(a: number, b: number): number {
  let [greater, rest] = [a, b];
  while (rest > 0) [greater, rest] = [rest, greater % rest];
  return (a / greater) * b;
}

/** Without the versions that only windows long gone could need, and without the oldest where they are too many. */
function withinBounds(versions: readonly DefinitionVersion[], horizon: SiteTime): readonly DefinitionVersion[] {
  let first = 0;
  while ((versions[first + 1]?.from ?? Number.POSITIVE_INFINITY) <= horizon) first += 1;
  let sensors = 0;
  for (const version of versions.slice(first)) sensors += sensorsIn(version);
  while (first < versions.length - 1) {
    if (versions.length - first <= limits.definitionVersions && sensors <= limits.definitionSensors) break;
    const oldest = versions[first];
    if (oldest !== undefined) sensors -= sensorsIn(oldest);
    first += 1;
  }
  const isAtStart = (version: DefinitionVersion, place: number): boolean => place > 0 || version.from === 0;
  return versions
    .slice(first)
    .map((version, place) => (isAtStart(version, place) ? version : { ...version, from: siteTime(0) }));
}

function sensorsIn(version: DefinitionVersion): number {
  return version.aggregations.reduce((sum, aggregation) => sum + aggregation.sensors.size, 0);
}

function contributorsByGroup(aggregation: AggregationDefinition): ReadonlyMap<string, ReadonlySet<DeviceId>> {
  const groups = new Map<string, Set<DeviceId>>();
  for (const { device, group } of aggregation.sensors.values()) {
    const devices = groups.get(group) ?? new Set();
    groups.set(group, devices.add(device));
  }
  return groups;
}

function packAggregation({ name, window, grace, sensors }: AggregationDefinition): readonly unknown[] {
  const flat = [...sensors].sort(([a], [b]) => (a < b ? -1 : 1));
  return [name, window, grace, flat.map(([sensor, { device, group }]) => [sensor, device, group])];
}

function unpackAggregation(value: unknown): AggregationDefinition | undefined {
  const fields = new Fields(value, 4);
  return fields.finish({
    name: fields.matching(isAggregationName),
    window: milliseconds(fields.count()),
    grace: milliseconds(fields.count()),
    sensors: new Map(fields.list(limits.sensors, unpackAssignment)),
  });
}

function unpackAssignment(value: unknown): readonly [SensorId, { device: DeviceId; group: string }] | undefined {
  const fields = new Fields(value, 3);
  const sensor = fields.matching(isSensorId);
  return fields.finish([sensor, { device: fields.matching(isDeviceId), group: fields.matching(isGroup) }] as const);
}
