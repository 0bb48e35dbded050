// A follower that missed something asks for it.
//
// A frame a little ahead is held for a moment, because its predecessor is often only late. Then a voter asks at once; a
// learner after a random delay, and not if the repair of another passes by meanwhile (RAFT-CASES 53). It asks again until
// the gap is closed (RAFT-CASES 32).

import { limits } from "../base/limits.ts";
import { type Duration, type Instant, type LogIndex, logIndex, milliseconds, offset, shift } from "../base/units.ts";
import type { AppendMessage, Core, Gap } from "./core.ts";
import { entryBytes } from "./log.ts";
import { matchAppend } from "./matching.ts";
import { refuseToFollow } from "./roles.ts";

/** Over how long the questions of many learners are spread. */
const learnerSpread = milliseconds(500);

export function noticeGap(core: Core, message: AppendMessage, kind: "ahead" | "conflict"): void {
  const wanted = offset(message.previousIndex, message.entries.length);
  const { following } = core;
  const isNew = following.gap === undefined;
  following.gap ??= { wanted, dueAt: shift(core.now, delay(core, core.timing.gapHold)), hint: undefined };
  const { gap } = following;
  gap.wanted = logIndex(Math.max(gap.wanted, wanted));
  if (kind === "ahead") return;
  const index = core.log.agreementUpTo(offset(message.previousIndex, -1), message.previousTerm);
  const isBetter = gap.hint === undefined || index < gap.hint.index;
  if (isBetter) gap.hint = { index, term: core.log.termAt(index) ?? core.log.start.term };
  // No frame on its way can heal a conflict, so there is nothing to hold for; each answer narrows it down.
  if (isNew || isBetter) gap.dueAt = shift(core.now, delay(core, milliseconds(0)));
}

/** Asks the leader if it is time. */
export function askForGap(core: Core): void {
  const { gap } = core.following;
  if (gap === undefined || core.now < gap.dueAt || core.receiving !== undefined) return;
  ask(core, gap);
}

export function gapDueAt(core: Core): Instant | undefined {
  return core.receiving === undefined ? core.following.gap?.dueAt : undefined;
}

/** After an append that fitted: is anything still missing? */
export function closeGap(
  core: Core,
  message: AppendMessage,
  { isBroadcast, isNews }: { readonly isBroadcast: boolean; readonly isNews: boolean },
): void {
  const { following } = core;
  const { gap } = following;
  if (gap === undefined) return;
  // A heartbeat names the end of the leader's log: what fits it misses nothing.
  const isUpToDate = message.entries.length === 0 && message.beat >= following.beat;
  if (following.verified >= gap.wanted || isUpToDate) {
    following.gap = undefined;
    return;
  }
  if (!isNews) return;
  gap.hint = undefined;
  if (isBroadcast) gap.dueAt = shift(core.now, delay(core, core.timing.gapHold));
  else ask(core, gap);
}

/** A snapshot replaced the log: go on from there at once. */
export function askAfterSnapshot(core: Core): void {
  core.following.gap = { wanted: offset(core.log.lastIndex, 1), dueAt: core.now, hint: undefined };
}

/** The last attempt failed here, not there: at once it would only fail again. */
export function postponeGap(core: Core, by: Duration): void {
  if (core.following.gap !== undefined) core.following.gap.dueAt = shift(core.now, by);
}

export function hold(core: Core, message: AppendMessage): void {
  const { held } = core.following;
  if (message.entries.length === 0 || held.has(message.previousIndex)) return;
  const bytes = bytesOf(message);
  if (held.size >= limits.heldAppends || core.following.heldBytes + bytes > core.limits.windowBytes) return;
  held.set(message.previousIndex, message);
  core.following.heldBytes += bytes;
}

/** Frames that were ahead, and are no longer. */
export function absorbHeld(core: Core): void {
  const { held } = core.following;
  if (held.size === 0) return;
  for (const previousIndex of [...held.keys()].sort((a, b) => a - b)) {
    const message = held.get(previousIndex);
    if (message === undefined || previousIndex > core.log.lastIndex) return;
    held.delete(previousIndex);
    core.following.heldBytes -= bytesOf(message);
    const match = matchAppend(core, message);
    if (match.kind === "matched") verify(core, match.upTo);
    else if (match.kind === "diverged" && core.leader !== undefined)
      refuseToFollow(core, core.leader, match.at, match.detail);
  }
}

function verify(core: Core, upTo: LogIndex): void {
  core.following.verified = logIndex(Math.max(core.following.verified, upTo));
}

function ask(core: Core, gap: Gap): void {
  const { following, leader, log } = core;
  if (leader === undefined) {
    following.gap = undefined;
    return;
  }
  const hint = gap.hint ?? { index: log.lastIndex, term: log.lastTerm };
  const match = logIndex(Math.max(following.verified, core.commit));
  gap.dueAt = shift(core.now, delay(core, core.timing.heartbeatInterval));
  following.answeredAt = core.now;
  core.outbox.send(
    leader,
    { kind: "gap", term: core.term, beat: following.beat, match, lastIndex: hint.index, lastTerm: hint.term },
    core.disk.hardStateBarrier(),
  );
}

function delay(core: Core, least: Duration): Duration {
  return core.isVoter ? least : milliseconds(least + core.random() * learnerSpread);
}

const bytesOf = (message: AppendMessage): number => message.entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
