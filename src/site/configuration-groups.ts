// Which sensors an aggregation has, and the group in which each counts.

import type { SensorId } from "../base/ids.ts";
import type { AggregationDefinition } from "../readings/types.ts";
import type {
  ConfigurationChange,
  DeviceConfiguration,
  SensorConfiguration,
  SiteConfiguration,
} from "./configuration.ts";

/** The level of the topic where a sensor has no such label, or its device no zone. */
export const levelOfNothing = "none";

/** False: `definitionsOf` is the same before and after these changes. True: it may differ. */
export function mayChangeDefinitions(
  { aggregations }: SiteConfiguration,
  changes: readonly ConfigurationChange[],
): boolean {
  const labels = new Set<string>();
  for (const { groupBy, where } of aggregations.values()) {
    for (const level of groupBy) labels.add(level.replace(/^label:/, ""));
    for (const label of Object.keys(where)) labels.add(label);
  }
  const areSameLabels = (a: Labelled, b: Labelled): boolean =>
    [...labels].every((label) => a.labels[label] === b.labels[label]);
  return changes.some(({ section, before, after }) => {
    if (section === "settings") return false;
    if (section === "aggregations" || before === undefined || after === undefined) return true;
    if (!areSameLabels(before as Labelled, after as Labelled)) return true;
    if (section === "devices") return (before as DeviceConfiguration).zone !== (after as DeviceConfiguration).zone;
    const [a, b] = [before as SensorConfiguration, after as SensorConfiguration];
    return a.device !== b.device || a.quantity !== b.quantity;
  });
}

type Labelled = Pick<SensorConfiguration, "labels">;

/** What decides each reading's key. Aggregations and sensors in the order of their names. */
export function definitionsOf(configuration: SiteConfiguration): readonly AggregationDefinition[] {
  const sensors = [...configuration.sensors].sort(([a], [b]) => (a < b ? -1 : 1));
  const aggregations = [...configuration.aggregations].sort(([a], [b]) => (a < b ? -1 : 1));
  return aggregations.map(([name, { window, grace, groupBy, where }]) => {
    const wanted = Object.entries(where);
    const members = sensors.filter(([, sensor]) =>
      wanted.every(([label, value]) => labelOf(configuration, sensor, label) === value),
    );
    const places = members.map(([id, sensor]) => {
      const group = groupBy.map((level) => levelOf(configuration, id, sensor, level)).join("/");
      return [id, { device: sensor.device, group }] as const;
    });
    return { name, window, grace, sensors: new Map(places) };
  });
}

function levelOf(configuration: SiteConfiguration, id: SensorId, sensor: SensorConfiguration, level: string): string {
  if (level === "sensor") return id;
  const name = level.startsWith("label:") ? level.slice("label:".length) : level;
  return labelOf(configuration, sensor, name) ?? levelOfNothing;
}

/** The sensor's own label goes before its device's. */
function labelOf({ devices }: SiteConfiguration, sensor: SensorConfiguration, name: string): string | undefined {
  const device = devices.get(sensor.device);
  if (name === "device") return sensor.device;
  if (name === "quantity") return sensor.quantity;
  if (name === "zone") return device?.zone;
  return sensor.labels[name] ?? device?.labels[name];
}

/** The unit that all sensors of a group have; empty where they differ or there is none (any more). */
export function unitsOf(
  configuration: SiteConfiguration,
  definition: AggregationDefinition,
): ReadonlyMap<string, string> {
  const units = new Map<string, string>();
  for (const [id, { group }] of definition.sensors) {
    const unit = configuration.sensors.get(id)?.unit;
    if (unit === undefined) continue;
    const known = units.get(group);
    units.set(group, known === undefined || known === unit ? unit : "");
  }
  return units;
}
