// Carries faults out, whether a script or a key asks for them, and brings devices back afterwards.

import { unreachable } from "../src/base/errors.ts";
import type { DeviceId } from "../src/base/ids.ts";
import type { Random } from "../src/base/ports/random.ts";
import type { Duration } from "../src/base/units.ts";
import type { FaultKind } from "./faults.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import type { SiteBroker } from "./site-broker.ts";

export interface FaultDeskOptions {
  readonly devices: readonly SimulatedDevice[];
  readonly broker: SiteBroker;
  readonly random: Random;
  /** How long a killed device stays without power. */
  readonly restartAfter: Duration;
  coordinator(): DeviceId | undefined;
  /** Something could not be carried out to its end; the run fails by it. */
  failed(text: string): void;
}

export class FaultDesk {
  readonly #options: FaultDeskOptions;
  readonly #work = new Set<Promise<void>>();
  /** When each killed device gets its power back, on this process's monotonic clock. */
  readonly #returning = new Map<SimulatedDevice, number>();
  #isBrokerBusy = false;

  constructor(options: FaultDeskOptions) {
    this.#options = options;
  }

  /** Which device it hits; undefined where no device is meant; false if it is not possible now. */
  inject(kind: FaultKind, named: DeviceId | undefined): DeviceId | undefined | false {
    switch (kind) {
      case "kill-coordinator":
        return this.#kill(this.#find(this.#options.coordinator()), true);
      case "kill":
        return this.#kill(named === undefined ? this.#anyFollower() : this.#find(named), true);
      case "crash":
        return this.#kill(named === undefined ? this.#anyFollower() : this.#find(named), false);
      case "restart":
        return this.#restart(named === undefined ? this.#anyFollower() : this.#find(named));
      case "stop-broker":
        return this.#switchBroker(false);
      case "start-broker":
        return this.#switchBroker(true);
      default:
        return unreachable(kind);
    }
  }

  /** Gives power back to the devices whose time has come. */
  tick(): void {
    const now = performance.now();
    for (const [device, due] of this.#returning) {
      if (due > now || device.state !== "off") continue;
      this.#returning.delete(device);
      this.#do(`${device.device} does not start again`, device.start());
    }
  }

  /** Everything on, whatever a fault has switched off. Resolves when all that was begun has ended. */
  async healAll(): Promise<void> {
    await this.settled();
    if (!this.#options.broker.isUp) this.#switchBroker(true);
    this.#returning.clear();
    for (const device of this.#options.devices) {
      if (device.state === "off") this.#do(`${device.device} does not start again`, device.start());
    }
    await this.settled();
  }

  async settled(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  #find(device: DeviceId | undefined): SimulatedDevice | undefined {
    return this.#options.devices.find((each) => each.device === device);
  }

  #anyFollower(): SimulatedDevice | undefined {
    const coordinator = this.#options.coordinator();
    const able = this.#options.devices.filter((each) => each.state === "up" && each.device !== coordinator);
    return able.length === 0 ? undefined : able[this.#options.random.below(able.length)];
  }

  #kill(device: SimulatedDevice | undefined, comesBack: boolean): DeviceId | false {
    if (device?.state !== "up") return false;
    this.#do(`${device.device} cannot be killed`, device.kill());
    if (comesBack) this.#returning.set(device, performance.now() + this.#options.restartAfter);
    return device.device;
  }

  #restart(device: SimulatedDevice | undefined): DeviceId | false {
    if (device === undefined || device.state === "starting") return false;
    this.#returning.delete(device);
    const again = device.state === "up" ? device.stop().then(() => device.start()) : device.start();
    this.#do(`${device.device} does not restart`, again);
    return device.device;
  }

  #switchBroker(isOn: boolean): undefined | false {
    const { broker } = this.#options;
    if (!broker.isOwn || this.#isBrokerBusy || broker.isUp === isOn) return false;
    this.#isBrokerBusy = true;
    const done = (isOn ? broker.start() : broker.stop()).finally(() => {
      this.#isBrokerBusy = false;
    });
    this.#do(`the broker does not ${isOn ? "start" : "stop"}`, done);
    return undefined;
  }

  #do(trouble: string, work: Promise<void>): void {
    const watched = work
      .catch((failure: unknown) => {
        this.#options.failed(`${trouble}: ${failure instanceof Error ? failure.message : String(failure)}`);
      })
      .finally(() => this.#work.delete(watched));
    this.#work.add(watched);
  }
}
