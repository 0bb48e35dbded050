// What the world itself saw: the sensor writes each reading down in the moment in which it hands it out, so that no agent
// has a say in what is expected of it.

import { openSync, writeSync } from "node:fs";
import type { DeviceId, SensorId } from "../src/base/ids.ts";

/** Where a sensor writes. */
export interface SensedLedger {
  sensed(sensor: SensorId): void;
}

/** Counts per device, in memory. */
export class DeviceLedger implements SensedLedger {
  readonly device: DeviceId;
  #total = 0;

  constructor(device: DeviceId) {
    this.device = device;
  }

  get total(): number {
    return this.#total;
  }

  sensed(): void {
    this.#total += 1;
  }
}

/** One byte per reading, handed to the system before the reading is handed to the agent: a SIGKILL does not take it back. */
export class FileLedger implements SensedLedger {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  sensed(): void {
    writeSync(this.#file, ".");
  }
}
