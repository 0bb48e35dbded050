// Elections: pre-vote, vote, and the refusal to disturb a leader that is heard (paper §5.2, §5.4.1; thesis §4.2.3, §9.6).
//
// Stickiness is for pre-votes. A vote request is obeyed by everyone who knows the candidate as a voter, so that a leadership
// transfer needs no exception. Only one from somebody unknown (removed, or of another past) is ignored while a leader is
// heard: pre-vote keeps honest candidates away already, this keeps away those that did not ask (RAFT-CASES 7). Once no
// leader is heard, everyone is answered, so that a voter of a configuration that has not arrived here can be elected.

import type { MemberKey } from "../base/ids.ts";
import { offset, shift, type Term } from "../base/units.ts";
import { type Campaign, type Core, newFollowing, newLeadership } from "./core.ts";
import { waitForAnother } from "./last-will.ts";
import { appendAndPublish, nextHead, publishHeartbeat } from "./publishing.ts";
import { adoptTerm, changeRole, followLaterTerm, hearsLeader, silenceOfLeader } from "./roles.ts";
import type { RaftMessage } from "./types.ts";
import { allVoters, hasMajority, isVoter } from "./voters.ts";

type Request = Extract<RaftMessage, { readonly kind: "pre-vote-request" | "vote-request" }>;
type Reply = Extract<RaftMessage, { readonly kind: "pre-vote-reply" | "vote-reply" }>;

/** Non-voters never campaign; nor does one whose disk hangs, or whose state is being replaced: it could not serve. */
export function canCampaign(core: Core): boolean {
  return (
    core.leadership === undefined &&
    core.isVoter &&
    !core.receiving?.isComplete &&
    !core.disk.isOverdue(core.now, core.timing.persistTimeout)
  );
}

/** Asks whether an election could be won before it begins one: nothing is stored, no term is raised. */
export function startPreVote(core: Core): void {
  const because = core.campaign?.because ?? silenceOfLeader(core);
  core.campaign = newCampaign(core, because, undefined);
  core.campaign.granted.add(core.self);
  core.leaderLeft = undefined;
  core.following = newFollowing(core.following.beat);
  core.drawElectionTimeout();
  changeRole(core, "pre-candidate", undefined, `asks for an election: ${because}`);
  askVoters(core, "pre-vote-request", (core.term + 1) as Term);
  if (isWon(core)) startElection(core, because);
}

/** Raises the term: only after a pre-vote, or when the leader itself asks for it. */
export function startElection(core: Core, because: string): void {
  adoptTerm(core, (core.term + 1) as Term, core.self);
  // The request promises the own vote and the last log id that it quotes: both must be durable first (RAFT-CASES 43).
  const ownVote = core.disk.barrier();
  core.campaign = newCampaign(core, because, ownVote);
  core.drawElectionTimeout();
  changeRole(core, "candidate", undefined, `stands for election in term ${core.term}: ${because}`);
  askVoters(core, "vote-request", core.term, ownVote);
}

/** The own vote counts once it is durable, as everybody's. */
export function countOwnVote(core: Core): void {
  const { campaign } = core;
  if (core.role !== "candidate" || campaign === undefined || !core.disk.isSynced(campaign.ownVote)) return;
  if (campaign.granted.has(core.self)) return;
  campaign.granted.add(core.self);
  if (isWon(core)) becomeLeader(core, campaign);
}

export function onPreVoteRequest(core: Core, from: MemberKey, request: Request): void {
  const granted = request.term > core.term && !hearsLeader(core) && isUpToDate(core, request);
  // A refusal carries the term, and the candidate adopts it: else two can refuse each other for ever (RAFT-CASES 19).
  const term = granted ? request.term : core.term;
  core.outbox.send(from, { kind: "pre-vote-reply", term, attempt: request.attempt, granted });
  if (granted) waitForAnother(core);
  const { leadership } = core;
  if (leadership === undefined || !isVoter(core.log.voters, from)) return;
  const recent = core.timing.heartbeatInterval / 4;
  if (core.now - leadership.publishedAt >= recent) publishHeartbeat(core, leadership);
}

