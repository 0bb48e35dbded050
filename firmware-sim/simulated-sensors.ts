// The sensors of one device over all its lives: made from the site's configuration, on one grid of sampling instants, and
// switched on and off together with the world.

import { SkeinError } from "../src/base/errors.ts";
import type { SensorId } from "../src/base/ids.ts";
import type { Clock } from "../src/base/ports/clock.ts";
import type { Duration, Instant } from "../src/base/units.ts";
import type { SensorConfiguration } from "../src/site/configuration.ts";
import type { SensorDrivers } from "./agent-door.ts";
import type { Profiles } from "./profiles.ts";
import type { SensedLedger } from "./sensed-ledger.ts";
import { SensorSignal } from "./sensor-signal.ts";
import { SimulatedDriver } from "./simulated-driver.ts";

export interface SensorWorld {
  readonly profiles: Profiles;
  readonly seed: number;
  readonly day: Duration;
  /** Sampling instant 0, on this process's monotonic clock. */
  readonly origin: Instant;
  /** Sensors hand out nothing before the site is complete and after the run. */
  isSilent(): boolean;
}

export function sensorSignal(world: SensorWorld, sensor: SensorId, configuration: SensorConfiguration): SensorSignal {
  const { driver } = configuration;
  const profile = driver.kind === "simulated" ? world.profiles.sensors.get(driver.profile) : undefined;
  if (profile === undefined) {
    throw new SkeinError("driver-failed", `${sensor}: only sensors with a profile of devices/sensors can be simulated`);
  }
  const { seed, day } = world;
  return new SensorSignal({ ...profile, interval: configuration.interval }, { seed, name: sensor, day });
}

export function simulatedDrivers(world: SensorWorld, ledger: SensedLedger, clock: Clock): SensorDrivers {
  return (sensor, configuration) =>
    new SimulatedDriver({
      sensor,
      clock,
      ledger,
      origin: world.origin,
      signal: sensorSignal(world, sensor, configuration),
      isSilent: () => world.isSilent(),
    });
}
