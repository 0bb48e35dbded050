// What holds where a configuration says nothing.

import { type Duration, milliseconds, seconds } from "../base/units.ts";
import type { AggregationConfiguration, Power, SiteConfiguration, SiteSettings } from "./configuration.ts";

/** How far, at most, a device's site time may be from the coordinator's before its readings are held back (DESIGN §6). */
const clockErrorMax = seconds(2);
/** Devices send what a window got at a random moment within this after its end, so that they do not all send at once. */
const contributionJitterMax = seconds(2);

export const defaultSettings: SiteSettings = {
  editionInterval: seconds(60),
  flushInterval: seconds(10),
  uplink: "site",
  voters: 5,
};

/**
 * The last reading of a window is on disk a flush later, is sent within the jitter, and the sender's clock may be behind.
 * Closing earlier loses nothing, but makes a second edition of nearly every window.
 */
export const graceMin = (flushInterval: Duration): Duration =>
  milliseconds(flushInterval + clockErrorMax + contributionJitterMax);

/** The shortest that is enough, and a second for the way through brokers and log. */
export const defaultGrace = (flushInterval: Duration): Duration => milliseconds(graceMin(flushInterval) + seconds(1));

export const defaultPower: Power = "mains";

/** Every sensor of the site, in one group for each quantity. */
export const defaultAggregation = (flushInterval: Duration): AggregationConfiguration => ({
  window: seconds(60),
  grace: defaultGrace(flushInterval),
  groupBy: ["quantity"],
  where: {},
});

export const defaultAggregationName = "all";

/** What a newly founded site has. */
export const defaultConfiguration: SiteConfiguration = {
  devices: new Map(),
  sensors: new Map(),
  aggregations: new Map([[defaultAggregationName, defaultAggregation(defaultSettings.flushInterval)]]),
  settings: defaultSettings,
};
