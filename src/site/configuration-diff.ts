// The difference between two configurations, item by item: what a person sees before it is applied, and what the log carries.

import { formatDuration } from "../base/duration-text.ts";
import { SkeinError } from "../base/errors.ts";
import type { DeviceId, SensorId } from "../base/ids.ts";
import { milliseconds } from "../base/units.ts";
import type {
  AggregationConfiguration,
  ConfigurationChange,
  DeviceConfiguration,
  SensorConfiguration,
  SiteConfiguration,
  SiteSettings,
} from "./configuration.ts";
import { defaultSettings } from "./configuration-defaults.ts";
import { isSameItem, type Section } from "./configuration-items.ts";

/** Settings as a table like the others. */
export function itemsOf(configuration: SiteConfiguration, section: Section): ReadonlyMap<string, unknown> {
  return section === "settings" ? new Map(Object.entries(configuration.settings)) : configuration[section];
}

/**
 * In an order in which it may also be applied piece by piece: settings, new and changed devices, aggregations, sensors, and
 * last the devices that go.
 */
export function diffConfiguration(before: SiteConfiguration, after: SiteConfiguration): readonly ConfigurationChange[] {
  const order: readonly Section[] = ["settings", "devices", "aggregations", "sensors"];
  const changes = order.flatMap((section) => diffSection(section, itemsOf(before, section), itemsOf(after, section)));
  const isGoing = (change: ConfigurationChange) => change.section === "devices" && change.after === undefined;
  return [...changes.filter((change) => !isGoing(change)), ...changes.filter(isGoing)];
}

/** The changes that undo these. */
export function invertChanges(changes: readonly ConfigurationChange[]): readonly ConfigurationChange[] {
  return changes.map(({ section, name, before, after }) => ({ section, name, before: after, after: before })).reverse();
}

/** A new configuration, with those tables of the old one that do not change; `before` is not looked at. Settings that are removed have their default again. */
export function applyChanges(
  configuration: SiteConfiguration,
  changes: readonly ConfigurationChange[],
): SiteConfiguration {
  const copied = <Key, Value>(section: Section, table: ReadonlyMap<Key, Value>): Map<Key, Value> =>
    changes.some((change) => change.section === section) ? new Map(table) : (table as Map<Key, Value>);
  const devices = copied("devices", configuration.devices);
  const sensors = copied("sensors", configuration.sensors);
  const aggregations = copied("aggregations", configuration.aggregations);
  const settings: Record<string, unknown> = { ...configuration.settings };
  const defaults: Readonly<Record<string, unknown>> = { ...defaultSettings };
  for (const { section, name, after } of changes) {
    switch (section) {
      case "devices":
        put(devices, name as DeviceId, after as DeviceConfiguration | undefined);
        break;
      case "sensors":
        put(sensors, name as SensorId, after as SensorConfiguration | undefined);
        break;
      case "aggregations":
        put(aggregations, name, after as AggregationConfiguration | undefined);
        break;
      case "settings":
        settings[name] = after ?? defaults[name];
        break;
    }
  }
  return { devices, sensors, aggregations, settings: settings as unknown as SiteSettings };
}

/** For people, one line for each value that changes: `~ sensors.door.interval: 60s → 30s`. Colours are the reader's affair. */
export function formatDiff(changes: readonly ConfigurationChange[]): string {
  if (changes.length === 0) return "No changes.\n";
  const lines = changes.flatMap((change) => {
    const at = `${change.section}.${change.name}`;
    if (change.before === undefined) return [`+ ${at}: ${describe(change.after)}`];
    if (change.after === undefined) return [`- ${at}: ${describe(change.before)}`];
    return formatChanged(at, change.before, change.after);
  });
  return `${lines.join("\n")}\n`;
}

function diffSection(
  section: Section,
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): ConfigurationChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((name) => {
    const change = { section, name, before: before.get(name), after: after.get(name) };
    return isSameItem(section, change.before, change.after) ? [] : [change];
  });
}

function put<Key, Value>(table: Map<Key, Value>, key: Key, value: Value | undefined): void {
  if (value === undefined) table.delete(key);
  else table.set(key, value);
}

function formatChanged(at: string, before: unknown, after: unknown): string[] {
  const [a, b] = [flat(before, at), flat(after, at)];
  const keys = [...new Set([...a.keys(), ...b.keys()])];
  return keys.flatMap((key) => {
    const [was, is] = [a.get(key), b.get(key)];
    if (was === is) return [];
    if (was === undefined) return [`+ ${key}: ${is}`];
    return is === undefined ? [`- ${key}: ${was}`] : [`~ ${key}: ${was} → ${is}`];
  });
}

/** Values by their way through the item; absent ones left out. */
function flat(value: unknown, at: string): Map<string, string> {
  if (value === undefined) return new Map();
  if (typeof value !== "object" || value === null || Array.isArray(value)) return new Map([[at, text(value, at)]]);
  return new Map(Object.entries(value).flatMap(([key, each]) => [...flat(each, `${at}.${key}`)]));
}

function describe(item: unknown): string {
  const values = [...flat(item, "")].map(([key, value]) => (key === "" ? value : `${key.slice(1)} ${value}`));
  return values.join(", ");
}

const spans = /(?:^|\.)(?:interval|stuckAfter|window|grace|editionInterval|flushInterval)$/;

function text(value: unknown, at: string): string {
  if (typeof value === "number" && spans.test(at)) return formatDuration(milliseconds(value));
  if (Array.isArray(value)) return `[${value.join(", ")}]`;
  const shown = typeof value === "string" ? value : JSON.stringify(value);
  if (shown === undefined) throw new SkeinError("invalid-argument", `${at} cannot be shown`);
  return shown === "" ? '""' : shown;
}
