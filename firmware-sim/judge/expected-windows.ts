// What each window must count, worked out from the cards alone: the readings that the devices' stores have synced, put into
// windows by their stamps and the configuration. Nothing of the agents' own counting is used.

import type { StoredReading } from "../../src/readings/reading-log.ts";
import { quality } from "../../src/readings/types.ts";
import type { SensorConfiguration, SiteConfiguration } from "../../src/site/configuration.ts";
import { windowName } from "./published-windows.ts";

export interface ExpectedWindow {
  readonly series: string;
  readonly start: number;
  readonly count: number;
}

export interface ExpectedWindows {
  /** By window name; only the aggregation that every sensor is in exactly once. */
  readonly windows: ReadonlyMap<string, ExpectedWindow>;
  readonly stored: number;
  /** Stored readings that no window can take: without a stamp, or of no configured sensor. */
  readonly homeless: readonly string[];
}

const aggregationName = "all";

export function expectWindows(plan: SiteConfiguration, cards: Iterable<readonly StoredReading[]>): ExpectedWindows {
  const windows = new Map<string, ExpectedWindow>();
  const homeless: string[] = [];
  let stored = 0;
  for (const card of cards) {
    for (const reading of card) {
      if ((reading.quality & quality.missing) !== 0) continue;
      stored += 1;
      const window = windowOf(plan, reading);
      if (window === undefined) {
        homeless.push(`${reading.sensor} number ${reading.number}`);
        continue;
      }
      const name = windowName(window.series, window.start);
      windows.set(name, { ...window, count: (windows.get(name)?.count ?? 0) + 1 });
    }
  }
  return { windows, stored, homeless };
}

function windowOf(
  plan: SiteConfiguration,
  { sensor, stamp }: StoredReading,
): Omit<ExpectedWindow, "count"> | undefined {
  const aggregation = plan.aggregations.get(aggregationName);
  const configuration = plan.sensors.get(sensor);
  if (aggregation === undefined || configuration === undefined || stamp === undefined) return undefined;
  const group = aggregation.groupBy.map((by) => level(plan, configuration, sensor, by)).join("/");
  const start = Math.floor(stamp / aggregation.window) * aggregation.window;
  return { series: `${aggregationName}/${group}`, start };
}

function level(plan: SiteConfiguration, sensor: SensorConfiguration, name: string, by: string): string {
  const device = plan.devices.get(sensor.device);
  if (by === "quantity") return sensor.quantity;
  if (by === "zone") return device?.zone ?? "none";
  if (by === "device") return sensor.device;
  if (by === "sensor") return name;
  const label = by.slice("label:".length);
  return sensor.labels[label] ?? device?.labels[label] ?? "none";
}
