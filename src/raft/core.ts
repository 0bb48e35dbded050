// The state of one Raft member, shared by the concerns in this folder, each of which stands in its own file.
//
// Nothing here decides anything. Invariants: commit and term never fall; a vote is forgotten only with its term
// (RAFT-CASES 23); for a voter applied <= synced <= last, always.

import { assert } from "../base/errors.ts";
import { type MemberKey, memberOf } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import {
  type Duration,
  type Instant,
  instant,
  type LogIndex,
  logIndex,
  type SiteTime,
  shift,
  siteTime,
  type Term,
} from "../base/units.ts";
import { Log } from "./log.ts";
import { Outbox } from "./outbox.ts";
import { PersistStream } from "./persist-stream.ts";
import { QuorumContact } from "./quorum-contact.ts";
import type { Entry, LogStart, RaftInitial, RaftLimits, RaftMessage, RaftTiming, Role, SnapshotName } from "./types.ts";
import { allVoters, isVoter } from "./voters.ts";

/** An election that this member holds. */
export interface Campaign {
  /** Drawn at random: a reply counts only if it repeats it, because a broker's queue outlives the process. */
  readonly attempt: number;
  readonly since: Instant;
  readonly granted: Set<MemberKey>;
  /** What makes the own vote durable; the own vote counts from then on. */
  readonly ownVote: number | undefined;
  /** Why there is an election, for people. */
  readonly because: string;
}

export type AppendMessage = Extract<RaftMessage, { readonly kind: "append" }>;

/** Something that the leader has and this log has not. */
export interface Gap {
  /** Closed once everything up to here is verified. */
  wanted: LogIndex;
  dueAt: Instant;
  /** Where the logs may still agree: helps the leader to find where they part. */
  hint: { readonly index: LogIndex; readonly term: Term } | undefined;
}

/** What a follower knows of the leader of this term. Begins anew with each leader; `beat` only with each term. */
export interface Following {
  /** The highest index at which this leader's (index, term) was matched. */
  verified: LogIndex;
  /** The highest commit index that this leader announced; what of it is verified is committed here. */
  announced: LogIndex;
  /** The newest beat heard; only a newer one counts as hearing the leader (RAFT-CASES 34). */
  beat: number;
  gap: Gap | undefined;
  /** Frames ahead of this log, by their previous index. */
  readonly held: Map<LogIndex, AppendMessage>;
  heldBytes: number;
  /** When this member last let the leader know that it hears it. */
  answeredAt: Instant;
}

export interface Proposal {
  readonly context: number;
  readonly command: Uint8Array;
}

export interface PendingRead {
  readonly asker: { readonly member: MemberKey; readonly request: number } | { readonly context: number };
  readonly index: LogIndex;
  /** Confirmed once a quorum has answered this beat or a newer one. */
  readonly beat: number;
}

/** A hand-over that this member began as the leader of `term`. */
export interface Transfer {
  readonly context: number;
  readonly to: MemberKey;
  readonly term: Term;
  /** Until then the leader takes no proposals; if nothing has come of it, it goes on. */
  readonly until: Instant;
  askAgainAt: Instant;
}

/** What a member asked for: the entries after an index, or a piece of a snapshot. */
export type RepairQuestion =
  | { readonly kind: "entries"; readonly member: MemberKey; readonly after: LogIndex }
  | { readonly kind: "offer"; readonly member: MemberKey }
  | { readonly kind: "chunk"; readonly member: MemberKey; readonly name: SnapshotName; readonly offset: number };

