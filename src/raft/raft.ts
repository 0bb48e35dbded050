// The Raft core assembled: `step(event) → effects`, synchronous and total (DESIGN §4).
//
// Before each event the leader's authority is checked against the clock that came with it, and what is due is done; so a
// process that was paused answers nothing as the leader that it no longer is (RAFT-CASES 44).

import { unreachable } from "../base/errors.ts";
import type { MemberKey } from "../base/ids.ts";
import { between, type Instant, instant, shift } from "../base/units.ts";
import { deliver, onApplied } from "./applying.ts";
import { advanceCommit } from "./committing.ts";
import { Core, isBelievable, type Leadership } from "./core.ts";
import {
  canCampaign,
  countOwnVote,
  onPreVoteReply,
  onPreVoteRequest,
  onVoteReply,
  onVoteRequest,
  startPreVote,
} from "./election.ts";
import { onAppend } from "./following.ts";
import { askForGap, gapDueAt } from "./gaps.ts";
import { campaignDueAt, onLeaderLeft } from "./last-will.ts";
import { changeVoters } from "./membership.ts";
import { propose } from "./proposals.ts";
import { heartbeatDueAt, probe, publishHeartbeat } from "./publishing.ts";
import { dropUnansweredReads, onReadAnswer, onReadQuestion, read } from "./reads.ts";
import { enqueue, onGap, repairDueAt, serveRepairs } from "./repair.ts";
import { onAcknowledgement } from "./replication.ts";
import { checkAuthority, followLaterTerm } from "./roles.ts";
import { onChunk, onFailed, onInstalled, onOffer, retrySnapshot } from "./snapshot-receiving.ts";
import { chunkQuestion, onCheckpointed, onCheckpointGone } from "./snapshot-serving.ts";
import { beginTransfer, followUpTransfer, onTransferRequest, transferDueAt } from "./transfer.ts";
import type { Raft, RaftEffect, RaftEvent, RaftInitial, RaftMessage, RaftStatus } from "./types.ts";
import { allVoters, hasMajority } from "./voters.ts";

export function createRaft(initial: RaftInitial): Raft {
  const core = new Core(initial);
  const isAlone = hasMajority(core.log.voters, (member) => member === core.self);
  if (!isAlone) core.drawElectionTimeout(); // alone it disturbs nobody, and need not wait
  return {
    step: (event) => step(core, event),
    nextTick: () => nextTick(core),
    status: (now) => status(core, now),
  };
}

function step(core: Core, event: RaftEvent): readonly RaftEffect[] {
  core.now = instant(Math.max(core.now, event.now));
  core.siteTime = event.siteTime;
  checkAuthority(core);
  handle(core, event);
  doWhatIsDue(core);
  return core.outbox.take(core.disk.take(core.now, core.isVoter));
}

function handle(core: Core, event: RaftEvent): void {
  switch (event.kind) {
    case "tick":
      deliver(core); // after a start: what is known to be committed needs no leader
      return;
    case "received":
      receive(core, event.from, event.message, event.broadcast);
      return;
    case "persisted":
      core.disk.confirm(event.token);
      countOwnVote(core);
      advanceCommit(core);
      deliver(core);
      return;
    case "propose":
      propose(core, event.proposals);
      return;
    case "change-voters":
      changeVoters(core, event.context, event.voters);
      return;
    case "transfer":
      beginTransfer(core, event.context, event.to);
      return;
    case "probe":
      if (core.leadership !== undefined) probe(core, core.leadership, event.member);
      return;
    case "leader-left":
      onLeaderLeft(core, event.leader);
      return;
    case "speak-up":
      if (core.leadership !== undefined) publishHeartbeat(core, core.leadership);
      return;
    case "read":
      read(core, event.context);
      return;
    case "applied":
      onApplied(core, event.index);
      return;
    case "checkpointed":
      onCheckpointed(core, event);
      return;
    case "snapshot-installed":
      onInstalled(core, event.name, event.voters);
      return;
    case "snapshot-failed":
      onFailed(core, event.name);
      return;
    case "checkpoint-gone":
      onCheckpointGone(core, event.name);
      return;
    default:
      unreachable(event);
  }
}

