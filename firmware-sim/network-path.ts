// What lies between one device and one broker: its weather and its cuts, each of which may change while messages travel.

import { type Duration, type Instant, instant, milliseconds } from "../src/base/units.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { VirtualTime } from "./virtual-clock.ts";

export interface NetworkFaults {
  /** Shortest and longest time of one hop, drawn for each: their distance is the jitter. Within a connection the order is kept. */
  readonly latencyMin: Duration;
  readonly latencyMax: Duration;
  /** Fraction of hops, of every QoS, that take up to `spikeDelay` longer; what follows in the connection waits behind them. */
  readonly spikes: number;
  readonly spikeDelay: Duration;
  /** Fractions of QoS 0 messages, per hop. */
  readonly loss: number;
  readonly repetition: number;
  /** Fraction of QoS 0 messages, per hop, that later ones overtake, by up to `reorderDelay`. */
  readonly reordering: number;
  readonly reorderDelay: Duration;
  /** Fraction of QoS 1 messages that a broker delivers twice, as when it misses an acknowledgement. */
  readonly redelivery: number;
  /** Until a broker notices that a process was killed, and publishes its wills. */
  readonly noticeDelay: Duration;
  /** Until a link gives up on a broker that does not answer. */
  readonly attemptTimeout: Duration;
}

export const faultless: NetworkFaults = {
  latencyMin: milliseconds(0.2),
  latencyMax: milliseconds(1),
  spikes: 0,
  spikeDelay: milliseconds(0),
  loss: 0,
  repetition: 0,
  reordering: 0,
  reorderDelay: milliseconds(0),
  redelivery: 0,
  noticeDelay: milliseconds(5),
  attemptTimeout: milliseconds(10_000),
};

/** The newest counts. */
export function inWeather(usual: NetworkFaults, weather: readonly Partial<NetworkFaults>[]): NetworkFaults {
  let faults = usual;
  for (const each of weather) faults = { ...faults, ...each };
  return faults;
}

export type Direction = "to-broker" | "from-broker";
/** `to-broker`: nothing gets from the device to the broker; what the broker says still arrives. */
export type Cut = "both" | Direction;

const directions: readonly Direction[] = ["to-broker", "from-broker"];
/** More than any link may have unacknowledged, over all connections of a long cut. */
const waitingMax = 10_000;

/** One direction of one connection. */
export interface Lane {
  /** When the last message that kept the order arrives. */
  last: number;
}

export class NetworkPath {
  readonly device: string;
  readonly url: string;
  /** Within one machine: no radio lies between, so there is neither weather nor a cut. */
  readonly isLoopback: boolean;
  #usual: NetworkFaults;
  #faults: NetworkFaults;
  /** Of this path, the newest last: where several say something, it counts. */
  #weather: readonly Partial<NetworkFaults>[] = [];
  /** An object for each. */
  readonly #cuts = new Set<{ readonly cut: Cut }>();
  /** What TCP goes on trying to send, by direction, in order. */
  readonly #waiting: Record<Direction, (() => void)[]> = { "to-broker": [], "from-broker": [] };
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;

  constructor(
    ends: { readonly device: string; readonly url: string; readonly isLoopback: boolean },
    world: { readonly time: VirtualTime; readonly random: SeededRandom },
    usual: NetworkFaults,
  ) {
    this.device = ends.device;
    this.url = ends.url;
    this.isLoopback = ends.isLoopback;
    this.#time = world.time;
    this.#random = world.random;
    this.#usual = usual;
    this.#faults = this.#combined();
  }

  get faults(): NetworkFaults {
    return this.#faults;
  }

  /** Where no weather of this path says otherwise. */
  set usual(usual: NetworkFaults) {
    this.#usual = usual;
    this.#faults = this.#combined();
  }

  /** Until what it answers is called. */
  beginWeather(faults: Partial<NetworkFaults>): () => void {
    const own = { ...faults };
    this.#weather = [...this.#weather, own];
    this.#faults = this.#combined();
    return () => {
      this.#weather = this.#weather.filter((each) => each !== own);
      this.#faults = this.#combined();
    };
  }

  /** Until what it answers is called, or `heal`: beside other cuts, which go on. */
  beginCut(cut: Cut): () => void {
    const own = { cut };
    if (!this.isLoopback) this.#cuts.add(own);
    return () => {
      if (this.#cuts.delete(own)) this.#goOn();
    };
  }

  /** Ends all cuts. */
  heal(): void {
    this.#cuts.clear();
    this.#goOn();
  }

  isOpen(direction: Direction): boolean {
    for (const { cut } of this.#cuts) if (cut === "both" || cut === direction) return false;
    return true;
  }

  /**
   * Does `send` now, or when the cut is over, in order: a connection may stall or end, but it never leaves out what came earlier.
   * Only QoS 0 is lost in a cut: it stands for what brokers and radios drop.
   */
  whenOpen(direction: Direction, send: () => void): void {
    if (this.isOpen(direction)) send();
    else if (this.#waiting[direction].length < waitingMax) this.#waiting[direction].push(send);
  }

  #combined(): NetworkFaults {
    return this.isLoopback ? faultless : inWeather(this.#usual, this.#weather);
  }

  #goOn(): void {
    for (const direction of directions) if (this.isOpen(direction)) this.#sendWaiting(direction);
  }

  #sendWaiting(direction: Direction): void {
    for (const send of this.#waiting[direction].splice(0)) send();
  }

  /** How many copies of a message arrive: usually one; none when it is lost. */
  copies(qos: 0 | 1, direction: Direction): 0 | 1 | 2 {
    const { loss, repetition, redelivery } = this.#faults;
    if (qos === 1) return direction === "from-broker" && this.#happens(redelivery) ? 2 : 1;
    if (this.#happens(loss)) return 0;
    return this.#happens(repetition) ? 2 : 1;
  }

  /** When a message that is sent now arrives: not before the one before it, unless it is out of order. */
  arrival(lane: Lane, qos: 0 | 1): Instant {
    const { reordering, reorderDelay } = this.#faults;
    const at = this.#time.now + this.latency();
    if (qos === 0 && this.#happens(reordering)) return instant(at + this.#random.fraction() * reorderDelay);
    lane.last = Math.max(at, lane.last);
    return instant(lane.last);
  }

  latency(): Duration {
    const { latencyMin, latencyMax, spikes, spikeDelay } = this.#faults;
    const spike = this.#happens(spikes) ? this.#random.fraction() * spikeDelay : 0;
    return milliseconds(latencyMin + this.#random.fraction() * (latencyMax - latencyMin) + spike);
  }

  #happens(fraction: number): boolean {
    return fraction > 0 && this.#random.fraction() < fraction;
  }
}
