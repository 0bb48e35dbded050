// From a sensor's configuration to what reads it. A new kind of driver is a file here and a line below.

import { SkeinError } from "../../base/errors.ts";
import type { SensorId } from "../../base/ids.ts";
import type { Driver } from "../../base/ports/driver.ts";
import { type MqttSourcePorts, MqttSources } from "../../readings/mqtt-driver.ts";
import { PolledDriver } from "../../readings/polled-driver.ts";
import type { SensorConfiguration } from "../../site/configuration.ts";
import { ThermalSource } from "./thermal.ts";

export interface DriverPorts extends MqttSourcePorts {
  /** Where thermal zones are; the default is Linux's place. */
  readonly thermalRoot?: string;
}

export type Drivers = (sensor: SensorId, configuration: SensorConfiguration) => Driver;

/** One call per agent: its `mqtt` sensors share their links. A kind that this machine has not is a driver that says so. */
export function createDrivers(ports: DriverPorts): Drivers {
  const mqtt = new MqttSources(ports);
  return (sensor, { driver, interval }) => {
    switch (driver.kind) {
      case "thermal": {
        const { zone } = driver;
        const root = ports.thermalRoot === undefined ? {} : { root: ports.thermalRoot };
        return new PolledDriver(ports.clock, {
          sensor,
          interval,
          source: new ThermalSource({ sensor, zone, ...root }),
        });
      }
      case "mqtt":
        return mqtt.driver(sensor, driver);
      case "simulated": {
        const why = `${sensor}: profile ${JSON.stringify(driver.profile)} is simulated; only \`skein sim\` has such sensors`;
        const failure = new SkeinError("driver-failed", why);
        return { start: (sink) => ports.clock.soon(() => sink.fault(failure)), stop: () => {} };
      }
      default:
        return driver satisfies never;
    }
  };
}
