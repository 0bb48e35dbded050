// What the people of a simulated site configure at first, and what they change later.

import { deviceId, type SensorId, sensorId } from "../../src/base/ids.ts";
import type { Random } from "../../src/base/ports/random.ts";
import { milliseconds } from "../../src/base/units.ts";
import { powers, type SensorConfiguration, type SiteConfiguration } from "../../src/site/configuration.ts";
import { defaultConfiguration, defaultPower, graceMin } from "../../src/site/configuration-defaults.ts";
import { uplinkUrl } from "./names.ts";
import type { SitePlan } from "./site.ts";

const quantities = ["temperature", "humidity", "pressure"] as const;
const zones = ["north", "south", "east"] as const;

function one<T>(items: readonly T[], random: Random): T {
  const item = items[random.below(items.length)];
  if (item === undefined) throw new Error("there is nothing to choose from");
  return item;
}

/** Devices that may come later, at most. */
export const newcomersMax = 2;
/** From 1 on. */
export const newcomerName = ({ devices }: SitePlan, number: number): string => `pi-${devices + number}`;

export function firstConfiguration(plan: SitePlan, names: readonly string[]): SiteConfiguration {
  const sensors = new Map<SensorId, SensorConfiguration>();
  for (const name of names) {
    for (let i = 0; i < plan.sensorsEach; i++) sensors.set(sensorId(`${name}-s${i + 1}`), sensor(plan, name, i));
  }
  const flushInterval = milliseconds(plan.flushInterval);
  return {
    devices: new Map(
      names.map((name, i) => [
        deviceId(name),
        { zone: zones[i % zones.length], power: powers[i % powers.length] ?? defaultPower, labels: {} },
      ]),
    ),
    sensors,
    aggregations: new Map([
      ["all", { window: milliseconds(plan.window), grace: graceMin(flushInterval), groupBy: ["quantity"], where: {} }],
    ]),
    settings: {
      ...defaultConfiguration.settings,
      uplink: uplinkUrl,
      editionInterval: milliseconds(5_000),
      flushInterval,
    },
  };
}

const sensor = (plan: SitePlan, device: string, number: number): SensorConfiguration => ({
  device: deviceId(device),
  driver: { kind: "simulated", profile: "world" },
  quantity: quantities[number % quantities.length] ?? "temperature",
  unit: "1",
  interval: milliseconds(plan.sensorInterval),
  range: undefined,
  stuckAfter: undefined,
  labels: {},
});

/** One change that a person might make; always a change. */
export function changed(configuration: SiteConfiguration, plan: SitePlan, random: Random): SiteConfiguration {
  const { devices, sensors, aggregations } = configuration;
  const kind = random.below(10);
  const sensorNames = [...sensors.keys()];
  if (kind === 0 && sensorNames.length > 0) {
    const name = one(sensorNames, random);
    const before = sensors.get(name);
    const others = [...devices.keys()].filter((device) => device !== before?.device);
    if (before !== undefined && others.length > 0) {
      return { ...configuration, sensors: new Map(sensors).set(name, { ...before, device: one(others, random) }) };
    }
  }
  if (kind === 1 && sensorNames.length > 0) {
    const name = one(sensorNames, random);
    const before = sensors.get(name);
    const others = quantities.filter((quantity) => quantity !== before?.quantity);
    if (before !== undefined) {
      return { ...configuration, sensors: new Map(sensors).set(name, { ...before, quantity: one(others, random) }) };
    }
  }
  if (kind === 2) {
    const all = aggregations.get("all");
    if (all !== undefined) {
      const window = milliseconds(all.window === plan.window ? 2 * plan.window : plan.window);
      return { ...configuration, aggregations: new Map(aggregations).set("all", { ...all, window }) };
    }
  }
  if (kind === 3) {
    const { zones: by, ...rest } = Object.fromEntries(aggregations);
    const all = aggregations.get("all");
    if (by !== undefined) return { ...configuration, aggregations: new Map(Object.entries(rest)) };
    if (all !== undefined) {
      return { ...configuration, aggregations: new Map(aggregations).set("zones", { ...all, groupBy: ["zone"] }) };
    }
  }
  if (kind === 4 && sensorNames.length > 1) {
    const rest = new Map(sensors);
    rest.delete(one(sensorNames, random));
    return { ...configuration, sensors: rest };
  }
  const device = one([...devices.keys()], random);
  if (kind === 5) {
    const name = sensorId(`${device}-n${random.below(100)}`);
    if (!sensors.has(name)) {
      return { ...configuration, sensors: new Map(sensors).set(name, sensor(plan, device, random.below(3))) };
    }
  }
  if (kind === 6) {
    // Before it comes or afterwards, with a sensor of its own.
    const name = newcomerName(plan, 1 + random.below(newcomersMax));
    if (!devices.has(deviceId(name))) {
      return {
        ...configuration,
        devices: new Map(devices).set(deviceId(name), {
          zone: one(zones, random),
          power: one(powers, random),
          labels: {},
        }),
        sensors: new Map(sensors).set(sensorId(`${name}-s1`), sensor(plan, name, random.below(3))),
      };
    }
  }
  const before = devices.get(device);
  const labels = { ...before?.labels, mark: String(random.below(2 ** 30)) };
  const power = kind === 7 ? one(powers, random) : (before?.power ?? defaultPower);
  return { ...configuration, devices: new Map(devices).set(device, { zone: before?.zone, power, labels }) };
}
