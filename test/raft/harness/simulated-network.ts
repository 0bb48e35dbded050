// A bus that loses, repeats, delays and so reorders; and whose links are cut in one direction or in both.

import type { SeededRandom } from "../../../firmware-sim/seeded-random.ts";
import type { VirtualTime } from "../../../firmware-sim/virtual-clock.ts";
import type { MemberKey } from "../../../src/base/ids.ts";
import { milliseconds } from "../../../src/base/units.ts";
import type { RaftMessage } from "../../../src/raft/types.ts";

export interface Weather {
  /** Probabilities of one delivery. */
  readonly loss: number;
  readonly repeat: number;
  /** A delivery is held up for seconds, as by a broker that hangs and thaws. */
  readonly freeze: number;
  readonly delayMsMax: number;
}

export const fair: Weather = { loss: 0, repeat: 0, freeze: 0, delayMsMax: 8 };

export type Deliver = (to: MemberKey, from: MemberKey, message: RaftMessage, broadcast: boolean) => void;

export class SimulatedNetwork {
  weather: Weather = fair;
  /** Sees each send once, before its fate is decided. */
  observe: ((from: MemberKey, to: MemberKey | undefined, message: RaftMessage) => void) | undefined;
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #deliver: Deliver;
  readonly #members: MemberKey[] = [];
  /** `from→to` that carry nothing. */
  readonly #cut = new Set<string>();

  constructor(time: VirtualTime, random: SeededRandom, deliver: Deliver) {
    this.#time = time;
    this.#random = random;
    this.#deliver = deliver;
  }

  connect(member: MemberKey): void {
    this.#members.push(member);
  }

  cut(from: MemberKey, to: MemberKey): void {
    this.#cut.add(`${from}→${to}`);
  }

  heal(): void {
    this.#cut.clear();
  }

  /** To `to`, or to everyone on the log topic: the sender hears itself. */
  send(from: MemberKey, to: MemberKey | undefined, message: RaftMessage): void {
    this.observe?.(from, to, message);
    for (const receiver of to === undefined ? this.#members : [to]) {
      this.#carry(from, receiver, message, to === undefined);
      if (this.#random.fraction() < this.weather.repeat) this.#carry(from, receiver, message, to === undefined);
    }
  }

  #carry(from: MemberKey, to: MemberKey, message: RaftMessage, broadcast: boolean): void {
    const { loss, freeze, delayMsMax } = this.weather;
    if (this.#cut.has(`${from}→${to}`) || this.#random.fraction() < loss) return;
    const isFrozen = this.#random.fraction() < freeze;
    const delay = 1 + this.#random.below(isFrozen ? 8_000 : delayMsMax);
    this.#time.schedule(milliseconds(delay), "deliver", () => {
      // What a broker thaws it had taken before the cut, and delivers all the same.
      if (isFrozen || !this.#cut.has(`${from}→${to}`)) this.#deliver(to, from, message, broadcast);
    });
  }
}
