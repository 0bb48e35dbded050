// Who this member is: the changes of role, term and leader that every other concern may cause.

import type { MemberKey } from "../base/ids.ts";
import { between, type LogIndex, shift, type Term } from "../base/units.ts";
import { type Core, inSeconds, nameOf, newFollowing } from "./core.ts";
import type { Role } from "./types.ts";

export function changeRole(core: Core, role: Role, leader: MemberKey | undefined, why: string): void {
  core.role = role;
  core.leader = leader;
  core.why = why;
  if (leader !== undefined) core.lastLeader = leader;
  core.outbox.emit({ kind: "role", role, term: core.term, leader, why });
}

/** A later term: the vote of the one before is no longer needed. */
export function adoptTerm(core: Core, term: Term, vote: MemberKey | undefined): void {
  core.term = term;
  core.vote = vote;
  core.shunned = undefined;
  core.leaderLeft = undefined;
  core.following = newFollowing();
  core.disk.hardState({ term, vote });
}

/** Somebody is in a later term: follow nobody in it yet. The election timer goes on as it was (paper §5.2). */
export function followLaterTerm(core: Core, term: Term, from: MemberKey): void {
  if (core.leadership !== undefined) endLeadership(core);
  adoptTerm(core, term, undefined);
  core.campaign = undefined;
  changeRole(core, "follower", undefined, `term ${term} was heard from ${nameOf(from)}`);
}

/** `leader` sends appends in the present or a later term. */
export function followLeader(core: Core, term: Term, leader: MemberKey): void {
  if (core.leadership !== undefined) endLeadership(core);
  if (term > core.term) adoptTerm(core, term, undefined);
  else core.following = newFollowing(core.following.beat);
  core.campaign = undefined;
  changeRole(core, "follower", leader, `follows ${nameOf(leader)} in term ${term}`);
}

/** The leader contradicts what is committed here: said, and not followed in this term; never thrown. */
export function refuseToFollow(core: Core, leader: MemberKey, index: LogIndex, detail: string): void {
  core.outbox.emit({ kind: "diverged", from: leader, index, detail });
  core.shunned = leader;
  core.following = newFollowing(core.following.beat);
  changeRole(core, "follower", undefined, `does not follow ${nameOf(leader)}: ${detail}`);
}

/** Leaves office within the term; term and vote stay (RAFT-CASES 23). */
export function stepDown(core: Core, why: string): void {
  endLeadership(core);
  core.following = newFollowing();
  changeRole(core, "follower", undefined, `stepped down: ${why}`);
}

/** Checked before every event: a process that was paused wakes up deposed (RAFT-CASES 44). */
export function checkAuthority(core: Core): void {
  const { leadership, timing } = core;
  if (leadership === undefined) return;
  if (core.now >= leadership.contact.authorityEnds(core.log.voters, timing.electionTimeoutMin)) {
    stepDown(core, `no majority answered within ${inSeconds(timing.electionTimeoutMin)}`);
  } else if (core.disk.isOverdue(core.now, timing.persistTimeout)) {
    stepDown(core, `its disk has not answered for ${inSeconds(timing.persistTimeout)}`);
  }
}

/** A leader of this term was heard so lately that an election would only disturb it (thesis §4.2.3). */
export function hearsLeader(core: Core): boolean {
  if (core.leadership !== undefined) return true;
  if (core.leader === undefined || core.heardAt === undefined || core.leaderLeft !== undefined) return false;
  return core.now < shift(core.heardAt, core.timing.electionTimeoutMin);
}

export function silenceOfLeader(core: Core): string {
  if (core.leaderLeft !== undefined && core.leader !== undefined) return `${nameOf(core.leader)} left all brokers`;
  if (core.lastLeader === undefined || core.lastLeader === core.self || core.heardAt === undefined) {
    return `${inSeconds(between(core.leaderlessSince, core.now))} without a leader`;
  }
  return `${nameOf(core.lastLeader)} was silent for ${inSeconds(between(core.heardAt, core.now))}`;
}

/** What it had not yet appended, and whom it had not yet answered, is told that it leads no more. */
function endLeadership(core: Core): void {
  const { leadership, outbox } = core;
  if (leadership === undefined) return;
  core.leadership = undefined;
  core.heardAt = undefined;
  core.leaderlessSince = core.now;
  core.drawElectionTimeout();
  for (const { context } of leadership.buffered) {
    outbox.emit({ kind: "proposal-refused", context, reason: "not-leader", leader: undefined });
  }
  for (const { asker } of leadership.reads) {
    if ("context" in asker) outbox.emit({ kind: "read-refused", context: asker.context, leader: undefined });
    else outbox.send(asker.member, { kind: "read-answer", term: core.term, request: asker.request, index: undefined });
  }
}
