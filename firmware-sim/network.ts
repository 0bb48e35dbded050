// The network of a simulated world: brokers, and the links of each device to each of them, with every fault a named option
// that can be changed while it runs. All chance comes from one seed, and everything happens in virtual time.

import { assert, SkeinError } from "../src/base/errors.ts";
import type { MqttLink, MqttLinks } from "../src/base/ports/mqtt-link.ts";
import type { Door } from "./event-queue.ts";
import { type Cut, faultless, inWeather, type NetworkFaults, NetworkPath } from "./network-path.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { SimulatedBroker } from "./simulated-broker.ts";
import { SimulatedLink } from "./simulated-link.ts";
import type { VirtualTime } from "./virtual-clock.ts";

interface CutFromAll {
  readonly url: string;
  readonly ends: (() => void)[];
}

export class SimulatedNetwork {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  #faults: NetworkFaults;
  readonly #brokers = new Map<string, SimulatedBroker>();
  /** Links that were opened and not killed, by device. */
  readonly #links = new Map<string, Set<SimulatedLink>>();
  /** By device and broker. */
  readonly #paths = new Map<string, Map<string, NetworkPath>>();
  /** Devices that embed a broker, by its URL. */
  readonly #hosts = new Map<string, string>();
  readonly #cutsFromAll = new Set<CutFromAll>();
  /** Of every path, the newest last. */
  #weather: readonly Partial<NetworkFaults>[] = [];

  constructor(time: VirtualTime, random: SeededRandom, faults: Partial<NetworkFaults> = {}) {
    this.#time = time;
    this.#random = random.fork("network");
    this.#faults = { ...faultless, ...faults };
  }

  /** What every path is like where no weather says otherwise. */
  setFaults(faults: Partial<NetworkFaults>): void {
    this.#faults = { ...this.#faults, ...faults };
    this.#refresh();
  }

  /** Of every path, until what it answers is called: where weathers overlap, the newest counts. */
  beginWeather(faults: Partial<NetworkFaults>): () => void {
    const own = { ...faults };
    this.#weather = [...this.#weather, own];
    this.#refresh();
    return () => {
      this.#weather = this.#weather.filter((each) => each !== own);
      this.#refresh();
    };
  }

  /** The same between one device and one broker, where it counts more than that of all. */
  beginPairWeather(device: string, url: string, faults: Partial<NetworkFaults>): () => void {
    return this.#path(device, url).beginWeather(faults);
  }

  /** `host`: the device that embeds it, and reaches it whatever the network is like. */
  addBroker(url: string, host?: string): SimulatedBroker {
    const broker = new SimulatedBroker(url, this.#time, this.#random.fork(url));
    this.#brokers.set(url, broker);
    if (host !== undefined) this.#hosts.set(url, host);
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

  /**
   * Between one device and one broker, until what it answers is called, or `heal`; other cuts go on beside it. Connections stay until
   * a keep-alive is missed.
   */
  cut(device: string, url: string, cut: Cut = "both"): () => void {
    return this.#path(device, url).beginCut(cut);
  }

  /** The same between everybody and one broker, whoever comes later included. */
  cutFromAll(url: string): () => void {
    const own: CutFromAll = { url, ends: [] };
    this.#cutsFromAll.add(own);
    for (const path of this.#allPaths()) if (path.url === url) own.ends.push(path.beginCut("both"));
    return () => {
      this.#cutsFromAll.delete(own);
      for (const end of own.ends) end();
    };
  }

  /** Ends the cuts between one device and one broker. */
  heal(device: string, url: string): void {
    this.#path(device, url).heal();
  }

  /** Ends all cuts. */
  healAll(): void {
    this.#cutsFromAll.clear();
    for (const path of this.#allPaths()) path.heal();
  }

  /** What lies between a device and a broker now, for who looks. */
  between(device: string, url: string): Pick<NetworkPath, "faults" | "isOpen"> {
    return this.#path(device, url);
  }

  #refresh(): void {
    for (const path of this.#allPaths()) path.usual = this.#usual;
  }

  get #usual(): NetworkFaults {
    return inWeather(this.#faults, this.#weather);
  }

  *#allPaths(): Iterable<NetworkPath> {
    for (const paths of this.#paths.values()) yield* paths.values();
  }

  #path(device: string, url: string): NetworkPath {
    const paths = this.#paths.get(device) ?? new Map<string, NetworkPath>();
    this.#paths.set(device, paths);
    let path = paths.get(url);
    if (path === undefined) {
      const isLoopback = this.#hosts.get(url) === device;
      path = new NetworkPath({ device, url, isLoopback }, { time: this.#time, random: this.#random }, this.#usual);
      paths.set(url, path);
      for (const all of this.#cutsFromAll) if (all.url === url) all.ends.push(path.beginCut("both"));
    }
    return path;
  }
}