/** What only a leader has. Ends with its leadership. */
export interface Leadership {
  readonly contact: QuorumContact;
  /** The entry with which the term began; until it is committed, nothing is known to be. */
  readonly first: LogIndex;
  publishedAt: Instant;
  /** The last index of each publish that is not committed yet. */
  readonly inFlight: LogIndex[];
  /** Bytes in the log beyond the commit index. */
  uncommittedBytes: number;
  readonly buffered: Proposal[];
  bufferedBytes: number;
  readonly reads: PendingRead[];
  readonly repairs: RepairQuestion[];
  /** Bytes that repairs may take now, as of `repairRefilledAt`. */
  repairAllowance: number;
  repairRefilledAt: Instant;
  /** What was repaired lately, by where it began: the second who asks gets it on the log topic. */
  readonly repaired: Map<LogIndex, { readonly at: Instant; readonly by: MemberKey; isPublished: boolean }>;
}

/** A checkpoint on this device's disk, which can be served. */
export interface Checkpoint {
  readonly index: LogIndex;
  readonly term: Term;
  readonly digest: string;
  readonly bytes: number;
}

/** A snapshot that is being pulled from `from`. */
export interface Receiving {
  readonly from: MemberKey;
  /** Of the leader that offered it. */
  readonly term: Term;
  readonly name: SnapshotName;
  readonly bytes: number;
  readonly start: LogStart;
  offset: number;
  /** The last chunk was handed to the driver; it is checking and installing. */
  isComplete: boolean;
  retryAt: Instant;
  retries: number;
}

export class Core {
  readonly self: MemberKey;
  readonly timing: RaftTiming;
  readonly limits: RaftLimits;
  readonly random: () => number;
  readonly log: Log;
  readonly disk: PersistStream;
  readonly outbox = new Outbox();

  /** Of the event that is being handled. */
  now: Instant;
  siteTime: SiteTime = siteTime(0);

  role: Role = "follower";
  term: Term;
  vote: MemberKey | undefined;
  leader: MemberKey | undefined;
  why = "started";
  commit: LogIndex;
  /** The state machine was given everything up to here, and has said that it applied up to `applied`. */
  delivered: LogIndex;
  applied: LogIndex;

  /** When a voter that hears no leader campaigns. */
  electionDueAt: Instant;
  /** When a leader was last heard; for stickiness only together with `leader`. */
  heardAt: Instant | undefined;
  /** The leader that was last heard, named in the next election's reason; and since when there was none at all. */
  lastLeader: MemberKey | undefined;
  leaderlessSince: Instant;
  /** Taken for gone by its last wills, until a leader is heard; and when this voter asks for an election because of it. */
  leaderLeft: { readonly askAt: Instant | undefined } | undefined;
  /** Contradicted what is committed here: not followed in this term. */
  shunned: MemberKey | undefined;
  /** When a leader of an older term was last told of this one. */
  correctedAt = instant(Number.NEGATIVE_INFINITY);

  campaign: Campaign | undefined;
  following: Following;
  leadership: Leadership | undefined;
  transfer: Transfer | undefined;
  receiving: Receiving | undefined;
  checkpoint: Checkpoint | undefined;
  /** A checkpoint that somebody is still pulling: the log is kept behind it for a while (RAFT-CASES 18). */
  served: { readonly checkpoint: Checkpoint; until: Instant } | undefined;

  /** Reads asked of the leader (request → context), and those that wait until they are applied here. */
  readonly asked = new Map<number, { readonly context: number; readonly leader: MemberKey; readonly until: Instant }>();
  readonly applying: { readonly context: number; readonly index: LogIndex }[] = [];
  nextRequest: number;

