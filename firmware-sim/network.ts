// The network of a simulated world: brokers, and the links of each device to each of them, with every fault a named option
// that can be changed while it runs. All chance comes from one seed, and everything happens in virtual time.

import { assert, SkeinError } from "../src/base/errors.ts";
import type { MqttLink, MqttLinks } from "../src/base/ports/mqtt-link.ts";
import { type Duration, milliseconds } from "../src/base/units.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { SimulatedBroker } from "./simulated-broker.ts";
import { type LinkWorld, SimulatedLink } from "./simulated-link.ts";
import type { VirtualTime } from "./virtual-clock.ts";

export interface NetworkFaults {
  /** Shortest and longest time of one hop; within a connection the order is kept. */
  readonly latencyMin: Duration;
  readonly latencyMax: Duration;
  /** Fractions of QoS 0 messages, per hop. */
  readonly loss: number;
  readonly repetition: number;
  /** Fraction of QoS 0 messages, per hop, that later ones overtake, by up to `reorderDelay`. */
  readonly reordering: number;
  readonly reorderDelay: Duration;
  /** Until a broker notices that a process was killed, and publishes its wills. */
  readonly noticeDelay: Duration;
  /** Until a link gives up on a broker that does not answer. */
  readonly attemptTimeout: Duration;
}

export const faultless: NetworkFaults = {
  latencyMin: milliseconds(0.2),
  latencyMax: milliseconds(1),
  loss: 0,
  repetition: 0,
  reordering: 0,
  reorderDelay: milliseconds(0),
  noticeDelay: milliseconds(5),
  attemptTimeout: milliseconds(10_000),
};

/** `to-broker`: nothing gets from the device to the broker; what the broker says still arrives. */
export type Cut = "both" | "to-broker" | "from-broker";

export class SimulatedNetwork {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  #faults: NetworkFaults;
  readonly #brokers = new Map<string, SimulatedBroker>();
  /** Links that were opened and not killed, by device. */
  readonly #links = new Map<string, Set<SimulatedLink>>();
  readonly #cuts = new Map<string, Cut>();

  constructor(time: VirtualTime, random: SeededRandom, faults: Partial<NetworkFaults> = {}) {
    this.#time = time;
    this.#random = random.fork("network");
    this.#faults = { ...faultless, ...faults };
  }

  setFaults(faults: Partial<NetworkFaults>): void {
    this.#faults = { ...this.#faults, ...faults };
  }

  addBroker(url: string): SimulatedBroker {
    const broker = new SimulatedBroker(url);
    this.#brokers.set(url, broker);
    return broker;
  }

  broker(url: string): SimulatedBroker {
    const broker = this.#brokers.get(url);
    assert(broker !== undefined, `the world has a broker at ${url}`);
    return broker;
  }

  /** The port of one device. After `kill`, links opened through it again are those of its next life. */
  device(name: string): MqttLinks {
    return {
      open: (options, handlers): MqttLink => {
        if (!/^(mqtts?|wss?):\/\/[^/]/.test(options.url)) {
          throw new SkeinError("invalid-argument", `${JSON.stringify(options.url)} is not a broker's URL`);
        }
        const link = new SimulatedLink(this.#world(name, options.url), options, handlers);
        const links = this.#links.get(name) ?? new Set();
        this.#links.set(name, links.add(link));
        return link;
      },
    };
  }

  /** Power cut of a device: its links end without a word, its wills are published when the brokers notice. */
  kill(device: string): void {
    const links = this.#links.get(device) ?? [];
    this.#links.delete(device);
    for (const link of links) link.kill();
  }

  /** Between one device and one broker, until `heal`. Connections stay until a keep-alive is missed. */
  cut(device: string, url: string, cut: Cut = "both"): void {
    this.#cuts.set(`${device} ${url}`, cut);
  }

  heal(device: string, url: string): void {
    this.#cuts.delete(`${device} ${url}`);
  }

  healAll(): void {
    this.#cuts.clear();
  }

  #world(device: string, url: string): LinkWorld {
    return {
      now: () => this.#time.now,
      after: (delay, name, task) => this.#time.schedule(delay, name, task),
      fraction: () => this.#random.fraction(),
      broker: (address) => this.#brokers.get(address),
      isOpen: (direction) => {
        const cut = this.#cuts.get(`${device} ${url}`);
        return cut !== "both" && cut !== direction;
      },
      hops: (qos) => this.#hops(qos),
      latency: () => this.#latency(),
      faults: () => this.#faults,
    };
  }

  #latency(): Duration {
    const { latencyMin, latencyMax } = this.#faults;
    return milliseconds(latencyMin + this.#random.fraction() * (latencyMax - latencyMin));
  }

  #hops(qos: 0 | 1): ReturnType<LinkWorld["hops"]> {
    const { loss, repetition, reordering, reorderDelay } = this.#faults;
    if (qos === 1) return [{ delay: this.#latency(), inOrder: true }];
    if (loss > 0 && this.#random.fraction() < loss) return [];
    const isRepeated = repetition > 0 && this.#random.fraction() < repetition;
    return Array.from({ length: isRepeated ? 2 : 1 }, () => {
      const isLate = reordering > 0 && this.#random.fraction() < reordering;
      const extra = isLate ? this.#random.fraction() * reorderDelay : 0;
      return { delay: milliseconds(this.#latency() + extra), inOrder: !isLate };
    });
  }
}
