// The configuration of a simulated site: N devices in five zones with four sensors each, as a person would have written it.

import { SkeinError } from "../src/base/errors.ts";
import { type DeviceId, deviceId, type SensorId, sensorId } from "../src/base/ids.ts";
import { limits } from "../src/base/limits.ts";
import { type Duration, seconds } from "../src/base/units.ts";
import type {
  ConfigurationChange,
  DeviceConfiguration,
  SensorConfiguration,
  SiteConfiguration,
} from "../src/site/configuration.ts";
import { defaultConfiguration, defaultPower, graceMin } from "../src/site/configuration-defaults.ts";
import { diffConfiguration } from "../src/site/configuration-diff.ts";
import type { Profiles } from "./profiles.ts";

/** Zones of a small farm, and what is measured in each. */
const zones: readonly (readonly [zone: string, sensors: readonly string[]])[] = [
  ["greenhouse", ["temperature-indoor", "humidity", "soil-moisture", "co2"]],
  ["field", ["temperature-outdoor", "soil-moisture", "light", "pressure"]],
  ["barn", ["temperature-indoor", "humidity", "co2", "vibration"]],
  ["cold-store", ["temperature-indoor", "humidity", "power", "vibration"]],
  ["workshop", ["temperature-indoor", "light", "power", "vibration"]],
];

/** Shorter than at home: what happens on a site shall be seen within minutes. */
export interface SiteTimes {
  readonly window: Duration;
  readonly editionInterval: Duration;
  readonly flushInterval: Duration;
}

export const simulatedTimes: SiteTimes = {
  window: seconds(10),
  editionInterval: seconds(5),
  flushInterval: seconds(2),
};

export function planSite(profiles: Profiles, options: SiteTimes & { readonly devices: number }): SiteConfiguration {
  const boards = [...profiles.boards.values()];
  const devices = new Map<DeviceId, DeviceConfiguration>();
  const sensors = new Map<SensorId, SensorConfiguration>();
  for (const [place, device] of planDevices(options.devices).entries()) {
    const [zone, measured] = zones[place % zones.length] ?? ["", []];
    const board = boards[place % boards.length];
    devices.set(device, { zone, power: defaultPower, labels: board === undefined ? {} : { board: board.name } });
    for (const profile of measured)
      sensors.set(sensorId(`${device}.${profile}`), planSensor(profiles, device, profile));
  }
  return {
    devices,
    sensors,
    aggregations: new Map([
      [
        "all",
        { window: options.window, grace: graceMin(options.flushInterval), groupBy: ["quantity", "zone"], where: {} },
      ],
    ]),
    settings: {
      editionInterval: options.editionInterval,
      flushInterval: options.flushInterval,
      uplink: "site",
      voters: 5,
    },
  };
}

/** `pi-01`, `pi-02` …: as many digits as the last one needs, at least two. */
export function planDevices(count: number): readonly DeviceId[] {
  if (!Number.isInteger(count) || count < 1 || count > limits.members) {
    throw new SkeinError("invalid-argument", `A site has 1 to ${limits.members} devices, not ${count}`);
  }
  const digits = Math.max(2, String(count).length);
  return Array.from({ length: count }, (_, i) => deviceId(`pi-${String(i + 1).padStart(digits, "0")}`));
}

function planSensor(profiles: Profiles, device: DeviceId, name: string): SensorConfiguration {
  const profile = profiles.sensors.get(name);
  if (profile === undefined) throw new SkeinError("not-found", `There is no sensor profile ${name} in devices/sensors`);
  return {
    device,
    driver: { kind: "simulated", profile: name },
    quantity: profile.quantity,
    unit: profile.unit,
    interval: profile.interval,
    range: profile.range,
    stuckAfter: profile.stuckAfter,
    labels: {},
  };
}

/** What a new site has to change. */
export const planChanges = (plan: SiteConfiguration): readonly ConfigurationChange[] =>
  diffConfiguration(defaultConfiguration, plan);
