// Short ways to write down what the readings' tests need.

import { deviceId, type SensorId, sensorId } from "../../src/base/ids.ts";
import { logIndex, milliseconds, siteTime } from "../../src/base/units.ts";
import type { Definitions, DefinitionVersion, Reading } from "../../src/readings/types.ts";

export interface AggregationPlan {
  readonly name?: string;
  readonly window: number;
  /** Sensor → "device" or "device/group". */
  readonly sensors: Readonly<Record<string, string>>;
}

export function version(from: number, ...plans: readonly AggregationPlan[]): DefinitionVersion {
  const aggregations = plans.map(({ name = "all", window, sensors }) => ({
    name,
    window: milliseconds(window),
    grace: milliseconds(5000),
    sensors: new Map(
      Object.entries(sensors).map(([sensor, place]) => {
        const [device = "", group = "g"] = place.split("/");
        return [sensorId(sensor), { device: deviceId(device), group }] as const;
      }),
    ),
  }));
  return { from: siteTime(from), aggregations };
}

export function definitions(...versions: readonly DefinitionVersion[]): Definitions {
  return { revision: logIndex(versions.length), versions };
}

export function reading(number: number, stamp: number, value: number, sensor = "t", flags = 0): Reading {
  return { number, sensor: sensorId(sensor), stamp: siteTime(stamp), value, quality: flags };
}

export const aSensor: SensorId = sensorId("t");
export const aDevice = deviceId("pi");
