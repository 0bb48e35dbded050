// A site of real agents on the wall clock: asks them how they are, tells the judge and the views, and works out at the end what
// was owed, sensed and stored.

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
import { KnownDevices, newest, type Traffic } from "./known-devices.ts";
import type { DeviceView, LiveState, Phase, SiteEvent } from "./live-state.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import { samplingYield } from "./simulated-driver.ts";
import { type SensorWorld, sensorSignal } from "./simulated-sensors.ts";
import type { SiteBroker } from "./site-broker.ts";
import { measureProcesses, Rate } from "./usage-meter.ts";

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

const eventsKept = 200;

export class LiveSite {
  readonly #options: LiveSiteOptions;
  readonly #judge: Judge;
  readonly #board = new SeriesBoard();
  readonly #known: KnownDevices;
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
    this.#known = new KnownDevices(options.devices);
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

  get isStarting(): boolean {
    return this.#phase === "starting";
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
    return this.#known.leader()?.device;
  }

  /** Asks every device. */
  async look(): Promise<void> {
    await this.#known.look();
    for (const { role, term, device } of this.#known.statuses("up"))
      if (role === "leader") this.#coordinates(term, device);
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

  /** What was published and delivered: as our broker counts it, or, with one from outside, as the agents do. */
  traffic(): Traffic {
    const own = this.#options.broker.traffic();
    if (own !== undefined) {
      return { messages: own.messagesReceived, bytes: own.bytesReceived, deliveries: own.messagesDelivered };
    }
    return this.#known.traffic();
  }

  get bytesWritten(): number {
    return this.#known.bytesWritten;
  }

  /** Taken by the devices' stores, without records of missing values, as last known. */
  get stored(): number {
    return this.#known.stored;
  }

  get counted(): number {
    return this.#judge.counted;
  }

  /** Since the sensors fell silent, ms. */
  get silentFor(): number {
    return this.#silentAt === undefined ? 0 : performance.now() - this.#silentAt;
  }

  get isEverybodyUp(): boolean {
    return this.#known.isEverybodyUp;
  }

  state(): LiveState {
    const statuses = this.#known.statuses("all");
    const leader = this.#known.leader();
    const said = leader ?? newest(this.#known.statuses("up"));
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

  /** Reads the cards and judges. A card that cannot be read is a failure of its own. */
  async verdict(faultsLeft: readonly string[]): Promise<Verdict> {
    const { plan, devices } = this.#options;
    const cards = await this.#readCards();
    return this.#judge.verdict({
      expected: expectWindows(plan, cards.values()),
      devices: devices.map((device) => this.#evidence(device, cards.get(device.device) ?? [])),
      flushInterval: plan.settings.flushInterval,
      faultsLeft,
      troubles: this.#troubles,
      sensing: { from: this.#completeWall, to: this.#silentWall },
    });
  }

  async #readCards(): Promise<ReadonlyMap<DeviceId, readonly StoredReading[]>> {
    const cards = new Map<DeviceId, readonly StoredReading[]>();
    for (const device of this.#options.devices) {
      try {
        if (device.state !== "up") throw new SkeinError("timed-out", "it did not come up again");
        cards.set(device.device, await device.storedReadings());
      } catch (failure) {
        this.trouble(`the card of ${device.device} cannot be read: ${String(failure)}`);
      }
    }
    return cards;
  }

  #coordinates(term: Term, device: DeviceId): void {
    if (this.#judge.coordinator(term, device)) this.event("site", `${device} coordinates in term ${term}`);
  }

  #sensed(): number {
    return this.#options.devices.reduce((sum, { sensed }) => sum + sensed, 0);
  }

  #view({ device, state }: SimulatedDevice, commit: LogIndex): DeviceView {
    const status = this.#known.status(device);
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
