// What makes an item of the configuration sensible, and the whole consistent. The same rules for a file that a person wrote and
// for an entry of the log, so that nothing gets in by the back door.

import { formatDuration } from "../base/duration-text.ts";
import { isDeviceId, isSensorId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { hours, milliseconds, minutes, seconds } from "../base/units.ts";
import { parseJsonPath } from "../readings/json-path.ts";
import {
  type AggregationConfiguration,
  type DeviceConfiguration,
  type DriverConfiguration,
  powers,
  type SensorConfiguration,
  type SiteConfiguration,
} from "./configuration.ts";
import { graceMin } from "./configuration-defaults.ts";
import type { Section } from "./configuration-items.ts";
import { didYouMean } from "./did-you-mean.ts";
import { isAggregationName } from "./fold-codec.ts";

/** `key` is the way to it through the file: `sensors.door.interval`. */
export interface Problem {
  readonly key: string;
  readonly message: string;
}

/** What an aggregation can be grouped by, beside `label:NAME`. */
export const groupings: readonly string[] = ["quantity", "device", "sensor", "zone"];
/** What `where` knows beside labels; labels cannot be called so. */
export const ownLabels: readonly string[] = ["zone", "device", "quantity"];

export const bounds = {
  interval: { min: milliseconds(100), max: hours(24) },
  stuckAfter: { min: seconds(1), max: hours(24 * 7) },
  window: { min: seconds(1), max: hours(24) },
  grace: { min: seconds(1), max: hours(1) },
  editionInterval: { min: seconds(1), max: hours(24) },
  flushInterval: { min: milliseconds(100), max: minutes(10) },
} as const;

const levelPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/;
const levelWords = "1–32 letters, digits, - _ .";
const labelPattern = /^[a-z][a-z0-9_-]{0,31}$/;
const day = hours(24);

/** What is wrong with one item; `item` has its normal form. */
export function problemsOfItem(section: Section, name: string, item: unknown): readonly Problem[] {
  const problems: Problem[] = [];
  const at = section === "settings" ? section : `${section}.${name}`;
  const wrong = (key: string, message: string) => problems.push({ key: key === "" ? at : `${at}.${key}`, message });
  switch (section) {
    case "devices":
      if (!isDeviceId(name)) wrong("", `${quote(name)} is no device name: use 1–32 of a–z 0–9 -`);
      checkDevice(item as DeviceConfiguration, wrong);
      break;
    case "sensors":
      if (!isSensorId(name)) wrong("", `${quote(name)} is no sensor name: use 1–64 of a–z 0–9 - _ .`);
      checkSensor(item as SensorConfiguration, wrong);
      break;
    case "aggregations":
      if (!isAggregationName(name)) wrong("", `${quote(name)} is no aggregation name: use 1–32 of a–z 0–9 -`);
      checkAggregation(item as AggregationConfiguration, wrong);
      break;
    case "settings":
      checkSetting(name, item, wrong);
      break;
  }
  return problems;
}

/** What does not fit together. Items that are wrong by themselves are not reported again. */
export function problemsOfWhole({ devices, sensors, aggregations, settings }: SiteConfiguration): readonly Problem[] {
  const problems: Problem[] = [];
  const tables = [
    ["devices", devices.size, limits.members],
    ["sensors", sensors.size, limits.sensors],
    ["aggregations", aggregations.size, limits.aggregations],
  ] as const;
  for (const [key, size, most] of tables) {
    if (size > most) problems.push({ key, message: `${size} ${key}; a site has at most ${most}` });
  }
  for (const [name, { device }] of sensors) {
    if (devices.has(device)) continue;
    const hint = didYouMean(device, [...devices.keys()]);
    problems.push({
      key: `sensors.${name}.device`,
      message: `there is no device ${quote(device)} under devices${hint}`,
    });
  }
  const graceNeeded = graceMin(settings.flushInterval);
  for (const [name, { grace }] of aggregations) {
    if (grace >= graceNeeded) continue;
    const message = `expected at least ${formatDuration(graceNeeded)} with a flush interval of ${formatDuration(settings.flushInterval)} (devices flush, then send), found ${formatDuration(grace)}`;
    problems.push({ key: `aggregations.${name}.grace`, message });
  }
  return problems;
}

type Wrong = (key: string, message: string) => void;

function checkDevice({ zone, power, labels }: DeviceConfiguration, wrong: Wrong): void {
  if (zone !== undefined && !levelPattern.test(zone)) wrong("zone", `expected ${levelWords}, found ${quote(zone)}`);
  if (!powers.includes(power)) wrong("power", `expected ${powers.join(" or ")}, found ${quote(power)}`);
  checkLabels("labels", labels, wrong);
}

function checkSensor(sensor: SensorConfiguration, wrong: Wrong): void {
  const { device, driver, quantity, unit, interval, range, stuckAfter, labels } = sensor;
  if (!isDeviceId(device)) wrong("device", `expected a device name, found ${quote(device)}`);
  checkDriver(driver, wrong);
  if (!levelPattern.test(quantity)) wrong("quantity", `expected ${levelWords}, found ${quote(quantity)}`);
  if (unit.length > 16 || unit !== unit.trim()) wrong("unit", `expected at most 16 characters, found ${quote(unit)}`);
  checkSpan("interval", interval, wrong);
  if (stuckAfter !== undefined) checkSpan("stuckAfter", stuckAfter, wrong);
  if (stuckAfter !== undefined && stuckAfter <= interval) {
    wrong(
      "stuckAfter",
      `expected longer than the interval, ${formatDuration(interval)}, found ${formatDuration(stuckAfter)}`,
    );
  }
  if (range !== undefined && !(Number.isFinite(range.min) && Number.isFinite(range.max) && range.min < range.max)) {
    wrong("range", `expected [lowest, highest], found [${range.min}, ${range.max}]`);
  }
  checkLabels("labels", labels, wrong);
}

function checkDriver(driver: DriverConfiguration, wrong: Wrong): void {
  switch (driver.kind) {
    case "thermal":
      if (!/^[^/\s]{1,64}$/.test(driver.zone))
        wrong("zone", `expected a thermal zone's type or number, found ${quote(driver.zone)}`);
      break;
    case "mqtt":
      checkBroker("broker", driver.broker, wrong);
      if (!/^[^+#\0]{1,256}$/.test(driver.topic))
        wrong("topic", `expected one topic without + and #, found ${quote(driver.topic)}`);
      if (driver.path !== undefined) checkPath(driver.path, wrong);
      break;
    case "simulated":
      if (!levelPattern.test(driver.profile))
        wrong("profile", `expected the name of a profile, found ${quote(driver.profile)}`);
      break;
  }
}

function checkPath(text: string, wrong: Wrong): void {
  const path = parseJsonPath(text);
  if (path.kind === "wrong") {
    wrong("path", `expected ${path.expected} at character ${path.at + 1}, found ${quote(text)}`);
  }
}

function checkAggregation({ window, grace, groupBy, where }: AggregationConfiguration, wrong: Wrong): void {
  checkSpan("window", window, wrong);
  if (window > 0 && day % window !== 0) {
    wrong(
      "window",
      `expected a span that divides a day evenly, such as 10s, 1m, 15m, 1h, found ${formatDuration(window)}`,
    );
  }
  checkSpan("grace", grace, wrong);
  if (groupBy.length === 0 || groupBy.length > 8) wrong("groupBy", "expected 1 to 8 levels");
  if (new Set(groupBy).size !== groupBy.length) wrong("groupBy", "names the same level twice");
  for (const level of groupBy) {
    if (groupings.includes(level) || isLabelLevel(level)) continue;
    const hint = didYouMean(level, groupings);
    wrong("groupBy", `expected ${groupings.join(", ")} or label:NAME, found ${quote(level)}${hint}`);
  }
  for (const [name, value] of Object.entries(where)) {
    if (!labelPattern.test(name)) wrong("where", `${quote(name)} is no label's name`);
    if (!levelPattern.test(value)) wrong(`where.${name}`, `expected ${levelWords}, found ${quote(value)}`);
  }
}

function checkSetting(name: string, value: unknown, wrong: Wrong): void {
  switch (name) {
    case "editionInterval":
    case "flushInterval":
      if (typeof value !== "number" || !Number.isSafeInteger(value)) wrong(name, "expected a span of time");
      else checkSpan(name, value, wrong);
      break;
    case "uplink":
      if (value !== "site") checkBroker(name, value, wrong);
      break;
    case "voters":
      if (![1, 3, 5, 7].some((count) => count === value)) wrong(name, `expected 1, 3, 5 or 7, found ${quote(value)}`);
      break;
    default:
      wrong(name, `there is no setting ${quote(name)}`);
  }
}

function checkSpan(key: keyof typeof bounds, span: number, wrong: Wrong): void {
  const { min, max } = bounds[key];
  if (span >= min && span <= max) return;
  wrong(key, `expected ${formatDuration(min)} to ${formatDuration(max)}, found ${formatDuration(milliseconds(span))}`);
}

function checkBroker(key: string, text: unknown, wrong: Wrong): void {
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(?:mqtt|mqtts|ws|wss):$/.test(url.protocol) || url.hostname === "") {
    wrong(key, `expected mqtt://HOST:PORT, mqtts://, ws:// or wss://, found ${quote(text)}`);
  } else if (url.username !== "" || url.password !== "") {
    wrong(key, "must not contain a user name or password: every member of the site can read this");
  }
}

function checkLabels(key: string, labels: Readonly<Record<string, string>>, wrong: Wrong): void {
  const entries = Object.entries(labels);
  if (entries.length > 32) wrong(key, `expected at most 32 labels, found ${entries.length}`);
  for (const [name, value] of entries) {
    if (!labelPattern.test(name)) wrong(key, `${quote(name)} is no label's name: use 1–32 of a–z 0–9 - _`);
    else if (ownLabels.includes(name)) wrong(key, `${quote(name)} has a key of its own and cannot be a label`);
    if (!levelPattern.test(value)) wrong(`${key}.${name}`, `expected ${levelWords}, found ${quote(value)}`);
  }
}

const isLabelLevel = (level: string): boolean => level.startsWith("label:") && labelPattern.test(level.slice(6));

const quote = (value: unknown): string => JSON.stringify(value) ?? String(value);
