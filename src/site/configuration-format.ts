// A configuration as the file that says it: stable (by name), complete (defaults written out), and read back as the same.

import { stringify } from "yaml";
import { formatDuration } from "../base/duration-text.ts";
import type { SensorConfiguration, SiteConfiguration } from "./configuration.ts";
import { fileVersion } from "./configuration-schema.ts";

/** YAML of one file. */
export function formatConfiguration(configuration: SiteConfiguration): string {
  return stringify(plainConfiguration(configuration), { lineWidth: 0, version: "1.2", schema: "core" });
}

/** Plain data with the file's keys, for programs. */
export function plainConfiguration({ settings, devices, sensors, aggregations }: SiteConfiguration): object {
  return {
    skein: fileVersion,
    settings: {
      editionInterval: formatDuration(settings.editionInterval),
      flushInterval: formatDuration(settings.flushInterval),
      uplink: settings.uplink,
      voters: settings.voters,
    },
    devices: plainTable(devices, ({ zone, power, labels }) => present({ zone, power, labels: filled(labels) })),
    sensors: plainTable(sensors, plainSensor),
    aggregations: plainTable(aggregations, ({ window, grace, groupBy, where }) =>
      present({
        window: formatDuration(window),
        grace: formatDuration(grace),
        groupBy: [...groupBy],
        where: filled(where),
      }),
    ),
  };
}

function plainSensor(sensor: SensorConfiguration): object {
  const { kind, ...driver } = sensor.driver;
  const { range, stuckAfter } = sensor;
  return present({
    device: sensor.device,
    driver: kind,
    ...driver,
    quantity: sensor.quantity,
    unit: sensor.unit,
    interval: formatDuration(sensor.interval),
    range: range === undefined ? undefined : [range.min, range.max],
    stuckAfter: stuckAfter === undefined ? undefined : formatDuration(stuckAfter),
    labels: filled(sensor.labels),
  });
}

function plainTable<Item>(table: ReadonlyMap<string, Item>, plain: (item: Item) => object): object {
  const names = [...table].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(names.map(([name, item]) => [name, plain(item)]));
}

function present(keys: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined));
}

/** In the order of names; absent when there is none. */
function filled(texts: Readonly<Record<string, string>>): object | undefined {
  const entries = Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
