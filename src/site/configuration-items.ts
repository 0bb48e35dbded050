// Items of the configuration as compact arrays, for log entries and cells; and the check of their shape. Whether the values
// make sense is another question (configuration-rules.ts).

import { encode } from "../base/cbor.ts";
import { isDeviceId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import { type Duration, milliseconds } from "../base/units.ts";
import type {
  AggregationConfiguration,
  ConfigurationChange,
  DeviceConfiguration,
  DriverConfiguration,
  Power,
  SensorConfiguration,
} from "./configuration.ts";
import { defaultPower } from "./configuration-defaults.ts";

export type Section = ConfigurationChange["section"];
export const sections: readonly Section[] = ["settings", "devices", "aggregations", "sensors"];

type Plain = Readonly<Record<string, unknown>>;

const textLengthMax = 1_024;
const labelsMax = 32;

/** An item in its normal form from anything that looks like one: an API's argument, a decoded array turned object. */
export function normalItem(section: Section, value: unknown): unknown {
  return unpackItem(section, packItem(section, value));
}

/** Never fails: what has not the item's shape becomes an array that `unpackItem` refuses. */
export function packItem(section: Section, value: unknown): unknown {
  if (section === "settings") return value;
  if (!isPlainObject(value)) return null;
  switch (section) {
    case "devices": {
      const { zone, labels, power = defaultPower } = value;
      const packed = [zone ?? null, packTexts(labels)];
      return power === defaultPower ? packed : [...packed, power]; // the same bytes as before there was this key
    }
    case "sensors":
      return packSensor(value);
    case "aggregations": {
      const { window, grace, groupBy, where } = value;
      return [window, grace, groupBy, packTexts(where)];
    }
  }
}

/** Undefined for what is not a packed item. */
export function unpackItem(section: Section, value: unknown): unknown {
  switch (section) {
    case "settings":
      return typeof value === "number" || typeof value === "string" ? value : undefined;
    case "devices":
      return unpackDevice(value);
    case "sensors":
      return unpackSensor(value);
    case "aggregations":
      return unpackAggregation(value);
  }
}

/** Items are the same when their packed bytes are. */
export function isSameItem(section: Section, a: unknown, b: unknown): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Buffer.compare(encode(packItem(section, a)), encode(packItem(section, b))) === 0;
}

/** Changes in their normal form out of what an API's client sent; undefined if they are none. */
export function readChanges(value: unknown): readonly ConfigurationChange[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > limits.configurationChanges) return undefined;
  const changes: ConfigurationChange[] = [];
  for (const each of value) {
    const change = readChange(each);
    if (change === undefined) return undefined;
    changes.push(change);
  }
  return changes;
}

function readChange(value: unknown): ConfigurationChange | undefined {
  if (!isPlainObject(value)) return undefined;
  const { section, name, before, after } = value;
  if (!isSection(section) || typeof name !== "string" || name.length > textLengthMax) return undefined;
  const items = [before ?? undefined, after ?? undefined].map((item) => {
    return item === undefined
      ? { item }
      : { item: normalItem(section, item), isWrong: normalItem(section, item) === undefined };
  });
  if (items.some(({ isWrong }) => isWrong === true)) return undefined;
  return { section, name, before: items[0]?.item, after: items[1]?.item };
}

export const isSection = (value: unknown): value is Section => sections.some((section) => section === value);

function packSensor(sensor: Plain): unknown {
  const { device, driver, quantity, unit, interval, range, stuckAfter, labels } = sensor;
  return [
    device,
    isPlainObject(driver) ? packDriver(driver) : null,
    quantity,
    unit,
    interval,
    isPlainObject(range) ? packRange(range) : (range ?? null),
    stuckAfter ?? null,
    packTexts(labels),
  ];
}

const packRange = ({ min, max }: Plain): unknown => [min, max];

function packDriver({ kind, zone, broker, topic, path, profile }: Plain): unknown {
  if (kind === "thermal") return [kind, zone];
  if (kind === "mqtt") return [kind, broker, topic, path ?? null];
  return [kind, profile];
}

/** Sorted, so that equal labels have equal bytes. */
function packTexts(texts: unknown): unknown {
  if (!isPlainObject(texts)) return null;
  return Object.entries(texts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flat();
}

function unpackDevice(value: unknown): DeviceConfiguration | undefined {
  const fields = new Fields(value);
  const zone = fields.optional((each) => each.text(textLengthMax));
  const labels = fields.decoded(unpackTexts);
  const power = Array.isArray(value) && value.length > 2 ? (fields.text(textLengthMax) as Power) : defaultPower;
  return fields.finish({ zone, power, labels });
}

function unpackSensor(value: unknown): SensorConfiguration | undefined {
  const fields = new Fields(value, 8);
  return fields.finish({
    device: fields.matching(isDeviceId),
    driver: fields.decoded(unpackDriver),
    quantity: fields.text(textLengthMax),
    unit: fields.text(textLengthMax),
    interval: span(fields),
    range: fields.optional((each) => each.decoded(unpackRange)),
    stuckAfter: fields.optional(span),
    labels: fields.decoded(unpackTexts),
  });
}

function unpackDriver(value: unknown): DriverConfiguration | undefined {
  const fields = new Fields(value);
  const kind = fields.text(textLengthMax);
  switch (kind) {
    case "thermal":
      return fields.finish({ kind, zone: fields.text(textLengthMax) });
    case "mqtt": {
      const broker = fields.text(textLengthMax);
      const topic = fields.text(textLengthMax);
      return fields.finish({ kind, broker, topic, path: fields.optional((each) => each.text(textLengthMax)) });
    }
    case "simulated":
      return fields.finish({ kind, profile: fields.text(textLengthMax) });
    default:
      return undefined;
  }
}

function unpackRange(value: unknown): { min: number; max: number } | undefined {
  const fields = new Fields(value, 2);
  return fields.finish({ min: fields.number(), max: fields.number() });
}

function unpackAggregation(value: unknown): AggregationConfiguration | undefined {
  const fields = new Fields(value, 4);
  return fields.finish({
    window: span(fields),
    grace: span(fields),
    groupBy: fields.list(labelsMax, (item) => (typeof item === "string" ? item : undefined)),
    where: fields.decoded(unpackTexts),
  });
}

function unpackTexts(value: unknown): Readonly<Record<string, string>> | undefined {
  if (!Array.isArray(value) || value.length % 2 !== 0 || value.length > 2 * labelsMax) return undefined;
  const pairs: [string, string][] = [];
  for (let at = 0; at < value.length; at += 2) {
    const [key, text] = [value[at] as unknown, value[at + 1] as unknown];
    if (typeof key !== "string" || typeof text !== "string" || key === "__proto__") return undefined;
    if (key.length > textLengthMax || text.length > textLengthMax) return undefined;
    pairs.push([key, text]);
  }
  return Object.fromEntries(pairs);
}

const span = (fields: Fields): Duration => milliseconds(fields.count());

function isPlainObject(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
