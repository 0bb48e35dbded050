// A site of real agents on the wall clock: asks them how they are, tells the judge and the views, and works out at the end what
// was owed, sensed and stored.

import type { AgentStatus } from "../src/agent/status.ts";
import { SkeinError } from "../src/base/errors.ts";
import type { DeviceId, SiteId } from "../src/base/ids.ts";
import { type Duration, type LogIndex, milliseconds, type Term } from "../src/base/units.ts";
import { SeriesBoard } from "../src/cli/dashboard/series-board.ts";
import type { Delivery } from "../src/cli/dashboard/tap.ts";
import type { StoredReading } from "../src/readings/reading-log.ts";
import type { SiteConfiguration } from "../src/site/configuration.ts";
import { expectWindows } from "./judge/expected-windows.ts";
import { Judge } from "./judge/judge.ts";
import type { DeviceEvidence, Verdict } from "./judge/verdict.ts";
import type { DeviceView, LiveState, Phase, SiteEvent } from "./live-state.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import { samplingYield } from "./simulated-driver.ts";
import { type SensorWorld, sensorSignal } from "./simulated-sensors.ts";
import type { SiteBroker } from "./site-broker.ts";
import { LivesCounter, measureProcesses, Rate } from "./usage-meter.ts";

export interface LiveSiteOptions {
  readonly site: SiteId;
  readonly plan: SiteConfiguration;
  readonly devices: readonly SimulatedDevice[];
  readonly broker: SiteBroker;
  readonly world: SensorWorld;
  /** Sampling instant 0 as `performance.now()` had it. */
  readonly originMs: number;
  readonly duration: Duration | undefined;
  readonly pageUrl: string | undefined;
  /** Processes of agents that are not this one. */
  processes(): readonly number[];
}

interface Known {
  /** The newest answer; kept while the device is off. */
  status: AgentStatus | undefined;
  isUp: boolean;
  readonly bytesWritten: LivesCounter;
}

const eventsKept = 200;

export class LiveSite {
  readonly #options: LiveSiteOptions;
  readonly #judge: Judge;
  readonly #board = new SeriesBoard();
  readonly #known: ReadonlyMap<DeviceId, Known>;
  readonly #events: SiteEvent[] = [];
  readonly #troubles: string[] = [];
  readonly #begun = performance.now();
  readonly #rates = { messages: new Rate(), bytes: new Rate(), cpu: new Rate() };
  #usage = { messagesPerSecond: 0, bytesPerSecond: 0, rssBytes: 0, cpuShare: 0 };
  #phase: Phase = "starting";
  #doing = "";
  #completeAt = performance.now();
  #silentAt: number | undefined;
  #completeWall = 0;
  #silentWall = 0;
  #isListening = false;

  /** Events since the beginning, also those no longer kept. */
  eventCount = 0;

  constructor(options: LiveSiteOptions) {
    this.#options = options;
    this.#judge = new Judge(options.site);
    const known = (): Known => ({ status: undefined, isUp: false, bytesWritten: new LivesCounter() });
    this.#known = new Map(options.devices.map(({ device }) => [device, known()]));
  }

  /** From here on what the dashboard topic says is this run's; before, a broker may still keep an older run's values. */
  listen(): void {
    this.#isListening = true;
  }

