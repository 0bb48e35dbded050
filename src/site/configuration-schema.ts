// The keys of a configuration file: one list for the reader's "did you mean", for docs/configuration.md and for the JSON schema
// in docs/schemas; tests hold the three together.

export const fileVersion = 1;

const sensorKeys = ["device", "driver", "quantity", "unit", "interval", "range", "stuckAfter", "labels"] as const;

export const configurationKeys = {
  file: ["skein", "settings", "devices", "sensors", "aggregations"],
  settings: ["editionInterval", "flushInterval", "uplink", "voters"],
  device: ["zone", "power", "labels"],
  /** Those of every sensor; each driver has further ones. */
  sensor: sensorKeys,
  aggregation: ["window", "grace", "groupBy", "where"],
} as const;

export const driverKeys = {
  thermal: ["zone"],
  mqtt: ["broker", "topic", "path"],
  simulated: ["profile"],
} as const;

export type DriverKind = keyof typeof driverKeys;
export const driverKinds = Object.keys(driverKeys) as readonly DriverKind[];
export const isDriverKind = (text: string | undefined): text is DriverKind => driverKinds.some((kind) => kind === text);
