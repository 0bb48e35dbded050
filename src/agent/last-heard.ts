// When each member was last heard, whoever leads: the next coordinator needs to know who lives.

import type { MemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Instant } from "../base/units.ts";

export class LastHeard {
  readonly #clock: Clock;
  /** Newest last. */
  readonly #heard = new Map<MemberKey, Instant>();
  #newest: MemberKey | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(sender: MemberKey): void {
    if (sender !== this.#newest) this.#heard.delete(sender); // in a quiet site one speaks again and again
    this.#newest = sender;
    this.#heard.set(sender, this.#clock.now());
    if (this.#heard.size > limits.members) {
      const [oldest] = this.#heard.keys();
      if (oldest !== undefined) this.#heard.delete(oldest);
    }
  }

  of(member: MemberKey): Instant | undefined {
    return this.#heard.get(member);
  }
}
