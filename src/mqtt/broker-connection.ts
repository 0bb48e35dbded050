// One broker: a connection for Raft, which also carries presence and the last will, and one for everything else. A socket is a
// queue, at both ends and in the broker: on one of its own, an acknowledgement never stands behind a snapshot.

import { withoutLogin } from "../base/broker-url.ts";
import type { DeviceId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { MqttLink, MqttLinks, MqttMessage, MqttPublish } from "../base/ports/mqtt-link.ts";
import { between, type Duration, type Instant, milliseconds } from "../base/units.ts";
import { PresenceTable, type Present } from "./presence.ts";
import type { PresenceMessage } from "./site-codec.ts";
import type { Topics } from "./topics.ts";

export interface BrokerAddress {
  /** `mqtt://host:port`, `mqtts://`, `ws://` or `wss://`. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
}

export type Purpose = "raft" | "data";

export interface BrokerStatus {
  /** Without credentials. */
  readonly url: string;
  /** Of the Raft connection; the other one is `isDataUp`. */
  readonly isUp: boolean;
  readonly isDataUp: boolean;
  /** When `isUp` last changed; the start, if it never did. */
  readonly since: Instant;
  /** To the broker and back, smoothed; undefined until measured. */
  readonly roundTrip: Duration | undefined;
  readonly lastError: string | undefined;
  /** Devices that are connected there, this one included. */
  readonly present: readonly DeviceId[];
}

export interface BrokerConnectionOptions {
  readonly address: BrokerAddress;
  readonly device: DeviceId;
  /** Of both connections; the purpose is added. */
  readonly clientId: string;
  readonly keepAlive: Duration;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly links: MqttLinks;
  /** Frames a presence message. */
  readonly write: (message: PresenceMessage) => Uint8Array;
  readonly arrived: (message: MqttMessage) => void;
  /** The Raft connection or a presence changed. */
  readonly changed: () => void;
}

/** How long a clean stop waits for the broker to take its farewell. */
const farewell = milliseconds(500);
/** Own frames whose echo is waited for; the oldest is forgotten. */
const echoesMax = 64;
/** Weight of a new measurement in the smoothed round trip (as in RFC 6298). */
const gain = 1 / 8;

export class BrokerConnection {
  readonly url: string;
  readonly presence = new PresenceTable();
  readonly #options: BrokerConnectionOptions;
  #raft: MqttLink | undefined;
  #data: MqttLink | undefined;
  #connection = 0;
  #since: Instant;
  #roundTrip: Duration | undefined;
  #lastError: string | undefined;
  readonly #echoes = new Map<number, Instant>();

  constructor(options: BrokerConnectionOptions) {
    this.#options = options;
    this.#since = options.clock.now();
    this.url = withoutLogin(options.address.url);
  }

  get isUp(): boolean {
    return this.#raft?.isUp === true;
  }

  start(): void {
    if (this.#raft !== undefined) return;
    const { device, topics } = this.#options;
    this.#since = this.#options.clock.now();
    this.#raft = this.#open("raft", topics.raftFilters(device));
    this.#data = this.#open("data", topics.dataFilters(device));
  }

  async stop(how: "clean" | "abrupt"): Promise<void> {
    const [raft, data] = [this.#raft, this.#data];
    this.#raft = undefined;
    this.#data = undefined;
    if (how === "clean" && raft?.isUp === true) await this.#sayGoodbye(raft);
    await Promise.all([raft?.close(how), data?.close(how)]);
    this.presence.clear();
  }

  /** False when that connection is down. `failed` may follow later. */
  publish(purpose: Purpose, message: MqttPublish, failed: () => void): boolean {
    const link = purpose === "raft" ? this.#raft : this.#data;
    if (link?.isUp !== true) return false;
    link.publish(message, (failure) => {
      if (failure !== undefined) failed();
    });
    return true;
  }

  /** The echo of this frame, from the log topic, will measure the round trip. */
  expectEcho(sequence: number): void {
    this.#echoes.set(sequence, this.#options.clock.now());
    if (this.#echoes.size <= echoesMax) return;
    for (const oldest of this.#echoes.keys()) {
      this.#echoes.delete(oldest);
      return;
    }
  }

  echoed(sequence: number): void {
    const sentAt = this.#echoes.get(sequence);
    if (sentAt === undefined) return;
    this.#echoes.delete(sequence);
    this.#measured(sentAt);
  }

  /** A last will under this device's name, late or of a copy of its card, stands in the broker's store now: say it again. */
  heardOwnPresence(message: PresenceMessage, isRetained: boolean): void {
    if (this.isUp && !isRetained && !message.isHere) this.#sayHello();
  }

  status(): BrokerStatus {
    return {
      url: this.url,
      isUp: this.isUp,
      isDataUp: this.#data?.isUp === true,
      since: this.#since,
      roundTrip: this.#roundTrip,
      lastError: this.#lastError,
      present: this.presence.here().map((present: Present) => present.device),
    };
  }

  #open(purpose: Purpose, filters: readonly string[]): MqttLink {
    const { address, clientId, keepAlive, links, arrived } = this.#options;
    const isRaft = purpose === "raft";
    return links.open(
      {
        ...address,
        clientId: `${clientId}-${purpose}`,
        keepAlive,
        ...(isRaft && { will: () => this.#will() }),
        subscriptions: filters.map((filter) => ({ filter, qos: filter.endsWith("presence/+") ? 1 : 0 })),
        maxPendingBytes: limits.linkPendingBytes,
      },
      {
        up: () => isRaft && this.#raftChanged(undefined),
        down: (reason) => {
          this.#lastError = reason.message;
          if (isRaft) this.#raftChanged(reason.message);
        },
        message: arrived,
      },
    );
  }

  #raftChanged(failure: string | undefined): void {
    this.#since = this.#options.clock.now();
    this.#echoes.clear();
    if (failure === undefined) {
      this.#lastError = undefined;
      this.#sayHello();
    } else this.presence.clear();
    this.#options.changed();
  }

  #will(): MqttPublish {
    this.#connection += 1;
    return this.#presenceMessage(false);
  }

  #presenceMessage(isHere: boolean): MqttPublish {
    const { topics, device, write } = this.#options;
    return {
      topic: topics.build({ kind: "presence", device }),
      payload: write({ kind: "presence", connection: this.#connection, isHere }),
      qos: 1,
      retain: true,
    };
  }

  #sayHello(): void {
    const sentAt = this.#options.clock.now();
    this.#raft?.publish(this.#presenceMessage(true), (failure) => {
      if (failure === undefined && this.#roundTrip === undefined) this.#measured(sentAt);
    });
  }

  #sayGoodbye(raft: MqttLink): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(farewell, "farewell to a broker", resolve);
      raft.publish(this.#presenceMessage(false), () => {
        timer.cancel();
        resolve();
      });
    });
  }

  #measured(sentAt: Instant): void {
    const measured = between(sentAt, this.#options.clock.now());
    const before = this.#roundTrip;
    this.#roundTrip = before === undefined ? measured : milliseconds(before + gain * (measured - before));
  }
}
