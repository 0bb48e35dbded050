// What one coordinator has seen of each member: who was there without a break, and for how long (DESIGN §4, "Voters by policy").
//
// Problem: a device that comes and goes must not become a voter each time, and learners say nothing that would show how steady
// they are. Idea: a broker says who is connected, voters answer each heartbeat, and the member table counts starts; a gap in any
// of them is a break. After the first break five minutes are asked for again, after each further one twice as long, up to an hour.
//
// This memory dies with the term, and that suffices: a new coordinator sees nobody as steady before it has watched for five
// minutes itself, so however often the coordinator changes, steady devices alone replace others, and not more often than that.

import type { MemberKey } from "../base/ids.ts";
import { between, type Duration, type Instant, minutes, seconds } from "../base/units.ts";

export interface Sighting {
  readonly member: MemberKey;
  /** Its start counter: another one is a restart. */
  readonly session: number;
  /** It is connected, and answers where it has to. */
  readonly isHere: boolean;
}

interface Seen {
  session: number;
  lastHere: Instant | undefined;
  /** Since when it is here unbroken; undefined: it was not seen yet. */
  since: Instant | undefined;
  breaks: number;
}

/** Shorter gaps are none: a broker was restarted, a network was slow. */
const breakAfter = seconds(10);
const steadyAfter = minutes(5);
const steadyAfterMax = minutes(60);

export class VoterSight {
  #seen = new Map<MemberKey, Seen>();

  /** Once in a while, with all members. Who is no member any more is forgotten. */
  look(sightings: readonly Sighting[], now: Instant): void {
    const before = this.#seen;
    this.#seen = new Map();
    for (const { member, session, isHere } of sightings) {
      const seen = before.get(member) ?? { session, lastHere: undefined, since: undefined, breaks: 0 };
      this.#seen.set(member, seen);
      const isRestarted = session !== seen.session;
      const isGap = seen.lastHere !== undefined && between(seen.lastHere, now) > breakAfter;
      if (seen.since !== undefined && (isRestarted || isGap)) {
        seen.breaks += 1;
        seen.since = undefined;
      }
      seen.session = session;
      if (!isHere) continue;
      seen.since ??= now;
      seen.lastHere = now;
    }
  }

  /** Here for so long that it may take another's place. */
  isSteady(member: MemberKey, now: Instant): boolean {
    const seen = this.#seen.get(member);
    if (seen?.since === undefined) return false;
    const wait = Math.min(steadyAfterMax, steadyAfter * 2 ** Math.max(0, seen.breaks - 1)) as Duration;
    return between(seen.since, now) >= wait;
  }
}
