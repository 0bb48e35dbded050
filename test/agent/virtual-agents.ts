// Whole agents in virtual time: the real `createAgent` over simulated brokers and disks, sensors that write down what they
// hand out, and a subscriber of the dashboard topic that believes only what it receives.

import { SimulatedDisk } from "../../firmware-sim/disk/simulated-disk.ts";
import { PublishedWindows } from "../../firmware-sim/judge/published-windows.ts";
import { lineLogger } from "../../firmware-sim/line-logger.ts";
import { SimulatedNetwork } from "../../firmware-sim/network.ts";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { type Agent, createAgent } from "../../src/agent/agent.ts";
import type { AgentConfiguration, AgentPorts } from "../../src/agent/ports.ts";
import type { AgentStatus } from "../../src/agent/status.ts";
import { assert, SkeinError } from "../../src/base/errors.ts";
import { deviceId, type SensorId, sensorId, siteId } from "../../src/base/ids.ts";
import type { Driver } from "../../src/base/ports/driver.ts";
import type { Logger } from "../../src/base/ports/logger.ts";
import { type Duration, milliseconds, seconds } from "../../src/base/units.ts";
import { readDashboard } from "../../src/cli/dashboard/reader.ts";
import { ApiClient } from "../../src/mqtt/api-client.ts";
import { quality } from "../../src/readings/types.ts";
import { defaultTiming } from "../../src/replica/open-replica.ts";
import type { SensorConfiguration, SiteConfiguration, SiteSettings } from "../../src/site/configuration.ts";
import { defaultConfiguration } from "../../src/site/configuration-defaults.ts";
import { applyChanges, diffConfiguration } from "../../src/site/configuration-diff.ts";
import { readChanges } from "../../src/site/configuration-items.ts";

export const brokerUrl = "mqtt://broker:1883";
/** The uplink goes elsewhere, where nothing fails: what reached this broker is what the cloud has. */
export const cloudUrl = "mqtt://cloud:1883";

const loggerTo = (lines: string[], name: string, time: VirtualTime): Logger =>
  lineLogger((level, event, fields) => {
    lines.push(`${(time.now / 1000).toFixed(3)} ${name} ${level} ${event} ${JSON.stringify(fields)}`);
  });

export class VirtualDevice {
  readonly name: string;
  /** Of the machine, which is another one for a copy of a card. */
  readonly host: string;
  disk: SimulatedDisk;
  agent: Agent | undefined;
  clock: VirtualClock | undefined;

  /** Of the present life. */
  failure: SkeinError | undefined;

  constructor(name: string, disk: SimulatedDisk, host = name) {
    this.name = name;
    this.host = host;
    this.disk = disk;
  }

  get status(): AgentStatus {
    if (this.agent === undefined) throw new Error(`${this.host} is not running`);
    return this.agent.status();
  }
}

const rethrow = (cause: unknown): never => {
  throw cause;
};

interface Message {
  readonly topic: string;
  readonly body: Record<string, unknown>;
}

export class VirtualAgents {
  readonly time = new VirtualTime();
  readonly random: SeededRandom;
  readonly network: SimulatedNetwork;
  readonly devices: VirtualDevice[] = [];
  readonly log: string[] = [];
  /** Readings that sensors handed out, by sensor. */
  readonly sensed = new Map<string, number>();
  /** Messages with an id: items of the outbox, in the order of arrival. */
  readonly items: Message[] = [];
  readonly published = new PublishedWindows();
  readonly #client: ApiClient;
  readonly #clientSession: string;
  /** Of checkpoints, the log's tail and the replicated state; the usual ones if absent. */
  sizes: AgentConfiguration["sizes"];
  /** Whose drivers this host has not. */
  readonly unknownDrivers = new Set<string>();
  /** The machine's clock at each start; a right and synchronised one unless a test says otherwise. */
  clockOf: (device: VirtualDevice) => VirtualClock = () => new VirtualClock(this.time);
  groupBy = ["quantity"];
  /** Names of devices; as of the next `configure`. */
  readonly onBattery = new Set<string>();
  /** Of the site; the world has the first. */
  readonly brokers = [brokerUrl];
  #serial = 0;
  #areSensorsSilent = false;