  constructor(initial: RaftInitial) {
    const { checkpoint, start, timing } = initial;
    assert(
      timing.heartbeatInterval * 3 <= timing.electionTimeoutMin,
      "an election timeout outlives two lost heartbeats",
    );
    assert(timing.electionTimeoutMin < timing.electionTimeoutMax, "election timeouts are spread");
    this.self = initial.self;
    this.timing = timing;
    this.limits = initial.limits;
    this.random = initial.random;
    this.now = initial.now;
    this.log = new Log(start, initial.entries);
    // A snapshot may have become durable before the term in which it came. A vote in that term would have been durable.
    const isBehind = initial.hardState.term < this.log.lastTerm;
    this.term = isBehind ? this.log.lastTerm : initial.hardState.term;
    this.vote = isBehind ? undefined : initial.hardState.vote;
    this.disk = new PersistStream(this.log.lastIndex);
    if (checkpoint !== undefined) {
      const term = this.log.termAt(checkpoint.index);
      assert(term !== undefined, "the newest checkpoint lies within the log");
      this.checkpoint = { ...checkpoint, term };
    }
    const known = Math.min(initial.commit ?? 0, this.log.lastIndex);
    this.commit = logIndex(Math.max(checkpoint?.index ?? 0, start.index, known));
    this.delivered = checkpoint?.index ?? logIndex(0);
    assert(this.delivered >= start.index, "the log follows the newest checkpoint without a gap");
    this.applied = this.delivered;
    this.electionDueAt = initial.now;
    this.leaderlessSince = initial.now;
    this.following = newFollowing();
    this.nextRequest = this.drawNumber();
  }

  /**
   * Also one that a configuration removes, until that is known to be committed: it may be the only one that has the entry
   * which removes it, and nobody else could then be elected to commit it (thesis §4.2.2).
   */
  get isVoter(): boolean {
    const { log, self } = this;
    if (isVoter(log.voters, self)) return true;
    return log.votersIndex > this.commit && isVoter(log.votersAt(this.commit), self);
  }

  get isTransferring(): boolean {
    return this.leadership !== undefined && this.transfer?.term === this.term;
  }

  /** Hard to guess and not used before: in this process, or in one before it. */
  drawNumber(): number {
    return Math.floor(this.random() * 2 ** 48);
  }

  /** Anew each time: with anchored or repeated timeouts members cluster (paper §9.3; RAFT-CASES 24). */
  drawElectionTimeout(): void {
    const { electionTimeoutMin, electionTimeoutMax } = this.timing;
    const timeout = electionTimeoutMin + this.random() * (electionTimeoutMax - electionTimeoutMin);
    this.electionDueAt = shift(this.now, timeout as Duration);
  }

  append(entries: readonly Entry[]): void {
    this.log.append(entries);
    this.disk.append(entries);
  }

  truncateAfter(index: LogIndex): void {
    assert(index >= this.commit, "what is committed is never truncated");
    this.log.truncateAfter(index);
    this.disk.truncateAfter(index, this.now);
  }
}

export function newFollowing(beat = 0): Following {
  return {
    verified: logIndex(0),
    announced: logIndex(0),
    beat,
    gap: undefined,
    held: new Map(),
    heldBytes: 0,
    answeredAt: instant(Number.NEGATIVE_INFINITY),
  };
}

export function newLeadership(core: Core, first: LogIndex): Leadership {
  return {
    contact: new QuorumContact(core.self, {
      voters: allVoters(core.log.voters),
      memory: core.timing.electionTimeoutMin,
      membersMax: limits.members,
    }),
    first,
    publishedAt: instant(Number.NEGATIVE_INFINITY),
    inFlight: [],
    uncommittedBytes: core.log.bytesBetween(core.commit, core.log.lastIndex),
    buffered: [],
    bufferedBytes: 0,
    reads: [],
    repairs: [],
    repairAllowance: core.limits.repairBytesPerSecond,
    repairRefilledAt: core.now,
    repaired: new Map(),
  };
}

/**
 * Above this no term and no index is an honest one: thousands of years of elections or of commits stay below. Following one
 * near the largest safe integer would leave no number to go on with.
 */
const numberMax = 2 ** 48;

export const isBelievable = (number: number): boolean => number <= numberMax;

/** How people call a member: by its device. */
export const nameOf = (member: MemberKey): string => memberOf(member).device;

/** `1.8 s` */
export const inSeconds = (span: Duration): string => `${(span / 1000).toFixed(1)} s`;
