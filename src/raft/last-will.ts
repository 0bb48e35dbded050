// The last will as a hint (DESIGN §4): a broker says that the leader's process is gone, long before its silence would.
//
// Whoever is told so drops its own stickiness until it next hears a leader, and asks for an election after a turn of its own.
// It skips no quorum: a leader that lives, and was heard since, is kept by those who heard it, so that the pre-vote fails. The
// turns keep the voters from asking all at once, and the first leaves a leader that lives the time to speak up.

import type { MemberKey } from "../base/ids.ts";
import { type Duration, type Instant, instant, milliseconds, shift } from "../base/units.ts";
import type { Core } from "./core.ts";
import { allVoters } from "./voters.ts";

/** One turn, and the chance that is added to each. */
const turn = milliseconds(15);
/** An election whose voters take 50 ms to sync, twice: who gave it its pre-vote does not ask for another meanwhile. */
const electionTakes = milliseconds(250);

/** Nothing may follow from it but a pre-vote. Repeats change nothing. */
export function onLeaderLeft(core: Core, leader: MemberKey): void {
  if (core.leadership !== undefined || core.leader !== leader || core.leaderLeft !== undefined) return;
  core.leaderLeft = { askAt: core.isVoter ? shift(core.now, myTurn(core, leader)) : undefined };
}

/** This member gave another one its pre-vote: that one's turn first. Never later than without the hint. */
export function waitForAnother(core: Core): void {
  if (core.leaderLeft?.askAt === undefined || core.leader === undefined) return;
  core.leaderLeft = { askAt: shift(core.now, milliseconds(electionTakes + myTurn(core, core.leader))) };
}

/** When this voter asks for an election, if it hears no leader before. */
export function campaignDueAt(core: Core): Instant {
  return instant(Math.min(core.electionDueAt, core.leaderLeft?.askAt ?? Number.POSITIVE_INFINITY));
}

/** In the order of the configuration, which all voters know alike; whoever is about to leave it comes last. */
function myTurn(core: Core, leader: MemberKey): Duration {
  const others = allVoters(core.log.voters).filter((voter) => voter !== leader);
  const place = others.indexOf(core.self);
  const rank = 1 + (place === -1 ? others.length : place);
  return milliseconds(turn * (rank + core.random()));
}