  constructor(seed: number, count: number) {
    this.random = new SeededRandom(seed);
    this.network = new SimulatedNetwork(this.time, this.random.fork("network"));
    this.network.addBroker(brokerUrl);
    this.network.addBroker(cloudUrl);
    for (let i = 1; i <= count; i++) this.devices.push(new VirtualDevice(`pi-${i}`, this.newDisk(i)));
    const clock = new VirtualClock(this.time);
    this.#clientSession = Buffer.from(this.random.bytes(16)).toString("hex");
    this.network.device("cloud").open(
      {
        url: cloudUrl,
        clientId: "cloud",
        keepAlive: seconds(30),
        subscriptions: [
          { filter: "skein/1/test/aggregates/#", qos: 1 },
          { filter: "skein/1/test/events/#", qos: 1 },
        ],
        maxPendingBytes: 1_000_000,
      },
      {
        up: () => undefined,
        down: () => undefined,
        message: ({ topic, payload }) => this.#received(topic, payload),
      },
    );
    this.#client = new ApiClient(
      { clock, random: this.random.fork("client"), links: this.network.device("client") },
      { site: siteId("test"), broker: { url: brokerUrl }, name: "test" },
      { changed: () => undefined },
    );
    this.#client.start();
  }

  #received(topic: string, payload: Uint8Array): void {
    const body = JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>;
    if (typeof body["id"] !== "string") return;
    this.items.push({ topic, body });
    const message = readDashboard(siteId("test"), topic, payload);
    const isFirst = this.published.item(body["id"], topic, payload, true) === "first";
    if (isFirst && message.kind === "aggregate") this.published.aggregate(message.values);
  }

  newDisk(number: number): SimulatedDisk {
    return new SimulatedDisk(this.time, this.random.fork(`disk ${number} ${this.time.now}`));
  }

  at(index: number): VirtualDevice {
    const found = this.devices[index];
    if (found === undefined) throw new Error(`there is no device ${index}`);
    return found;
  }

  async settle<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const watched = promise.finally(() => {
      isSettled = true;
    });
    watched.catch(() => undefined);
    for (let i = 0; !isSettled && i < 100_000; i++) {
      this.time.run(milliseconds(1));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return watched;
  }

  async run(span: Duration): Promise<void> {
    for (let passed = 0; passed < span; passed += 20) {
      this.time.run(milliseconds(Math.min(20, span - passed)));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  start(device: VirtualDevice, found = device === this.devices[0]): Promise<void> {
    return this.settle(this.launch(device, found));
  }

  /** As `start`, but time passes only where the test lets it. */
  async launch(device: VirtualDevice, found: boolean): Promise<void> {
    const clock = this.clockOf(device);
    device.clock = clock;
    const data = await device.disk.openDataDirectory();
    const ports: AgentPorts = {
      clock,
      random: this.random.fork(`${device.name} ${this.time.now}`),
      logger: loggerTo(this.log, device.name, this.time),
      data,
      links: this.network.device(device.host),
      drivers: (sensor) => {
        if (this.unknownDrivers.has(sensor)) throw new SkeinError("invalid-argument", `no driver for ${sensor}`);
        return this.#driver(sensor, clock);
      },
    };
    const agent = createAgent(this.watched(device, ports), {
      site: siteId("test"),
      device: deviceId(device.name),
      found,
      brokers: this.brokers.map((url) => ({ url })),
      keepAlive: seconds(10),
      timing: defaultTiming,
      version: "0.0.0-test",
      ...(this.sizes === undefined ? {} : { sizes: this.sizes }),
    });
    device.agent = agent;
    device.failure = undefined;
    agent.failed.then((failure) => {
      if (device.agent === agent) device.failure = failure;
    }, rethrow);
    await agent.start();
  }

  /** Of the start that is about to happen; whoever wants to look on overrides it. */
  protected watched(_device: VirtualDevice, ports: AgentPorts): AgentPorts {
    return ports;
  }

  async stop(device: VirtualDevice): Promise<void> {
    await this.settle(device.agent?.stop() ?? Promise.resolve());
    device.agent = undefined;
    device.clock?.stop();
    device.disk = device.disk.crash();
  }

  /** A power cut: nothing of this life happens any more, and the broker notices soon. */
  crash(device: VirtualDevice): void {
    device.clock?.stop();
    device.agent = undefined;
    this.network.kill(device.host);
    device.disk = device.disk.crash();
  }

  leader(): VirtualDevice | undefined {
    return this.devices.find(({ agent }) => agent?.status().role === "leader");
  }

  /** Waits until `holds`, or fails with the log's end. */
  async until(what: string, holds: () => boolean, within: Duration): Promise<void> {
    for (let passed = 0; passed < within; passed += 100) {
      if (holds()) return;
      await this.run(milliseconds(100));
    }
    throw new Error(`not within ${within / 1000} s: ${what}\n${this.log.slice(-40).join("\n")}`);
  }

  /** A founded site whose devices are all members, and count. */
  async found(sensorsEach = 1): Promise<void> {
    for (const device of this.devices) await this.start(device);
    const all = this.devices.length;
    await this.until("all are members", () => this.leader()?.status.members.length === all, seconds(60));
    await this.configure(sensorsEach);
  }

  /** Sensors of every device, one reading a second each, windows of 10 s. */
  async configure(sensorsEach: number, settings: Partial<SiteSettings> = {}): Promise<void> {
    const sensors = new Map<SensorId, SensorConfiguration>();
    for (const { name } of this.devices) {
      for (let i = 1; i <= sensorsEach; i++) {
        sensors.set(sensorId(`${name}-s${i}`), {
          device: deviceId(name),
          driver: { kind: "simulated", profile: "test" },
          quantity: i % 2 === 0 ? "humidity" : "temperature",
          unit: "1",
          interval: seconds(1),
          range: undefined,
          stuckAfter: undefined,
          labels: {},
        });
      }
    }
    const configuration: SiteConfiguration = {
      devices: new Map(
        this.devices.map(({ name }) => [
          deviceId(name),
          { zone: undefined, power: this.onBattery.has(name) ? "battery" : "mains", labels: {} },
        ]),
      ),
      sensors,
      aggregations: new Map([["all", { window: seconds(10), grace: seconds(8), groupBy: this.groupBy, where: {} }]]),
      settings: {
        ...defaultConfiguration.settings,
        uplink: cloudUrl,
        editionInterval: seconds(5),
        flushInterval: seconds(2),
        ...settings,
      },
    };
    const shown = await this.ask("config.show", {});
    const [{ revision: base = 0 } = {}] = shown;
    const items = shown.flatMap(({ items: part }) => readChanges(part) ?? []);
    const changes = diffConfiguration(applyChanges(defaultConfiguration, items), configuration);
    await this.ask("config.apply", {
      base,
      changes,
      author: "test",
      note: "",
      session: this.#clientSession,
      serial: ++this.#serial,
    });
  }

  /** The parts of one member's answer. */
  ask(name: string, argument: unknown, to?: string): Promise<Record<string, unknown>[]> {
    const answered = new Promise<Record<string, unknown>[]>((done, failed) => {
      const parts: Record<string, unknown>[] = [];
      const device = to === undefined ? (this.#client.devices()[0] ?? deviceId("pi-1")) : deviceId(to);
      this.#client.ask({ device, name, argument, timeout: seconds(30) }, (outcome) => {
        if (outcome.kind !== "answer") return failed(new Error(`${name}: ${JSON.stringify(outcome)}`));
        parts.push(outcome.value as Record<string, unknown>);
        if (outcome.isLast) done(parts);
      });
    });
    return this.settle(answered);
  }

  silenceSensors(): void {
    this.#areSensorsSilent = true;
  }

  /** As the dashboard topic adds up: latest editions, supplements, and what replaced others. */
  counted(): number {
    return this.published.counted;
  }

  /** Readings with a value that the cards of these devices hold. */
  async stored(devices: readonly VirtualDevice[] = this.devices): Promise<number> {
    let sum = 0;
    for (const { agent } of devices) {
      const readings = (await this.settle(agent?.storedReadings() ?? Promise.resolve([]))) ?? [];
      sum += readings.filter((reading) => (reading.quality & quality.missing) === 0).length;
    }
    return sum;
  }

  /** Sensors fall silent; then the dashboard must come to exactly what these cards hold, and stay there. */
  async untilAllCounted(devices: readonly VirtualDevice[] = this.devices): Promise<number> {
    this.silenceSensors();
    await this.run(seconds(8));
    const expected = await this.stored(devices);
    const story = (): string =>
      `${this.counted()} of ${expected}; ${devices.map(({ host, agent }) => `${host} ${JSON.stringify(agent?.status().readings).slice(0, 90)}`).join(" ")}`;
    for (let passed = 0; passed < 120 && this.counted() !== expected; passed++) await this.run(seconds(1));
    await this.run(seconds(20));
    assert(
      this.counted() === expected,
      `the dashboard has what is stored, each once: ${story()}\n${this.log.slice(-30).join("\n")}`,
    );
    return expected;
  }

  /** Events of the outbox, each once: what they say. */
  lossEvents(): string[] {
    const events = this.items.filter(({ topic }) => topic.includes("/events/"));
    return [...new Map(events.map(({ body }) => [body["id"], String(body["text"])])).values()];
  }

  totalSensed(): number {
    return [...this.sensed.values()].reduce((sum, count) => sum + count, 0);
  }

  #driver(sensor: SensorId, clock: VirtualClock): Driver {
    let isRunning = false;
    return {
      start: (sink) => {
        isRunning = true;
        const next = (): void => {
          clock.after(seconds(1), "sensor", () => {
            if (!isRunning) return;
            if (!this.#areSensorsSilent) {
              this.sensed.set(sensor, (this.sensed.get(sensor) ?? 0) + 1);
              sink.reading(20 + this.random.fraction());
            }
            next();
          });
        };
        next();
      },
      stop: () => {
        isRunning = false;
      },
    };
  }
}

/** The device that leads; there must be one. */
export function leaderOf(agents: VirtualAgents): VirtualDevice {
  const leader = agents.leader();
  if (leader === undefined) throw new Error("nobody leads");
  return leader;
}
