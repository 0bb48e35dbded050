// The configuration file: YAML that people write (docs/configuration.md), read whole, with every problem at once.
//
// Three questions in turn: has each key the right kind of value (here), does each item make sense and do they fit together
// (configuration-rules.ts, the same as for entries of the log), and is it likely what the writer meant (`checkNames`).

import { type DeviceId, isDeviceId, type SensorId } from "../base/ids.ts";
import type { Duration } from "../base/units.ts";
import type {
  AggregationConfiguration,
  DeviceConfiguration,
  DriverConfiguration,
  Power,
  SensorConfiguration,
  SiteConfiguration,
  SiteSettings,
} from "./configuration.ts";
import { defaultAggregation, defaultAggregationName, defaultPower, defaultSettings } from "./configuration-defaults.ts";
import { problemsOfItem, problemsOfWhole } from "./configuration-rules.ts";
import { configurationKeys, driverKeys, driverKinds, fileVersion, isDriverKind } from "./configuration-schema.ts";
import { didYouMean } from "./did-you-mean.ts";
import { type Field, type FileProblem, YamlReader } from "./yaml-reader.ts";

export type ParsedConfiguration =
  | { readonly kind: "ok"; readonly configuration: SiteConfiguration }
  | { readonly kind: "invalid"; readonly problems: readonly FileProblem[] };

/** JSON is YAML: an object that an API's client sent is read by handing in its JSON. */
export function parseConfiguration(text: string, fileName: string): ParsedConfiguration {
  const reader = new YamlReader(fileName, text);
  if (reader.problems.length > 0) return { kind: "invalid", problems: reader.problems };
  const configuration = readFile(reader);
  for (const { key, message } of problemsOfWhole(configuration)) reader.problem(key, message);
  checkNames(reader, configuration);
  const { problems } = reader;
  return problems.length > 0 ? { kind: "invalid", problems } : { kind: "ok", configuration };
}

/** One line for each problem, as compilers write them. */
export function formatProblems(problems: readonly FileProblem[]): string {
  const lines = problems.map(({ file, line, column, key, message }) => {
    return `${file}:${line}:${column}: ${key === "" ? "" : `${key}: `}${message}\n`;
  });
  return lines.join("");
}

function readFile(reader: YamlReader): SiteConfiguration {
  const file = reader.map(reader.root, configurationKeys.file);
  const version = file.get("skein");
  if (version === undefined)
    reader.problem("", `expected a first line "skein: ${fileVersion}", the version of the file`);
  else if (reader.number(version) !== fileVersion)
    reader.problem("skein", `expected ${fileVersion}: this agent knows no other version`);
  const settings = readSettings(reader, file.get("settings"));
  return {
    settings,
    devices: readTable<DeviceId, DeviceConfiguration>(reader, file.get("devices"), "devices", readDevice),
    sensors: readTable<SensorId, SensorConfiguration>(reader, file.get("sensors"), "sensors", readSensor),
    aggregations: readAggregations(reader, file.get("aggregations"), settings.flushInterval),
  };
}

/** Only items that make sense by themselves go on to the questions about the whole. */
function readTable<Name extends string, Item>(
  reader: YamlReader,
  field: Field | undefined,
  section: "devices" | "sensors" | "aggregations",
  read: (reader: YamlReader, field: Field) => Item | undefined,
): ReadonlyMap<Name, Item> {
  const table = new Map<Name, Item>();
  if (field === undefined) return table;
  for (const [name, each] of reader.map(field)) {
    const item = read(reader, each);
    if (item === undefined) continue;
    for (const { key, message } of problemsOfItem(section, name, item)) reader.problem(key, message);
    table.set(name as Name, item);
  }
  return table;
}

function readSettings(reader: YamlReader, field: Field | undefined): SiteSettings {
  if (field === undefined) return defaultSettings;
  const keys = reader.map(field, configurationKeys.settings);
  const settings = {
    editionInterval: reader.duration(keys.get("editionInterval")) ?? defaultSettings.editionInterval,
    flushInterval: reader.duration(keys.get("flushInterval")) ?? defaultSettings.flushInterval,
    uplink: reader.text(keys.get("uplink")) ?? defaultSettings.uplink,
    voters: reader.number(keys.get("voters")) ?? defaultSettings.voters,
  };
  for (const [name, value] of Object.entries(settings)) {
    for (const { key, message } of problemsOfItem("settings", name, value)) reader.problem(key, message);
  }
  return settings;
}

function readDevice(reader: YamlReader, field: Field): DeviceConfiguration {
  const keys = reader.map(field, configurationKeys.device);
  return {
    zone: reader.text(keys.get("zone")),
    power: (reader.text(keys.get("power")) ?? defaultPower) as Power,
    labels: readTexts(reader, keys.get("labels")),
  };
}