  delivered(delivery: Delivery): void {
    if (!this.#isListening) return;
    const message = this.#judge.delivered(delivery);
    if (message?.kind === "aggregate") this.#board.add(message.values);
    if (message?.kind === "event") this.event("site", message.text);
    if (message?.kind === "site") this.#coordinates(message.term, message.coordinator);
    if (message?.kind === "unreadable") this.event("trouble", `${message.topic}: ${message.why}`);
  }

  doing(text: string): void {
    this.#doing = text;
  }

  /** Every device has its configuration: the sensors begin, and the clock of the run. */
  complete(): void {
    const took = this.elapsed;
    this.#phase = "running";
    this.#doing = "";
    this.#completeAt = performance.now();
    this.#completeWall = Date.now();
    this.event("site", `the site is complete, after ${(took / 1000).toFixed(1)} s`);
  }

  silence(): void {
    this.#phase = "draining";
    this.#silentAt = performance.now();
    this.#silentWall = Date.now();
  }

  over(): void {
    this.#phase = "over";
  }

  /** Since the site was complete. */
  get elapsed(): Duration {
    return milliseconds(performance.now() - (this.#phase === "starting" ? this.#begun : this.#completeAt));
  }

  event(kind: SiteEvent["kind"], text: string): void {
    this.eventCount += 1;
    this.#events.push({ at: this.elapsed, kind, text });
    if (this.#events.length > eventsKept) this.#events.shift();
  }

  /** Something that no correct run has; it fails by it. */
  trouble(text: string): void {
    this.#troubles.push(text);
    this.event("trouble", text);
  }

  /** Who says that it leads, in the newest term. */
  coordinator(): DeviceId | undefined {
    return this.#leader()?.device;
  }

  /** Asks every device. */
  async look(): Promise<void> {
    await Promise.all(this.#options.devices.map((device) => this.#ask(device)));
  }

  measure(): void {
    const now = performance.now();
    const { rssBytes, cpuMs } = measureProcesses(this.#options.processes());
    const traffic = this.traffic();
    this.#usage = {
      messagesPerSecond: this.#rates.messages.read(traffic.messages, now),
      bytesPerSecond: this.#rates.bytes.read(traffic.bytes, now),
      rssBytes,
      cpuShare: this.#rates.cpu.read(cpuMs, now) / 1000,
    };
  }

  /** What agents and broker have moved; published by the agents, and delivered where the broker is ours. */
  traffic(): { readonly messages: number; readonly bytes: number; readonly deliveries: number } {
    const traffic = this.#options.broker.traffic();
    return {
      messages: traffic?.messagesReceived ?? 0,
      bytes: traffic?.bytesReceived ?? 0,
      deliveries: traffic?.messagesDelivered ?? 0,
    };
  }

  get bytesWritten(): number {
    return [...this.#known.values()].reduce((sum, { bytesWritten }) => sum + bytesWritten.total, 0);
  }

  /** Taken by the devices' stores, without records of missing values, as last known. */
  get stored(): number {
    const taken = [...this.#known.values()].map(({ status }) => status?.readings);
    return taken.reduce((sum, readings) => sum + (readings === undefined ? 0 : readings.taken - readings.missing), 0);
  }

  get counted(): number {
    return this.#judge.counted;
  }

  /** Since the sensors fell silent, ms. */
  get silentFor(): number {
    return this.#silentAt === undefined ? 0 : performance.now() - this.#silentAt;
  }

  get isEverybodyUp(): boolean {
    return [...this.#known.values()].every(({ isUp }) => isUp);
  }

  state(): LiveState {
    const statuses = [...this.#known.values()].flatMap(({ status }) => (status === undefined ? [] : [status]));
    const leader = this.#leader();
    const said = leader ?? newest(statuses.filter((status) => this.#known.get(status.device)?.isUp === true));
    const commit = Math.max(0, ...statuses.map((status) => status.commit)) as LogIndex;
    return {
      site: this.#options.site,
      phase: this.#phase,
      doing: this.#doing,
      elapsed: this.elapsed,
      duration: this.#options.duration,
      brokerUrl: this.#options.broker.url,
      isBrokerUp: this.#options.broker.isUp,
      pageUrl: this.#options.pageUrl,
      coordinator: leader?.device,
      term: said?.term ?? (0 as Term),
      why: said?.why ?? "",
      commit,
      revision: Math.max(0, ...statuses.map((status) => status.revision)) as LogIndex,
      elections: this.#judge.elections,
      outboxWaiting: said?.outbox.waiting ?? 0,
      readings: { sensed: this.#sensed(), stored: this.stored, counted: this.#judge.counted },
      windows: this.#judge.windows(),
      devices: this.#options.devices.map((device) => this.#view(device, commit)),
      series: this.#board.all(),
      events: this.#events,
      usage: this.#usage,
    };
  }

  verdict(cards: ReadonlyMap<DeviceId, readonly StoredReading[]>, faultsLeft: readonly string[]): Verdict {
    const { plan, devices } = this.#options;
    return this.#judge.verdict({
      expected: expectWindows(plan, cards.values()),
      devices: devices.map((device) => this.#evidence(device, cards.get(device.device) ?? [])),
      flushInterval: plan.settings.flushInterval,
      faultsLeft,
      troubles: this.#troubles,
      sensing: { from: this.#completeWall, to: this.#silentWall },
    });
  }

  async #ask(device: SimulatedDevice): Promise<void> {
    const known = this.#known.get(device.device);
    const status = await device.status();
    if (known === undefined) return;
    known.isUp = status !== undefined;
    if (status === undefined) return;
    known.status = status;
    known.bytesWritten.read(status.disk.bytesWritten);
    if (status.role === "leader") this.#coordinates(status.term, status.device);
  }

  #coordinates(term: Term, device: DeviceId): void {
    if (this.#judge.coordinator(term, device)) this.event("site", `${device} coordinates in term ${term}`);
  }

  #leader(): AgentStatus | undefined {
    const leaders = [...this.#known.values()].filter(({ isUp, status }) => isUp && status?.role === "leader");
    return newest(leaders.flatMap(({ status }) => (status === undefined ? [] : [status])));
  }

  #sensed(): number {
    return this.#options.devices.reduce((sum, { sensed }) => sum + sensed, 0);
  }

  #view({ device, state }: SimulatedDevice, commit: LogIndex): DeviceView {
    const status = this.#known.get(device)?.status;
    const lag = status === undefined ? 0 : commit - status.applied;
    return { device, state, role: status?.role ?? "follower", isVoter: status?.isVoter ?? false, lag };
  }

  #evidence(device: SimulatedDevice, card: readonly StoredReading[]): DeviceEvidence {
    const { plan, world, originMs } = this.#options;
    const sensors = [...plan.sensors].filter(([, sensor]) => sensor.device === device.device);
    const end = this.#silentAt ?? performance.now();
    let owed = 0;
    for (const [name, configuration] of sensors) {
      const signal = sensorSignal(world, name, configuration);
      for (const { from, to } of device.upTimes) {
        const start = Math.max(from, this.#completeAt);
        owed += samplingYield(name, signal, start - originMs, Math.min(to ?? end, end) - originMs);
      }
    }
    return {
      device: device.device,
      sensed: device.sensed,
      owed,
      stored: expectWindows(plan, [card]).stored,
      kills: device.kills,
      readingsPerSecond: sensors.reduce((sum, [, { interval }]) => sum + 1000 / interval, 0),
    };
  }
}

function newest(statuses: readonly AgentStatus[]): AgentStatus | undefined {
  return statuses.reduce<AgentStatus | undefined>(
    (best, status) => (best === undefined || status.term > best.term ? status : best),
    undefined,
  );
}

/** The cards of all devices; a device that does not answer fails with `timed-out`. */
export async function readCards(
  devices: readonly SimulatedDevice[],
): Promise<ReadonlyMap<DeviceId, readonly StoredReading[]>> {
  const cards = new Map<DeviceId, readonly StoredReading[]>();
  for (const device of devices) {
    if (device.state !== "up")
      throw new SkeinError("timed-out", `${device.device} is not up, so its card cannot be read`);
    cards.set(device.device, await device.storedReadings());
  }
  return cards;
}
