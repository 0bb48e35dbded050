// The rules by which a run passes (exit code 0), each as a sentence that names what broke it: a window, a device, a fault.

import type { DeviceId } from "../../src/base/ids.ts";
import type { Duration } from "../../src/base/units.ts";
import type { ExpectedWindow, ExpectedWindows } from "./expected-windows.ts";
import { type PublishedWindows, windowName } from "./published-windows.ts";

export interface DeviceEvidence {
  readonly device: DeviceId;
  /** Written down by its sensors. */
  readonly sensed: number;
  /** What its sensors yield by their profiles in the time that it was up. */
  readonly owed: number;
  /** On its card, without records of missing values. */
  readonly stored: number;
  readonly kills: number;
  readonly readingsPerSecond: number;
}

export interface Evidence {
  readonly published: PublishedWindows;
  readonly expected: ExpectedWindows;
  readonly devices: readonly DeviceEvidence[];
  readonly flushInterval: Duration;
  /** When the sensors were on, in site time: outside, everything is missing. */
  readonly sensing: { readonly from: number; readonly to: number };
  /** Faults asked for that could not be injected. */
  readonly faultsLeft: readonly string[];
  /** Of the coordinator register, and whatever else was seen that must not be. */
  readonly violations: readonly string[];
}

export interface ReadingTotals {
  readonly sensed: number;
  readonly stored: number;
  readonly counted: number;
  readonly missing: number;
  readonly lost: number;
  readonly double: number;
}

export interface Verdict {
  readonly passed: boolean;
  readonly readings: ReadingTotals;
  /** Why it did not pass; empty when it did. */
  readonly failures: readonly string[];
}

const sensedShareMin = 0.95;

export function judgeRun(evidence: Evidence): Verdict {
  const { published, expected, devices } = evidence;
  const windows = compareWindows(published, expected);
  const sensed = sum(devices, (device) => device.sensed);
  const readings: ReadingTotals = {
    sensed,
    stored: expected.stored,
    counted: published.counted,
    missing: published.missingWithin(evidence.sensing),
    lost: windows.lost + expected.homeless.length,
    double: windows.double,
  };
  const failures = [
    ...evidence.faultsLeft.map((fault) => `fault not injected: ${fault}`),
    ...sensing(devices, sensed),
    ...storing(evidence, sensed),
    ...windows.failures,
    ...expected.homeless.map((reading) => `stored, but in no window: ${reading}`),
    ...published.violations(),
    ...evidence.violations,
  ];
  return { passed: failures.length === 0, readings, failures };
}

/** Each published window, or span of merged ones, against the expected windows that begin in it. */
function compareWindows(
  published: PublishedWindows,
  expected: ExpectedWindows,
): { lost: number; double: number; failures: readonly string[] } {
  let lost = 0;
  let double = 0;
  const failures = new Map<string, string>();
  const compare = (name: string, stored: number, counted: number | undefined): void => {
    if (counted === stored) return;
    const wrong = (counted ?? 0) - stored;
    lost += Math.max(0, -wrong);
    double += Math.max(0, wrong);
    const what = wrong < 0 ? `${-wrong} lost` : `${wrong} too many`;
    const how = counted === undefined ? "never published" : `counted ${counted}`;
    failures.set(name, `window ${name}: stored ${stored}, ${how}: ${what}`);
  };
  const left = new Map<string, ExpectedWindow[]>();
  for (const window of expected.windows.values()) {
    const series = left.get(window.series) ?? [];
    left.set(window.series, series);
    series.push(window);
  }
  for (const series of left.values()) series.sort((a, b) => b.start - a.start);
  const neverPublished = (series: string, before: number): void => {
    const windows = left.get(series) ?? [];
    for (let next = windows.at(-1); next !== undefined && next.start < before; next = windows.at(-1)) {
      windows.pop();
      compare(windowName(series, next.start), next.count, undefined);
    }
  };
  for (const { series, start, end, count } of published.spans()) {
    neverPublished(series, start);
    let stored = 0;
    const windows = left.get(series) ?? [];
    for (let next = windows.at(-1); next !== undefined && next.start < end; next = windows.at(-1)) {
      windows.pop();
      stored += next.count;
    }
    compare(windowName(series, start), stored, count);
  }
  for (const series of left.keys()) neverPublished(series, Number.POSITIVE_INFINITY);
  return { lost, double, failures: [...failures].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text) };
}

function sensing(devices: readonly DeviceEvidence[], sensed: number): readonly string[] {
  const owed = sum(devices, (device) => device.owed);
  const silent = devices.filter((device) => device.sensed === 0).map(({ device }) => `${device} sensed nothing`);
  if (sensed >= sensedShareMin * owed) return silent;
  const share = ((100 * sensed) / owed).toFixed(1);
  const worst = [...devices].sort((a, b) => a.sensed - a.owed - (b.sensed - b.owed)).slice(0, 3);
  const named = worst.map((device) => `${device.device} ${device.sensed} of ${device.owed}`).join(", ");
  return [...silent, `sensed ${sensed} of the ${owed} readings that the sensors yield (${share} %): ${named}`];
}

function storing({ devices, flushInterval, expected }: Evidence, sensed: number): readonly string[] {
  const tooMany = devices
    .filter((device) => device.stored > device.sensed)
    .map((device) => `${device.device} stored ${device.stored} readings and sensed only ${device.sensed}`);
  const allowed = sum(devices, (device) => Math.ceil((device.kills * flushInterval * device.readingsPerSecond) / 1000));
  const unsynced = sensed - expected.stored;
  if (unsynced <= allowed) return tooMany;
  const named = devices
    .filter((device) => device.sensed > device.stored)
    .map((device) => `${device.device} ${device.sensed - device.stored} (${device.kills} kills)`);
  return [
    ...tooMany,
    `${unsynced} readings sensed but not stored; kills × flush interval × rate allow ${allowed}: ${named.join(", ")}`,
  ];
}

const sum = <Item>(items: readonly Item[], of: (item: Item) => number): number =>
  items.reduce((total, item) => total + of(item), 0);
