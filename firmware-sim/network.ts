// The network of a simulated world: brokers, and the links of each device to each of them, with every fault a named option
// that can be changed while it runs. All chance comes from one seed, and everything happens in virtual time.

import { assert, SkeinError } from "../src/base/errors.ts";
import type { MqttLink, MqttLinks } from "../src/base/ports/mqtt-link.ts";
import type { Door } from "./event-queue.ts";
import { type Cut, faultless, type NetworkFaults, NetworkPath } from "./network-path.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { SimulatedBroker } from "./simulated-broker.ts";
import { SimulatedLink } from "./simulated-link.ts";
import type { VirtualTime } from "./virtual-clock.ts";

export class SimulatedNetwork {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  #faults: NetworkFaults;
  readonly #brokers = new Map<string, SimulatedBroker>();
  /** Links that were opened and not killed, by device. */
  readonly #links = new Map<string, Set<SimulatedLink>>();
  /** By device and broker. */
  readonly #paths = new Map<string, Map<string, NetworkPath>>();
  /** What differs on a path from the faults of all. */
  readonly #pairFaults = new Map<NetworkPath, Partial<NetworkFaults>>();

  constructor(time: VirtualTime, random: SeededRandom, faults: Partial<NetworkFaults> = {}) {
    this.#time = time;
    this.#random = random.fork("network");
    this.#faults = { ...faultless, ...faults };
  }

  /** Of every path; what a pair was given for itself stays. */
  setFaults(faults: Partial<NetworkFaults>): void {
    this.#faults = { ...this.#faults, ...faults };
    for (const path of this.#allPaths()) this.#refresh(path);
  }

  /** The weather between one device and one broker, where it differs from that of all; `undefined`: no more. */
  setPairFaults(device: string, url: string, faults: Partial<NetworkFaults> | undefined): void {
    const path = this.#path(device, url);
    if (faults === undefined) this.#pairFaults.delete(path);
    else this.#pairFaults.set(path, { ...this.#pairFaults.get(path), ...faults });
    this.#refresh(path);
  }

  addBroker(url: string): SimulatedBroker {
    const broker = new SimulatedBroker(url, this.#time, this.#random.fork(url));
    this.#brokers.set(url, broker);
    return broker;
  }

  broker(url: string): SimulatedBroker {
    const broker = this.#brokers.get(url);
    assert(broker !== undefined, `the world has a broker at ${url}`);
    return broker;
  }

  /** The port of one device. After `kill`, links opened through it again are those of its next life. `gate`: suspends it. */
  device(name: string, gate?: Door): MqttLinks {
    return {
      open: (options, handlers): MqttLink => {
        if (!/^(mqtts?|wss?):\/\/[^/]/.test(options.url)) {
          throw new SkeinError("invalid-argument", `${JSON.stringify(options.url)} is not a broker's URL`);
        }
        const path = this.#path(name, options.url);
        const broker = () => this.#brokers.get(options.url);
        const world = { time: this.#time, random: this.#random, path, gate, broker };
        const link = new SimulatedLink(world, options, handlers);
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
    this.#path(device, url).cut = cut;
  }

  heal(device: string, url: string): void {
    this.#path(device, url).cut = undefined;
  }

  /** Ends all cuts. */
  healAll(): void {
    for (const path of this.#allPaths()) path.cut = undefined;
  }

  /** Ends all weather that only some pairs have. */
  clearPairFaults(): void {
    const paths = [...this.#pairFaults.keys()];
    this.#pairFaults.clear();
    for (const path of paths) this.#refresh(path);
  }

  #refresh(path: NetworkPath): void {
    path.faults = { ...this.#faults, ...this.#pairFaults.get(path) };
  }

  *#allPaths(): Iterable<NetworkPath> {
    for (const paths of this.#paths.values()) yield* paths.values();
  }

  #path(device: string, url: string): NetworkPath {
    const paths = this.#paths.get(device) ?? new Map<string, NetworkPath>();
    this.#paths.set(device, paths);
    let path = paths.get(url);
    if (path === undefined) {
      path = new NetworkPath({ device, url }, { time: this.#time, random: this.#random }, this.#faults);
      paths.set(url, path);
    }
    return path;
  }
}
