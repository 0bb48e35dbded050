// When a coordinator's last wills are believed (DESIGN §4, "The last will as a hint"), and how often they were wrong.
//
// A will counts only if it carries the session in which the coordinator itself was heard, and came on every broker on which it
// was seen; the core is told, which alone decides what follows. So a will that is late, repeated, of an earlier run, or of one lost
// connection among several changes nothing; and one that is believed wrongly costs a pre-vote.

import { type Member, type MemberKey, memberOf } from "../base/ids.ts";
import type { Present } from "../mqtt/presence.ts";

export interface LastWillsDoor {
  readonly self: MemberKey;
  leader(): MemberKey | undefined;
  /** In which session it was last heard. */
  sessionOf(member: MemberKey): number | undefined;
  /** Its wills of this session came on all brokers on which it was seen. */
  hasLeft(member: Member, session: number): boolean;
  believed(leader: MemberKey): void;
  /** The leader that is followed was not heard since it was believed. */
  isTakenForGone(): boolean;
}

export interface LastWillsReport {
  /** How often a coordinator was taken for gone. */
  readonly believed: number;
  /** How often it was heard again after that, before another one was followed. */
  readonly refuted: number;
}

export class LastWills {
  readonly #door: LastWillsDoor;
  #believed = 0;
  #refuted = 0;
  /** Taken for gone, and neither heard nor replaced since. */
  #gone: MemberKey | undefined;

  constructor(door: LastWillsDoor) {
    this.#door = door;
  }

  /** Somebody's presence changed, or an own connection (then it is about everybody). */
  look(changed: Present | undefined): void {
    const leader = this.#door.leader();
    if (leader === undefined || leader === this.#door.self || leader === this.#gone) return;
    const member = memberOf(leader);
    if (changed !== undefined && changed.device !== member.device) return;
    const session = this.#door.sessionOf(leader);
    if (session === undefined || !this.#door.hasLeft(member, session)) return;
    this.#gone = leader;
    this.#believed += 1;
    this.#door.believed(leader);
  }

  /** An append came, or this device's role changed; `leader`: who is followed now. */
  followed(leader: MemberKey | undefined): void {
    if (this.#gone === undefined || leader === undefined) return;
    if (leader === this.#gone) {
      if (this.#door.isTakenForGone()) return;
      this.#refuted += 1;
    }
    this.#gone = undefined;
  }

  report(): LastWillsReport {
    return { believed: this.#believed, refuted: this.#refuted };
  }
}
