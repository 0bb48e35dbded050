// What is known of the devices from their own answers: the newest status of each, kept while it is off, and counters added up
// over all its lives.

import type { AgentStatus } from "../src/agent/status.ts";
import type { DeviceId } from "../src/base/ids.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import { LivesCounter } from "./usage-meter.ts";

export interface Traffic {
  readonly messages: number;
  readonly bytes: number;
  readonly deliveries: number;
}

interface Known {
  readonly device: SimulatedDevice;
  status: AgentStatus | undefined;
  isUp: boolean;
  readonly bytesWritten: LivesCounter;
  readonly messages: LivesCounter;
  readonly bytes: LivesCounter;
  readonly deliveries: LivesCounter;
}

export class KnownDevices {
  readonly #known: ReadonlyMap<DeviceId, Known>;

  constructor(devices: readonly SimulatedDevice[]) {
    const unknown = (device: SimulatedDevice): Known => ({
      device,
      status: undefined,
      isUp: false,
      bytesWritten: new LivesCounter(),
      messages: new LivesCounter(),
      bytes: new LivesCounter(),
      deliveries: new LivesCounter(),
    });
    this.#known = new Map(devices.map((device) => [device.device, unknown(device)]));
  }

  /** Asks every device. */
  async look(): Promise<void> {
    await Promise.all([...this.#known.values()].map((known) => this.#ask(known)));
  }

  /** The newest answer, also of a device that is off now. */
  status(device: DeviceId): AgentStatus | undefined {
    return this.#known.get(device)?.status;
  }

  /** Of all devices that ever answered, or only of those that do now. */
  statuses(whose: "all" | "up"): readonly AgentStatus[] {
    const known = [...this.#known.values()].filter(({ isUp }) => whose === "all" || isUp);
    return known.flatMap(({ status }) => (status === undefined ? [] : [status]));
  }

  /** Who says that it leads, in the newest term. */
  leader(): AgentStatus | undefined {
    return newest(this.statuses("up").filter(({ role }) => role === "leader"));
  }

  get isEverybodyUp(): boolean {
    return [...this.#known.values()].every(({ isUp }) => isUp);
  }

  /** Taken by the devices' stores, without records of missing values. */
  get stored(): number {
    return this.statuses("all").reduce((sum, { readings }) => sum + readings.taken - readings.missing, 0);
  }

  get bytesWritten(): number {
    return this.#sum(({ bytesWritten }) => bytesWritten);
  }

  /** As the agents count it. */
  traffic(): Traffic {
    return {
      messages: this.#sum(({ messages }) => messages),
      bytes: this.#sum(({ bytes }) => bytes),
      deliveries: this.#sum(({ deliveries }) => deliveries),
    };
  }

  #sum(of: (known: Known) => LivesCounter): number {
    return [...this.#known.values()].reduce((sum, known) => sum + of(known).total, 0);
  }

  async #ask(known: Known): Promise<void> {
    const status = await known.device.status();
    known.isUp = status !== undefined;
    if (status === undefined) return;
    known.status = status;
    known.bytesWritten.read(status.disk.bytesWritten);
    known.messages.read(status.traffic.messagesSent);
    known.bytes.read(status.traffic.bytesSent);
    known.deliveries.read(status.traffic.messagesReceived);
  }
}

/** Of the newest term. */
export function newest(statuses: readonly AgentStatus[]): AgentStatus | undefined {
  return statuses.reduce<AgentStatus | undefined>(
    (best, status) => (best === undefined || status.term > best.term ? status : best),
    undefined,
  );
}
