// When each member was last heard, and in which session, whoever leads: the next coordinator needs to know who lives.

import type { MemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Instant } from "../base/units.ts";

export class LastHeard {
  readonly #clock: Clock;
  /** Newest last. */
  readonly #heard = new Map<MemberKey, { readonly at: Instant; readonly session: number }>();
  #newest: MemberKey | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What was said in an earlier session may come late: it is no news of the session. */
  note(sender: MemberKey, said: number): void {
    const session = Math.max(said, this.#heard.get(sender)?.session ?? 0);
    if (sender !== this.#newest) this.#heard.delete(sender); // in a quiet site one speaks again and again
    this.#newest = sender;
    this.#heard.set(sender, { at: this.#clock.now(), session });
    if (this.#heard.size > limits.members) {
      const [oldest] = this.#heard.keys();
      if (oldest !== undefined) this.#heard.delete(oldest);
    }
  }

  of(member: MemberKey): Instant | undefined {
    return this.#heard.get(member)?.at;
  }

  sessionOf(member: MemberKey): number | undefined {
    return this.#heard.get(member)?.session;
  }
}
