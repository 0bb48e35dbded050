// A handful of devices with nothing but their BrokerSet, in virtual time.

import { SimulatedNetwork } from "../../firmware-sim/network.ts";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { deviceId, type Generation, incarnation, type Member, siteId } from "../../src/base/ids.ts";
import type { Logger } from "../../src/base/ports/logger.ts";
import type { MqttMessage } from "../../src/base/ports/mqtt-link.ts";
import { seconds } from "../../src/base/units.ts";
import { BrokerSet, type Delivery } from "../../src/mqtt/broker-set.ts";
import type { HeardGeneration } from "../../src/mqtt/frame-reader.ts";
import type { Present } from "../../src/mqtt/presence.ts";

export const site = siteId("test");
export const firstGeneration: Generation = { number: 1, nonce: "ab".repeat(16) };
export const silentLog: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};

export const memberNamed = (name: string, life = 1): Member => ({
  device: deviceId(name),
  incarnation: incarnation(new Uint8Array(16).fill(life)),
});

export class TestSite {
  readonly time = new VirtualTime();
  readonly network: SimulatedNetwork;
  readonly urls: readonly string[];

  constructor(urls: readonly string[]) {
    this.urls = urls;
    this.network = new SimulatedNetwork(this.time, new SeededRandom(3));
  }

  /** Somebody with a client of his own, and what he hears. */
  stranger(url: string, filter: string) {
    const heard: MqttMessage[] = [];
    const options = { url, clientId: "stranger", keepAlive: seconds(10), maxPendingBytes: 1_000_000 };
    const link = this.network
      .device("stranger")
      .open(
        { ...options, subscriptions: [{ filter, qos: 0 }] },
        { up: () => undefined, down: () => undefined, message: (message) => heard.push(message) },
      );
    return { link, heard };
  }

  /** A device that has started; `adopt`: takes the first generation it hears. */
  device(
    name: string,
    options: {
      life?: number;
      /** Where it runs, if not on the machine of its name. */
      machine?: string;
      session?: number;
      start?: number;
      generation?: Generation | undefined;
      urls?: readonly string[];
      adopt?: boolean;
      log?: Logger;
    } = {},
  ) {
    const self = memberNamed(name, options.life);
    const received: Delivery[] = [];
    const generations: HeardGeneration[] = [];
    const changes: (Present | undefined)[] = [];
    const doubts = { count: 0 };
    let generation = "generation" in options ? options.generation : firstGeneration;
    const brokerSet = new BrokerSet(
      {
        clock: new VirtualClock(this.time),
        links: this.network.device(options.machine ?? name),
        log: options.log ?? silentLog,
      },
      {
        site,
        self,
        session: options.session ?? 1,
        start: options.start ?? options.session ?? 1,
        brokers: (options.urls ?? this.urls).map((url) => ({ url })),
        keepAlive: seconds(10),
        generation: () => generation,
      },
      {
        received: (delivery) => received.push(delivery),
        doubted: () => {
          doubts.count += 1;
        },
        heardOwnName: () => undefined,
        heardGeneration: (heard) => {
          generations.push(heard);
          if (options.adopt === true && heard.kind === "append") generation ??= heard.generation;
        },
        changed: (_via, present) => changes.push(present),
      },
    );
    brokerSet.start();
    return { self, brokerSet, received, generations, changes, doubts };
  }
}
