// The broker of a live site: one of our own in this process, which faults may stop and start, or one from outside.

import { assert, isSkeinError } from "../src/base/errors.ts";
import type { Broker, Brokers } from "../src/base/ports/broker.ts";
import { parseMqttUrl } from "../src/host/mqtt-url.ts";
import { LivesCounter } from "./usage-meter.ts";

export interface BrokerTraffic {
  readonly messagesReceived: number;
  readonly messagesDelivered: number;
  readonly bytesReceived: number;
  readonly bytesDelivered: number;
}

export interface SiteBroker {
  readonly url: string;
  readonly address: { readonly host: string; readonly port: number };
  /** Ours to stop. */
  readonly isOwn: boolean;
  readonly isUp: boolean;
  /** Undefined for one from outside. */
  traffic(): BrokerTraffic | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export class OwnBroker implements SiteBroker {
  readonly isOwn = true;
  readonly #brokers: Brokers;
  /** The same after each start. */
  readonly address: { readonly host: string; readonly port: number };
  readonly #counters = Array.from({ length: 4 }, () => new LivesCounter());
  #broker: Broker;
  #isUp = true;

  private constructor(brokers: Brokers, broker: Broker) {
    this.#brokers = brokers;
    this.#broker = broker;
    this.address = { host: broker.host, port: broker.port };
  }

  /** `isPortWished`: any free port will do when it is taken. Fails with `port-in-use` otherwise. */
  static async open(brokers: Brokers, host: string, port: number, isPortWished: boolean): Promise<OwnBroker> {
    try {
      return new OwnBroker(brokers, await brokers.start({ host, port }));
    } catch (failure) {
      if (!isPortWished || !isSkeinError(failure, "port-in-use")) throw failure;
      return new OwnBroker(brokers, await brokers.start({ host, port: 0 }));
    }
  }

  get url(): string {
    return `mqtt://${this.address.host}:${this.address.port}`;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  traffic(): BrokerTraffic {
    if (this.#isUp) {
      const { received, delivered, bytesReceived, bytesDelivered } = this.#broker.statistics();
      for (const [i, value] of [received, delivered, bytesReceived, bytesDelivered].entries())
        this.#counters[i]?.read(value);
    }
    const [messagesReceived = 0, messagesDelivered = 0, bytesReceived = 0, bytesDelivered = 0] = this.#counters.map(
      (counter) => counter.total,
    );
    return { messagesReceived, messagesDelivered, bytesReceived, bytesDelivered };
  }

  async start(): Promise<void> {
    assert(!this.#isUp, "a broker is started when it is down");
    this.#broker = await this.#brokers.start(this.address);
    this.#isUp = true;
  }

  async stop(): Promise<void> {
    if (!this.#isUp) return;
    this.traffic();
    this.#isUp = false;
    await this.#broker.stop();
  }
}

export class OutsideBroker implements SiteBroker {
  readonly isOwn = false;
  readonly isUp = true;
  readonly url: string;
  readonly address: { readonly host: string; readonly port: number };

  /** Fails with `invalid-argument` on what is no broker's URL. */
  constructor(url: string) {
    this.url = url;
    const { host, port } = parseMqttUrl(url);
    this.address = { host, port };
  }

  traffic(): undefined {
    return undefined;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
