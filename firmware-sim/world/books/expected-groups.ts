// Which sensors count where, worked out from the committed configuration by itself (docs/configuration.md, "aggregations"): not
// by the agents' own code, or a mistake in that would look right.

import type { DeviceId } from "../../../src/base/ids.ts";
import type {
  AggregationConfiguration,
  ConfigurationChange,
  DeviceConfiguration,
  SensorConfiguration,
} from "../../../src/site/configuration.ts";
import { defaultConfiguration } from "../../../src/site/configuration-defaults.ts";

/** The committed items that decide a reading's key, by section and name. */
export interface ExpectedConfiguration {
  readonly devices: ReadonlyMap<string, DeviceConfiguration>;
  readonly sensors: ReadonlyMap<string, SensorConfiguration>;
  readonly aggregations: ReadonlyMap<string, AggregationConfiguration>;
}

export interface ExpectedPlace {
  readonly device: DeviceId;
  readonly group: string;
}

export interface ExpectedAggregation {
  readonly window: number;
  /** By sensor. */
  readonly places: ReadonlyMap<string, ExpectedPlace>;
}

/** By name. */
export type ExpectedAggregations = ReadonlyMap<string, ExpectedAggregation>;

export const foundedConfiguration: ExpectedConfiguration = {
  devices: new Map(),
  sensors: new Map(),
  aggregations: defaultConfiguration.aggregations,
};

export function changedConfiguration(
  before: ExpectedConfiguration,
  changes: readonly ConfigurationChange[],
): ExpectedConfiguration {
  const sections = {
    devices: new Map<string, unknown>(before.devices),
    sensors: new Map<string, unknown>(before.sensors),
    aggregations: new Map<string, unknown>(before.aggregations),
  };
  for (const { section, name, after } of changes) {
    if (section === "settings") continue;
    if (after === undefined) sections[section].delete(name);
    else sections[section].set(name, after);
  }
  return sections as unknown as ExpectedConfiguration;
}

export function expectedAggregations({ devices, sensors, aggregations }: ExpectedConfiguration): ExpectedAggregations {
  const expected = new Map<string, ExpectedAggregation>();
  for (const [name, { window, groupBy, where }] of aggregations) {
    const places = new Map<string, ExpectedPlace>();
    for (const [sensor, configuration] of sensors) {
      const wordFor = (level: string): string | undefined => {
        const zone = devices.get(configuration.device)?.zone;
        if (level === "device") return configuration.device;
        if (level === "quantity") return configuration.quantity;
        if (level === "zone") return zone;
        return configuration.labels[level] ?? devices.get(configuration.device)?.labels[level];
      };
      if (Object.entries(where).some(([label, wanted]) => wordFor(label) !== wanted)) continue;
      const levels = groupBy.map((level) =>
        level === "sensor" ? sensor : (wordFor(level.replace(/^label:/, "")) ?? "none"),
      );
      places.set(sensor, { device: configuration.device, group: levels.join("/") });
    }
    expected.set(name, { window, places });
  }
  return expected;
}

/** Every reading that counts under `before` counts under `after` in the same place. */
export function keepsPlaces(before: ExpectedAggregations, after: ExpectedAggregations): boolean {
  for (const [name, { window, places }] of before) {
    const other = after.get(name);
    if (other?.window !== window) return false;
    for (const [sensor, { device, group }] of places) {
      const place = other.places.get(sensor);
      if (place?.device !== device || place.group !== group) return false;
    }
  }
  return true;
}