export function onVoteRequest(core: Core, from: MemberKey, request: Request): void {
  if (request.term > core.term) {
    if (hearsLeader(core) && !isVoter(core.log.voters, from)) return;
    followLaterTerm(core, request.term, from);
  }
  const isFree = core.vote === undefined || core.vote === from;
  const granted = request.term === core.term && isFree && isUpToDate(core, request);
  if (granted && core.vote === undefined) {
    core.vote = from;
    core.disk.hardState({ term: core.term, vote: from });
    core.drawElectionTimeout(); // only a vote that was given: refused requests keep nobody from campaigning (RAFT-CASES 24)
  }
  const reply: RaftMessage = { kind: "vote-reply", term: core.term, attempt: request.attempt, granted };
  core.outbox.send(from, reply, core.disk.hardStateBarrier());
}

export function onPreVoteReply(core: Core, from: MemberKey, reply: Reply): void {
  if (core.role !== "pre-candidate" || reply.attempt !== core.campaign?.attempt) return;
  if (!reply.granted) {
    if (reply.term > core.term) followLaterTerm(core, reply.term, from);
    return;
  }
  if (reply.term !== core.term + 1) return;
  core.campaign.granted.add(from);
  if (isWon(core)) startElection(core, core.campaign.because);
}

export function onVoteReply(core: Core, from: MemberKey, reply: Reply): void {
  const { campaign } = core;
  if (core.role !== "candidate" || campaign === undefined || reply.attempt !== campaign.attempt) return;
  if (!reply.granted || reply.term !== core.term) return;
  // The request is the first sign of life that the voters answered. Won later than this, the authority would be over.
  if (core.now >= shift(campaign.since, core.timing.electionTimeoutMin)) return;
  campaign.granted.add(from);
  if (isWon(core)) becomeLeader(core, campaign);
}

/** Begins with an entry of its own: until that is committed nothing is known to be (paper §5.4.2, §8). */
function becomeLeader(core: Core, campaign: Campaign): void {
  const leadership = newLeadership(core, offset(core.log.lastIndex, 1));
  for (const voter of campaign.granted) leadership.contact.answered(voter, campaign.since);
  core.leadership = leadership;
  core.campaign = undefined;
  const voters = allVoters(core.log.voters);
  const votes = voters.filter((voter) => campaign.granted.has(voter)).length;
  const why = `elected in term ${core.term} with ${votes} of ${voters.length} votes after ${campaign.because}`;
  changeRole(core, "leader", core.self, why);
  appendAndPublish(core, leadership, [{ ...nextHead(core), kind: "noop" }]);
}

/** Votes are counted by the counter's own configuration; the own vote is among them once it is durable (thesis §4.1). */
function isWon(core: Core): boolean {
  const { campaign } = core;
  if (campaign === undefined || !campaign.granted.has(core.self)) return false;
  return hasMajority(core.log.voters, (member) => campaign.granted.has(member));
}

/** The candidate's log is at least as far as this one (paper §5.4.1). */
function isUpToDate(core: Core, request: Request): boolean {
  const { log } = core;
  if (request.lastTerm !== log.lastTerm) return request.lastTerm > log.lastTerm;
  return request.lastIndex >= log.lastIndex;
}

function newCampaign(core: Core, because: string, ownVote: number | undefined): Campaign {
  return { attempt: core.drawNumber(), since: core.now, granted: new Set(), ownVote, because };
}

function askVoters(core: Core, kind: Request["kind"], term: Term, after?: number): void {
  const attempt = core.campaign?.attempt ?? 0;
  const { lastIndex, lastTerm } = core.log;
  for (const voter of allVoters(core.log.voters)) {
    if (voter !== core.self) core.outbox.send(voter, { kind, term, attempt, lastIndex, lastTerm }, after);
  }
}
