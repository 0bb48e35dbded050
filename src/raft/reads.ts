// Linearizable reads without a clock (ReadIndex, thesis §6.4).
//
// A read is answered with the commit index as it was when the question came, once a quorum has answered a heartbeat that was
// sent after the question. The heartbeat's number is made by the leader and never used twice in its term, so neither a
// re-used question nor a late answer confirms anything (RAFT-CASES 37). Before the term's first commit the leader does not
// know what is committed, and refuses (RAFT-CASES 36).

import type { MemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { shift } from "../base/units.ts";
import { awaitApplied } from "./applying.ts";
import type { Core, Leadership, PendingRead } from "./core.ts";
import { publishHeartbeat } from "./publishing.ts";
import type { RaftMessage } from "./types.ts";
import { hasMajority } from "./voters.ts";

export function read(core: Core, context: number): void {
  const { leader, leadership } = core;
  const waiting = core.asked.size + core.applying.length;
  if (waiting >= limits.pendingReads || leader === undefined) refuse(core, { context });
  else if (leadership !== undefined) lead(core, leadership, { context });
  else {
    const request = core.nextRequest;
    core.nextRequest += 1;
    core.asked.set(request, { context, leader, until: shift(core.now, core.timing.electionTimeoutMax) });
    core.outbox.send(leader, { kind: "read-question", term: core.term, request });
  }
}

export function onReadQuestion(core: Core, from: MemberKey, request: number): void {
  const asker = { member: from, request };
  if (core.leadership === undefined) refuse(core, asker);
  else lead(core, core.leadership, asker);
}

export function onReadAnswer(
  core: Core,
  from: MemberKey,
  answer: Extract<RaftMessage, { readonly kind: "read-answer" }>,
): void {
  const question = core.asked.get(answer.request);
  if (question === undefined || question.leader !== from) return;
  core.asked.delete(answer.request);
  if (answer.index === undefined) refuse(core, question);
  else awaitApplied(core, question.context, answer.index);
}

/** Questions whose leader is gone, or that got no answer, are refused; whoever asked may ask again. */
export function dropUnansweredReads(core: Core): void {
  for (const [request, question] of core.asked) {
    if (question.leader === core.leader && core.now < question.until) continue;
    core.asked.delete(request);
    refuse(core, question);
  }
}

/** Called whenever a member has answered a beat. */
export function confirmReads(core: Core, leadership: Leadership): void {
  const { reads, contact } = leadership;
  if (reads.length === 0) return;
  const answered = contact.quorumBeat(core.log.voters);
  while (reads[0] !== undefined && reads[0].beat <= answered) confirm(core, reads.shift());
  const next = reads[0];
  if (next !== undefined && next.beat > contact.newestBeat) publishHeartbeat(core, leadership);
}

function lead(core: Core, leadership: Leadership, asker: PendingRead["asker"]): void {
  const { contact, reads } = leadership;
  if (core.commit < leadership.first || reads.length >= limits.pendingReads) {
    refuse(core, asker);
    return;
  }
  const read = { asker, index: core.commit, beat: contact.newestBeat + 1 };
  if (hasMajority(core.log.voters, (member) => member === core.self)) {
    confirm(core, read);
    return;
  }
  reads.push(read);
  // While an earlier question is out, later ones gather and are asked together when it is answered.
  if (reads.length === 1) publishHeartbeat(core, leadership);
}

function confirm(core: Core, read: PendingRead | undefined): void {
  if (read === undefined) return;
  const { asker, index } = read;
  if ("context" in asker) awaitApplied(core, asker.context, index);
  else core.outbox.send(asker.member, { kind: "read-answer", term: core.term, request: asker.request, index });
}

function refuse(core: Core, asker: PendingRead["asker"]): void {
  if ("context" in asker) {
    core.outbox.emit({ kind: "read-refused", context: asker.context, leader: core.leader });
  } else {
    core.outbox.send(asker.member, { kind: "read-answer", term: core.term, request: asker.request, index: undefined });
  }
}
