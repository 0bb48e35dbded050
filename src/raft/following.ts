// A follower: verifies what it hears against its own log, and promises only what it has verified and synced.
//
// A broadcast cannot be fitted to each follower, so the follower does it (DESIGN §4, "Verified prefix"): commit is what was
// announced *and* verified in this term (RAFT-CASES 35); acknowledged is what is verified *and* synced (RAFT-CASES 27, 30).

import type { MemberKey } from "../base/ids.ts";
import { between, type LogIndex, logIndex } from "../base/units.ts";
import { deliver } from "./applying.ts";
import type { AppendMessage, Core } from "./core.ts";
import { absorbHeld, closeGap, hold, noticeGap } from "./gaps.ts";
import { isWellFormed, type Match, matchAppend } from "./matching.ts";
import { followLeader, refuseToFollow } from "./roles.ts";

export function onAppend(core: Core, from: MemberKey, message: AppendMessage, isBroadcast: boolean): void {
  if (!isWellFormed(message)) return;
  if (message.term < core.term) {
    correct(core, from, message.beat);
    return;
  }
  if (!follow(core, from, message)) return;
  const match = matchAppend(core, message);
  if (match.kind === "diverged") {
    refuseToFollow(core, from, match.at, match.detail);
    return;
  }
  core.following.announced = logIndex(Math.max(core.following.announced, message.commit));
  const progress = settle(core, message, match, isBroadcast);
  if (core.shunned === from) return;
  advance(core);
  answer(core, message, { isBroadcast, isMatched: progress });
}

/** False when this is not the leader to follow. */
function follow(core: Core, from: MemberKey, message: AppendMessage): boolean {
  const isSameTerm = message.term === core.term;
  if (isSameTerm && core.shunned === from) return false;
  if (isSameTerm && core.leader !== undefined && core.leader !== from) {
    core.outbox.emit({
      kind: "diverged",
      from,
      index: message.previousIndex,
      detail: `leads in term ${message.term}, in which ${core.leader} is the leader`,
    });
    return false;
  }
  // A leader taken for gone is not brought back by what a thawed broker repeats (RAFT-CASES 34).
  if (isSameTerm && core.leader === undefined && message.beat <= core.following.beat) return false;
  if (!isSameTerm || core.leader !== from) followLeader(core, message.term, from);
  if (message.beat > core.following.beat) {
    core.following.beat = message.beat;
    core.heardAt = core.now;
    core.leaderLeft = undefined;
    core.drawElectionTimeout();
  }
  return true;
}

/** True when the append brought this log forward or agreed with it. */
function settle(core: Core, message: AppendMessage, match: Match, isBroadcast: boolean): boolean {
  switch (match.kind) {
    case "matched":
      return verify(core, message, match.upTo, isBroadcast);
    case "ahead":
      hold(core, message);
      noticeGap(core, message, match.kind);
      return false;
    case "conflict":
      noticeGap(core, message, match.kind);
      return false;
    case "compacted":
    case "diverged":
      return false;
  }
}

function verify(core: Core, message: AppendMessage, upTo: LogIndex, isBroadcast: boolean): true {
  const before = core.following.verified;
  core.following.verified = logIndex(Math.max(before, upTo));
  absorbHeld(core);
  closeGap(core, message, { isBroadcast, isNews: core.following.verified > before });
  return true;
}

function advance(core: Core): void {
  const { announced, verified } = core.following;
  if (core.receiving?.isComplete) return;
  core.commit = logIndex(Math.max(core.commit, Math.min(announced, verified)));
  deliver(core);
}

/**
 * Voters answer what they could use, and every heartbeat. Learners are silent: how many they are must not matter; but they
 * answer the empty unicast that asks how far they are.
 */
function answer(
  core: Core,
  message: AppendMessage,
  { isBroadcast, isMatched }: { readonly isBroadcast: boolean; readonly isMatched: boolean },
): void {
  const isHeartbeat = message.entries.length === 0;
  if (core.isVoter) {
    const isQuiet = between(core.following.answeredAt, core.now) >= core.timing.heartbeatInterval;
    if (isMatched || isHeartbeat || isQuiet) acknowledge(core, isMatched && !isHeartbeat);
  } else if (isHeartbeat && !isBroadcast) acknowledge(core, false);
}

/**
 * `isWaiting`: for everything that is verified, once it is synced; else at once, for what is synced by now, so that a
 * heartbeat's answer never waits for the disk.
 */
function acknowledge(core: Core, isWaiting: boolean): void {
  const { disk, following, leader } = core;
  if (leader === undefined) return;
  const match = isWaiting ? following.verified : logIndex(Math.min(following.verified, disk.synced));
  const after = match > disk.synced ? disk.barrier() : disk.hardStateBarrier();
  following.answeredAt = core.now;
  core.outbox.send(leader, { kind: "append-ack", term: core.term, beat: following.beat, match }, after);
}

/** A leader of an older term is told of this one, or whoever stands in this one alone could never be led again. */
function correct(core: Core, from: MemberKey, beat: number): void {
  const { heartbeatInterval, electionTimeoutMin } = core.timing;
  const pause = core.isVoter ? heartbeatInterval : electionTimeoutMin;
  if (between(core.correctedAt, core.now) < pause) return;
  core.correctedAt = core.now;
  const message = { kind: "append-ack", term: core.term, beat, match: logIndex(0) } as const;
  core.outbox.send(from, message, core.disk.hardStateBarrier());
}