/** Requests are answered without looking at the own configuration (thesis §4.1); whose frames come here at all, the replica decides. */
function receive(core: Core, from: MemberKey, message: RaftMessage, isBroadcast: boolean): void {
  if (from === core.self || !isBelievable(message.term)) return; // the own broadcast, heard back (RAFT-CASES 33)
  if (message.term > core.term && speakingForTheirTerm.has(message.kind)) followLaterTerm(core, message.term, from);
  switch (message.kind) {
    case "pre-vote-request":
      onPreVoteRequest(core, from, message);
      return;
    case "pre-vote-reply":
      onPreVoteReply(core, from, message);
      return;
    case "vote-request":
      onVoteRequest(core, from, message);
      return;
    case "append":
      onAppend(core, from, message, isBroadcast);
      return;
    case "transfer-request":
      onTransferRequest(core, from, message);
      return;
    case "snapshot-offer":
      onOffer(core, from, message);
      return;
    case "snapshot-chunk":
      onChunk(core, from, message);
      return;
    case "read-answer":
      onReadAnswer(core, from, message);
      return;
    case "vote-reply":
      onVoteReply(core, from, message);
      return;
    case "append-ack":
      onAcknowledgement(core, from, message);
      return;
    case "gap":
      onGap(core, from, message);
      return;
    case "snapshot-question":
      if (core.leadership !== undefined) enqueue(core, core.leadership, chunkQuestion(core, from, message));
      return;
    case "read-question":
      onReadQuestion(core, from, message.request);
      return;
    default:
      unreachable(message);
  }
}

/** Whose sender has to be believed when it stands in a later term: it answers us, or asks us as its leader. */
const speakingForTheirTerm: ReadonlySet<RaftMessage["kind"]> = new Set([
  "vote-reply",
  "append-ack",
  "gap",
  "snapshot-question",
  "read-question",
]);

function doWhatIsDue(core: Core): void {
  followUpTransfer(core);
  const { leadership } = core;
  if (leadership !== undefined) {
    if (core.now >= heartbeatDueAt(core, leadership)) publishHeartbeat(core, leadership);
    serveRepairs(core, leadership);
    return;
  }
  retrySnapshot(core);
  askForGap(core);
  if (core.asked.size > 0) dropUnansweredReads(core);
  if (core.now < campaignDueAt(core)) return;
  if (canCampaign(core)) startPreVote(core);
  else postpone(core);
}

function postpone(core: Core): void {
  core.leaderLeft &&= { askAt: undefined };
  core.drawElectionTimeout();
}

function nextTick(core: Core): Instant | undefined {
  const { leadership, timing } = core;
  let next = transferDueAt(core);
  if (leadership !== undefined) {
    const since = core.disk.waitingSince();
    next = earlier(next, heartbeatDueAt(core, leadership));
    next = earlier(next, repairDueAt(core, leadership));
    next = earlier(next, leadership.contact.authorityEnds(core.log.voters, timing.electionTimeoutMin));
    if (since !== undefined) next = earlier(next, shift(since, timing.persistTimeout));
  } else {
    if (core.isVoter) next = earlier(next, campaignDueAt(core));
    if (core.receiving !== undefined && !core.receiving.isComplete) next = earlier(next, core.receiving.retryAt);
    next = earlier(next, gapDueAt(core));
    for (const { until } of core.asked.values()) next = earlier(next, until);
  }
  return next === Number.POSITIVE_INFINITY ? undefined : next;
}

function status(core: Core, now: Instant): RaftStatus {
  const { leadership, log, timing } = core;
  const isConfirmed = leadership !== undefined && core.commit >= leadership.first;
  return {
    term: core.term,
    role: core.role,
    vote: core.vote,
    leader: core.leader,
    why: core.why,
    isLeaderTakenForGone: core.leaderLeft !== undefined,
    start: log.start.index,
    commit: core.commit,
    applied: core.applied,
    synced: core.disk.synced,
    last: log.lastIndex,
    lastTerm: log.lastTerm,
    voters: log.voters,
    isVotersCommitted: log.votersIndex <= core.commit,
    hasAuthority: isConfirmed && now < leadership.contact.authorityEnds(log.voters, timing.electionTimeoutMin),
    transferringTo: core.isTransferring ? core.transfer?.to : undefined,
    followers: leadership === undefined ? nobody : followersOf(core, leadership, now),
  };
}

const earlier = (a: Instant | undefined, b: Instant | undefined): Instant | undefined =>
  a === undefined || (b !== undefined && b < a) ? b : a;

const nobody: RaftStatus["followers"] = [];

function followersOf({ log, self }: Core, { contact }: Leadership, now: Instant): RaftStatus["followers"] {
  const others = new Set([...allVoters(log.voters), ...contact.members().keys()]);
  others.delete(self);
  return [...others].map((member) => {
    const heardAt = contact.members().get(member)?.heardAt;
    const silentFor = heardAt === undefined ? undefined : between(heardAt, now);
    return { member, match: contact.matchOf(member), silentFor };
  });
}
