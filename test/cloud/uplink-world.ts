// Uplinks of several devices to simulated brokers, in virtual time, and a consumer that writes down what arrives.

import { SimulatedNetwork } from "../../firmware-sim/network.ts";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { siteId } from "../../src/base/ids.ts";
import type { Logger } from "../../src/base/ports/logger.ts";
import type { MqttMessage } from "../../src/base/ports/mqtt-link.ts";
import { milliseconds, seconds } from "../../src/base/units.ts";
import { Uplink } from "../../src/cloud/uplink.ts";
import type { OutboxItem } from "../../src/site/outbox.ts";

export const brokerUrl = "mqtt://cloud:1883";

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** The committed outbox that all devices share, as if the log took no time. */
export class SharedOutbox {
  first = 1;
  next = 1;
  readonly proposals: number[] = [];

  get bytes(): number {
    return (this.next - this.first) * 100;
  }

  add(count: number): void {
    this.next += count;
  }

  item(number: number): OutboxItem {
    const payload = Buffer.from(JSON.stringify({ id: `1.${number}` }));
    return { topic: `aggregates/all/g${number % 3}`, retain: true, payload };
  }

  commit(upTo: number): void {
    this.proposals.push(upTo);
    this.first = Math.max(this.first, upTo + 1);
  }
}

/** One device. Items come from its store, so each takes a moment to be read. */
export class UplinkDevice {
  isCoordinator = true;
  isConfirmed = true;
  isCursorLost = false;
  confirmations = 0;
  /** What its log has, by event. */
  readonly warnings: string[] = [];
  readonly uplink: Uplink;

  constructor(name: string, world: UplinkWorld) {
    const { outbox, time } = world;
    const clock = new VirtualClock(time);
    const source = {
      get first() {
        return outbox.first;
      },
      get next() {
        return outbox.next;
      },
      get count() {
        return outbox.next - outbox.first;
      },
      get bytes() {
        return outbox.bytes;
      },
      holds: (number: number) => number >= outbox.first && number < outbox.next,
      read: (number: number, done: (failure: undefined, item: OutboxItem | undefined) => void) => {
        if (number % 5 === 0) done(undefined, outbox.item(number));
        else clock.after(milliseconds(1), "read the store", () => done(undefined, outbox.item(number)));
      },
    };
    this.uplink = new Uplink(
      {
        clock,
        random: world.random.fork(name),
        links: world.network.device(name),
        log: { ...silent, warn: (_, event) => void this.warnings.push(event) },
      },
      { site: siteId("house"), urls: [brokerUrl], keepAlive: seconds(10) },
      {
        outbox: source,
        hasAuthority: () => this.isCoordinator,
        confirmAuthority: (done) => {
          this.confirmations += 1;
          const { isConfirmed } = this;
          clock.after(milliseconds(3), "ask a quorum", () => done(isConfirmed));
        },
        proposeCursor: (upTo) => {
          if (!this.isCursorLost) outbox.commit(upTo);
          else outbox.proposals.push(upTo);
        },
      },
    );
  }
}

export class UplinkWorld {
  readonly time = new VirtualTime();
  readonly random = new SeededRandom(7);
  readonly network = new SimulatedNetwork(this.time, this.random);
  readonly broker = this.network.addBroker(brokerUrl);
  readonly outbox = new SharedOutbox();
  /** In the order of arrival. */
  readonly received: MqttMessage[] = [];

  constructor() {
    const options = { url: brokerUrl, clientId: "dashboard", keepAlive: seconds(10), maxPendingBytes: 1 << 20 };
    const subscriptions = [{ filter: "skein/1/house/#", qos: 1 as const }];
    const handlers = { up() {}, down() {}, message: (message: MqttMessage) => void this.received.push(message) };
    this.network.device("dashboard").open({ ...options, subscriptions }, handlers);
    this.run(100);
  }

  device(name: string): UplinkDevice {
    return new UplinkDevice(name, this);
  }

  run(ms: number): void {
    this.time.run(milliseconds(ms));
  }

  /** Item numbers in the order of arrival. */
  get numbers(): number[] {
    return this.received.flatMap(({ payload }) => {
      const { id } = JSON.parse(Buffer.from(payload).toString()) as { id?: string };
      return id === undefined ? [] : [Number(id.split(".")[1])];
    });
  }

  /** The same without what came before. */
  get firstOccurrences(): number[] {
    return [...new Set(this.numbers)];
  }
}

export const upTo = (last: number): number[] => Array.from({ length: last }, (_, place) => place + 1);
