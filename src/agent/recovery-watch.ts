// Looking around before a majority is declared lost: who is connected to any broker of the site, who speaks, and how far the
// logs of those who answer reach.
//
// Nothing here is proof: a device behind a partition cannot be heard. It is what keeps a person from declaring lost what is
// plainly there.

import { withoutLogin } from "../base/broker-url.ts";
import type { DeviceId, SiteId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { MqttLink, MqttLinks, MqttMessage } from "../base/ports/mqtt-link.ts";
import type { Random } from "../base/ports/random.ts";
import { type Duration, seconds } from "../base/units.ts";
import { ApiClient } from "../mqtt/api-client.ts";
import { publishedAuthenticator } from "../mqtt/authenticator.ts";
import type { BrokerAddress } from "../mqtt/broker-connection.ts";
import { decodeFrame } from "../mqtt/frame.ts";
import { Topics } from "../mqtt/topics.ts";
import { type RecoveryReport, readRecoveryReport } from "./recovery-report.ts";

export interface WatchPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly links: MqttLinks;
}

export interface WatchOptions {
  readonly site: SiteId;
  /** Whose own name is not listened for. */
  readonly self: DeviceId;
  readonly brokers: readonly BrokerAddress[];
  readonly listenFor: Duration;
}

export interface SeenDevice {
  /** Brokers that have it as connected, or on which it spoke. */
  readonly on: ReadonlySet<string>;
  /** Absent: it did not answer. */
  readonly report: RecoveryReport | undefined;
}

export interface Surroundings {
  /** Without logins. */
  readonly brokers: readonly { readonly url: string; readonly isUp: boolean; readonly why: string | undefined }[];
  readonly seen: ReadonlyMap<DeviceId, SeenDevice>;
}

const askEvery = seconds(1);
const answerWithin = seconds(4);

/** Resolves after `listenFor`, always. */
export function lookAround(ports: WatchPorts, options: WatchOptions): Promise<Surroundings> {
  return new Promise((resolve, reject) => {
    const watch = new Watch(ports, options);
    watch.start();
    ports.clock.after(options.listenFor, "listened for those declared lost", () => {
      watch.end().then(resolve, reject);
    });
  });
}

class Watch {
  readonly #ports: WatchPorts;
  readonly #options: WatchOptions;
  readonly #topics: Topics;
  readonly #clients: readonly { readonly url: string; readonly client: ApiClient }[];
  #links: readonly MqttLink[] = [];
  readonly #on = new Map<DeviceId, Set<string>>();
  readonly #reports = new Map<DeviceId, RecoveryReport>();
  readonly #asked = new Set<DeviceId>();
  #isOver = false;

  constructor(ports: WatchPorts, options: WatchOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#topics = new Topics(options.site);
    this.#clients = options.brokers.map((broker) => ({
      url: withoutLogin(broker.url),
      client: new ApiClient(ports, { site: options.site, broker, name: "recover" }, { changed: () => undefined }),
    }));
  }

  start(): void {
    for (const { client } of this.#clients) client.start();
    this.#links = this.#options.brokers.map((broker) => this.#listen(broker));
    this.#look();
  }

  async end(): Promise<Surroundings> {
    this.#note();
    this.#isOver = true;
    const brokers = this.#clients.map(({ url, client }) => ({ url, isUp: client.isUp, why: client.lastError }));
    const ends = [...this.#clients.map(({ client }) => client.stop()), ...this.#links.map((link) => link.close())];
    await Promise.allSettled(ends);
    const seen = new Map([...this.#on].map(([device, on]) => [device, { on, report: this.#reports.get(device) }]));
    return { brokers, seen };
  }

  /** What devices say to each other: one that is on no broker's list may still speak. */
  #listen(broker: BrokerAddress): MqttLink {
    const { site } = this.#options;
    const digits = Buffer.from(this.#ports.random.bytes(5)).toString("hex");
    const filters = ["log/+", "to/+/+", "data/+/+"];
    return this.#ports.links.open(
      {
        ...broker,
        clientId: `skein-${site}-recover-${digits}`,
        keepAlive: seconds(15),
        subscriptions: filters.map((filter) => ({ filter: `${this.#topics.prefix}${filter}`, qos: 0 })),
        maxPendingBytes: limits.linkPendingBytes,
      },
      { up: () => undefined, down: () => undefined, message: (message) => this.#spoke(broker.url, message) },
    );
  }

  #spoke(url: string, { topic: name, payload }: MqttMessage): void {
    const topic = this.#topics.parse(name);
    if (topic?.kind !== "log" && topic?.kind !== "to" && topic?.kind !== "data") return;
    const frame = decodeFrame(payload, publishedAuthenticator, ({ from }) =>
      from.device === topic.from ? undefined : "other-sender",
    );
    if (frame.kind === "frame") this.#saw(topic.from, withoutLogin(url));
  }

  #saw(device: DeviceId, url: string): void {
    if (device === this.#options.self || (this.#on.size >= limits.presences && !this.#on.has(device))) return;
    const on = this.#on.get(device) ?? new Set();
    this.#on.set(device, on.add(url));
  }

  #note(): void {
    for (const { url, client } of this.#clients) {
      if (client.isUp) for (const device of client.devices()) this.#saw(device, url);
    }
  }

  #look(): void {
    if (this.#isOver) return;
    this.#note();
    for (const device of this.#on.keys()) {
      if (!this.#asked.has(device) && !this.#reports.has(device)) this.#ask(device);
    }
    this.#ports.clock.after(askEvery, "look around", () => this.#look());
  }

  #ask(device: DeviceId): void {
    const way = this.#clients.find(({ client }) => client.isUp && client.devices().includes(device));
    if (way === undefined) return;
    this.#asked.add(device);
    const question = { device, name: "recovery", argument: {}, timeout: answerWithin };
    way.client.ask(question, (outcome) => {
      this.#asked.delete(device);
      const report = outcome.kind === "answer" ? readRecoveryReport(outcome.value) : undefined;
      if (report !== undefined) this.#reports.set(device, report);
    });
  }
}