function readSensor(reader: YamlReader, field: Field): SensorConfiguration | undefined {
  const kind = driverOf(reader, field);
  const own = kind === undefined ? Object.values(driverKeys).flat() : driverKeys[kind];
  const keys = reader.map(field, [...configurationKeys.sensor, ...own]);
  const required = ["device", "driver", "quantity", "interval"].filter((name) => !keys.has(name));
  for (const name of required) reader.problem(`${field.key}.${name}`, `${name} is missing`);
  const device = reader.text(keys.get("device"));
  const driver = kind === undefined ? undefined : readDriver(reader, field.key, keys, kind);
  const quantity = reader.text(keys.get("quantity"));
  const interval = reader.duration(keys.get("interval"));
  const range = readRange(reader, keys.get("range"));
  const stuckAfter = reader.duration(keys.get("stuckAfter"));
  const labels = readTexts(reader, keys.get("labels"));
  const unit = reader.text(keys.get("unit")) ?? "";
  if (device === undefined || driver === undefined || quantity === undefined || interval === undefined)
    return undefined;
  if (!isDeviceId(device)) {
    reader.problem(`${field.key}.device`, `expected a device name, found ${JSON.stringify(device)}`);
    return undefined;
  }
  return { device, driver, quantity, unit, interval, range, stuckAfter, labels };
}

/** First, without judging the other keys: they depend on it. */
function driverOf(reader: YamlReader, field: Field): keyof typeof driverKeys | undefined {
  const driver = reader.peek(field, "driver");
  if (driver === undefined) return undefined;
  const text = reader.text(driver);
  if (text === undefined || isDriverKind(text)) return text;
  const hint = didYouMean(text, driverKinds);
  reader.problem(`${field.key}.driver`, `expected ${driverKinds.join(", ")}, found ${JSON.stringify(text)}${hint}`);
  return undefined;
}

function readDriver(
  reader: YamlReader,
  at: string,
  keys: ReadonlyMap<string, Field>,
  kind: keyof typeof driverKeys,
): DriverConfiguration | undefined {
  const needed = (name: string): string | undefined => {
    if (!keys.has(name)) reader.problem(`${at}.${name}`, `${name} is missing: the ${kind} driver needs it`);
    return reader.text(keys.get(name));
  };
  switch (kind) {
    case "thermal": {
      const zone = needed("zone");
      return zone === undefined ? undefined : { kind, zone };
    }
    case "mqtt": {
      const broker = needed("broker");
      const topic = needed("topic");
      const path = reader.text(keys.get("path"));
      return broker === undefined || topic === undefined ? undefined : { kind, broker, topic, path };
    }
    case "simulated": {
      const profile = needed("profile");
      return profile === undefined ? undefined : { kind, profile };
    }
  }
}

function readRange(reader: YamlReader, field: Field | undefined): SensorConfiguration["range"] {
  const items = reader.list(field);
  if (items === undefined || field === undefined) return undefined;
  const [min, max] = items.map((item) => reader.number(item));
  if (items.length === 2) return min === undefined || max === undefined ? undefined : { min, max };
  reader.problem(field.key, `expected [lowest, highest], found ${items.length} values`);
  return undefined;
}

function readAggregations(
  reader: YamlReader,
  field: Field | undefined,
  flushInterval: Duration,
): ReadonlyMap<string, AggregationConfiguration> {
  const standard = defaultAggregation(flushInterval);
  if (field === undefined) return new Map([[defaultAggregationName, standard]]);
  return readTable<string, AggregationConfiguration>(reader, field, "aggregations", (_, each) => {
    const keys = reader.map(each, configurationKeys.aggregation);
    const groupBy = reader.list(keys.get("groupBy"))?.flatMap((item) => reader.text(item) ?? []);
    return {
      window: reader.duration(keys.get("window")) ?? standard.window,
      grace: reader.duration(keys.get("grace")) ?? standard.grace,
      groupBy: groupBy ?? standard.groupBy,
      where: readTexts(reader, keys.get("where")),
    };
  });
}

function readTexts(reader: YamlReader, field: Field | undefined): Readonly<Record<string, string>> {
  if (field === undefined) return {};
  const pairs = [...reader.map(field)].flatMap(([name, each]) => {
    const text = reader.text(each);
    return text === undefined ? [] : [[name, text] as const];
  });
  return Object.fromEntries(pairs);
}

/** A label or zone that nothing has is a misspelling: the aggregation would be empty, or all in the group `none`. */
function checkNames(reader: YamlReader, { devices, sensors, aggregations }: SiteConfiguration): void {
  const zones = new Set([...devices.values()].flatMap(({ zone }) => zone ?? []));
  const labelled = [...devices.values(), ...sensors.values()];
  const labels = new Set(labelled.flatMap((item) => Object.keys(item.labels)));
  const known = { zone: zones, device: new Set<string>(devices.keys()) };
  for (const [name, { groupBy, where }] of aggregations) {
    for (const level of groupBy) {
      const label = level.startsWith("label:") ? level.slice("label:".length) : undefined;
      if (label === undefined || labels.has(label)) continue;
      const hint = didYouMean(label, [...labels]);
      reader.problem(
        `aggregations.${name}.groupBy`,
        `no device and no sensor has a label ${JSON.stringify(label)}${hint}`,
      );
    }
    for (const [label, value] of Object.entries(where)) {
      const names = label === "zone" || label === "device" ? known[label] : undefined;
      if (names !== undefined && !names.has(value)) {
        const hint = didYouMean(value, [...names]);
        reader.problem(`aggregations.${name}.where.${label}`, `there is no ${label} ${JSON.stringify(value)}${hint}`);
      } else if (names === undefined && label !== "quantity" && !labels.has(label)) {
        const hint = didYouMean(label, [...labels]);
        reader.problem(
          `aggregations.${name}.where.${label}`,
          `no device and no sensor has a label ${JSON.stringify(label)}${hint}`,
        );
      }
    }
  }
}
