// A device whose agent runs in this process, with ports of its own; nothing is shared between two of them.

import type { Agent } from "../src/agent/agent.ts";
import type { AgentStatus } from "../src/agent/status.ts";
import { assert } from "../src/base/errors.ts";
import type { DeviceId } from "../src/base/ids.ts";
import type { DataDirectory } from "../src/base/ports/data-directory.ts";
import type { StoredReading } from "../src/readings/reading-log.ts";
import type { AgentHost, SensorDrivers, SimulatedAgent } from "./agent-door.ts";
import { PowerSwitch } from "./power-switch.ts";
import type { DeviceLedger } from "./sensed-ledger.ts";
import { LifeBook, type SimulatedDevice, type UpTime } from "./simulated-device.ts";

export interface InProcessDeviceOptions {
  readonly device: DeviceId;
  readonly host: AgentHost;
  readonly dataPath: string;
  readonly drivers: (clock: ReturnType<AgentHost["clock"]>) => SensorDrivers;
  readonly ledger: DeviceLedger;
  readonly agent: SimulatedAgent;
  /** The agent gave up by itself. */
  readonly ended: (device: DeviceId, reason: unknown) => void;
}

interface Life {
  readonly power: PowerSwitch;
  /** Undefined until its directory is open, or when it could not be opened. */
  data: DataDirectory | undefined;
  agent: Agent | undefined;
  opening: Promise<void>;
  isUp: boolean;
}

export class InProcessDevice implements SimulatedDevice {
  readonly device: DeviceId;
  readonly #options: InProcessDeviceOptions;
  readonly #book = new LifeBook();
  #life: Life | undefined;

  constructor(options: InProcessDeviceOptions) {
    this.#options = options;
    this.device = options.device;
  }

  get state(): "off" | "starting" | "up" {
    return this.#life === undefined ? "off" : this.#life.isUp ? "up" : "starting";
  }

  get sensed(): number {
    return this.#options.ledger.total;
  }

  get upTimes(): readonly UpTime[] {
    return this.#book.upTimes;
  }

  get kills(): number {
    return this.#book.kills;
  }

  async start(): Promise<void> {
    assert(this.#life === undefined, `${this.device} is started once at a time`);
    const { host, dataPath, agent } = this.#options;
    const power = new PowerSwitch();
    const life: Life = { power, data: undefined, agent: undefined, opening: Promise.resolve(), isUp: false };
    this.#life = life;
    this.#book.began(performance.now());
    try {
      const opened = host.openData(dataPath, agent);
      life.opening = opened.then((data) => {
        life.data = data;
      });
      await life.opening;
      if (!power.isOn) return;
      life.agent = this.#assemble(life, await opened);
      await life.agent.start();
      life.isUp = power.isOn;
    } catch (failure) {
      if (!power.isOn) return;
      await this.#end(life);
      throw failure;
    }
  }

  async kill(): Promise<void> {
    const life = this.#life;
    if (life === undefined) return;
    this.#book.kills += 1;
    await this.#end(life);
  }

  async stop(): Promise<void> {
    const life = this.#life;
    if (life === undefined) return;
    await life.agent?.stop();
    if (!life.power.isOn) return;
    this.#book.ended(performance.now());
    await life.power.cut();
    this.#life = undefined;
  }

  status(): Promise<AgentStatus | undefined> {
    return Promise.resolve(this.#life?.isUp === true ? this.#life.agent?.status() : undefined);
  }

  async storedReadings(): Promise<readonly StoredReading[]> {
    return (await this.#life?.agent?.storedReadings()) ?? [];
  }

  async #end(life: Life): Promise<void> {
    this.#book.ended(performance.now());
    const gone = life.power.cut();
    await life.opening.catch(() => undefined); // whoever started it hears of it
    await Promise.all([gone, life.data?.abandon()]);
    if (this.#life === life) this.#life = undefined;
  }

  #assemble({ power }: Life, data: DataDirectory): Agent {
    const { host, drivers, agent, ended } = this.#options;
    const real = host.clock();
    const clock = power.clock(real);
    const random = host.random();
    const ports = {
      clock,
      random,
      logger: host.logger(this.device),
      data,
      links: power.links(host.links(clock, random)),
      drivers: drivers(clock),
    };
    const made = host.createAgent(ports, agent);
    void made.failed.then((failure) => {
      if (power.isOn) ended(this.device, failure);
    });
    return made;
  }
}
