// The site of a world that a test looks at by hand: without sensors, clients, or a storm of its own.

import type { SitePlan } from "../../../firmware-sim/world/site.ts";

export const bareSite: SitePlan = {
  devices: 1,
  brokers: [undefined],
  sensorsEach: 0,
  sensorInterval: 1_000,
  window: 10_000,
  flushInterval: 1_000,
  areLogsSmall: false,
  outboxBytes: undefined,
  areReadingsLogsSmall: false,
  clients: [],
  storm: 0,
};
