// What the site agrees on: devices, sensors, aggregations, settings. People write it as one YAML file (`docs/configuration.md`);
// the log carries it as changes of single items, so that a revision costs what it changes.

import type { DeviceId, SensorId } from "../base/ids.ts";
import type { Duration } from "../base/units.ts";

export const powers = ["mains", "battery"] as const;
/** What feeds a device. */
export type Power = (typeof powers)[number];

export interface DeviceConfiguration {
  /** Devices of one zone fail together. */
  readonly zone: string | undefined;
  readonly power: Power;
  readonly labels: Readonly<Record<string, string>>;
}

export type DriverConfiguration =
  /** A Linux thermal zone: by its `type` or by its number, e.g. `cpu-thermal` or `0`. */
  | { readonly kind: "thermal"; readonly zone: string }
  /** Readings out of messages of another device. `path` is a JSON path such as `$.temperature`; absent: the whole payload is the number. */
  | { readonly kind: "mqtt"; readonly broker: string; readonly topic: string; readonly path: string | undefined }
  /** A signal from a profile in `devices/`; only the simulated site has it. */
  | { readonly kind: "simulated"; readonly profile: string };

export interface SensorConfiguration {
  readonly device: DeviceId;
  readonly driver: DriverConfiguration;
  /** What is measured, e.g. `temperature`; groups the default aggregation. */
  readonly quantity: string;
  readonly unit: string;
  /** Between two readings; for a driver that is told rather than asks: the longest expected silence. */
  readonly interval: Duration;
  readonly range: { readonly min: number; readonly max: number } | undefined;
  /** The same value for longer is flagged. */
  readonly stuckAfter: Duration | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

export interface AggregationConfiguration {
  readonly window: Duration;
  readonly grace: Duration;
  /** `quantity`, `device`, `sensor`, `zone`, or `label:NAME`; each becomes one level of the topic. */
  readonly groupBy: readonly string[];
  /** Only sensors whose own or device's labels match all of these. */
  readonly where: Readonly<Record<string, string>>;
}

export interface SiteSettings {
  /** Between two editions of one window. */
  readonly editionInterval: Duration;
  /** What a power cut may take of the readings. */
  readonly flushInterval: Duration;
  /** Where the dashboard topic lives: a broker's URL without credentials, or `site` for the site's own brokers. */
  readonly uplink: string;
  /** Voters once there are devices enough: 1, 3, 5 or 7. */
  readonly voters: number;
}

export interface SiteConfiguration {
  readonly devices: ReadonlyMap<DeviceId, DeviceConfiguration>;
  readonly sensors: ReadonlyMap<SensorId, SensorConfiguration>;
  readonly aggregations: ReadonlyMap<string, AggregationConfiguration>;
  readonly settings: SiteSettings;
}

/** One item before and after; `before` absent: new, `after` absent: removed. Items are in their normal form (all keys, durations in ms). */
export interface ConfigurationChange {
  readonly section: "devices" | "sensors" | "aggregations" | "settings";
  readonly name: string;
  readonly before: unknown;
  readonly after: unknown;
}
