// A leader fills the gaps of followers: by unicast, at a byte rate of its own, behind live appends.
//
// What a second member asks for shortly after goes out on the log topic, for all who miss it; who asks for it then has it
// on its way already (RAFT-CASES 53). A gap that the log no longer reaches is answered with a snapshot (RAFT-CASES 16).

import type { MemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { between, type Instant, type LogIndex, logIndex, milliseconds, shift } from "../base/units.ts";
import type { Core, Leadership, RepairQuestion } from "./core.ts";
import { entryBytes, headBytes } from "./log.ts";
import { appendAfter } from "./publishing.ts";
import { confirmReads } from "./reads.ts";
import { offerSnapshot, serveChunk } from "./snapshot-serving.ts";
import type { Entry, RaftMessage } from "./types.ts";

type GapMessage = Extract<RaftMessage, { readonly kind: "gap" }>;

/** How long a second question for the same entries counts as "also". Learners spread theirs over 500 ms. */
const alsoWithin = milliseconds(600);

export function onGap(core: Core, from: MemberKey, message: GapMessage): void {
  const { leadership, log } = core;
  if (leadership === undefined || message.term !== core.term || message.match > log.lastIndex) return;
  if (!leadership.contact.answeredBeat(from, message.beat, core.now)) return;
  confirmReads(core, leadership);
  const after = whereToBegin(core, message);
  const isReached = after !== undefined;
  enqueue(core, leadership, isReached ? { kind: "entries", member: from, after } : { kind: "offer", member: from });
}

/** The newest question of each member; it replaces an older one. */
export function enqueue(core: Core, leadership: Leadership, question: RepairQuestion): void {
  const { repairs } = leadership;
  const at = repairs.findIndex((one) => one.member === question.member);
  if (at >= 0) repairs[at] = question;
  else if (repairs.length < limits.members) repairs.push(question);
  serveRepairs(core, leadership);
}

export function serveRepairs(core: Core, leadership: Leadership): void {
  refill(core, leadership);
  while (leadership.repairAllowance > 0) {
    const question = leadership.repairs.shift();
    if (question === undefined) return;
    leadership.repairAllowance -= serve(core, leadership, question);
  }
}

/** When the next repair may be served; undefined: none waits. */
export function repairDueAt(core: Core, leadership: Leadership): Instant | undefined {
  if (leadership.repairs.length === 0) return undefined;
  const wait = (Math.max(0, 1 - leadership.repairAllowance) * 1000) / core.limits.repairBytesPerSecond;
  return shift(leadership.repairRefilledAt, milliseconds(Math.ceil(wait)));
}

/** Where the two logs may still agree; at the least what the follower has verified or committed. */
function whereToBegin(core: Core, message: GapMessage): LogIndex | undefined {
  const { log } = core;
  const agreed = log.agreementUpTo(message.lastIndex, message.lastTerm);
  const isPossible = (log.termAt(agreed) ?? Number.POSITIVE_INFINITY) <= message.lastTerm;
  const after = logIndex(isPossible ? Math.max(agreed, message.match) : message.match);
  return after >= log.start.index ? after : undefined;
}

/** Answers the bytes that it took. */
function serve(core: Core, leadership: Leadership, question: RepairQuestion): number {
  switch (question.kind) {
    case "entries":
      if (question.after >= core.log.start.index) return repairAfter(core, leadership, question.member, question.after);
      return offerSnapshot(core, question.member);
    case "offer":
      return offerSnapshot(core, question.member);
    case "chunk":
      return serveChunk(core, question);
  }
}

function repairAfter(core: Core, leadership: Leadership, member: MemberKey, after: LogIndex): number {
  const { repaired } = leadership;
  forgetOld(core, leadership);
  const before = repaired.get(after);
  // What was published is on its way for one heartbeat interval; whoever still misses it then has lost it.
  if (before?.isPublished && between(before.at, core.now) < core.timing.heartbeatInterval) return 0;
  const entries = core.log.batchAfter(after, core.limits.batchBytes);
  const message = appendAfter(core, leadership, after, entries);
  const isAlso = before !== undefined && before.by !== member && entries.length > 0;
  repaired.delete(after); // so that the map stays in the order of time
  repaired.set(after, { at: core.now, by: member, isPublished: isAlso });
  if (isAlso) core.outbox.publish(message);
  else core.outbox.send(member, message);
  return headBytes + bytesOf(entries);
}

function forgetOld(core: Core, leadership: Leadership): void {
  for (const [after, { at }] of leadership.repaired) {
    if (between(at, core.now) < alsoWithin) return;
    leadership.repaired.delete(after);
  }
}

function refill(core: Core, leadership: Leadership): void {
  const perSecond = core.limits.repairBytesPerSecond;
  const gained = (between(leadership.repairRefilledAt, core.now) * perSecond) / 1000;
  leadership.repairAllowance = Math.min(perSecond, leadership.repairAllowance + gained);
  leadership.repairRefilledAt = core.now;
}

const bytesOf = (entries: readonly Entry[]): number => entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
