// The contract of the Raft core: what goes in, what comes out (DESIGN §4).
//
// `step(event) → effects` is synchronous and total. Time arrives in the event. Effects are data, and are carried out in
// their order. Sources: Ongaro & Ousterhout, "In Search of an Understandable Consensus Algorithm" (the paper);
// Ongaro, "Consensus: Bridging Theory and Practice" (the thesis).

import type { MemberKey } from "../base/ids.ts";
import type { Duration, Instant, LogIndex, SiteTime, Term } from "../base/units.ts";

/** Who decides. `incoming` is present in a joint configuration: then each decision needs a majority of both (paper §6). */
export interface Voters {
  readonly current: readonly MemberKey[];
  readonly incoming?: readonly MemberKey[];
}

interface EntryHead {
  readonly index: LogIndex;
  readonly term: Term;
  /** The coordinator's site time when it appended; 0 when it had none. */
  readonly siteTime: SiteTime;
}

export type Entry =
  | (EntryHead & { readonly kind: "command"; readonly command: Uint8Array })
  | (EntryHead & { readonly kind: "noop" })
  | (EntryHead & { readonly kind: "voters"; readonly voters: Voters });

/** What must be on disk before any promise that depends on it leaves the device. */
export interface HardState {
  readonly term: Term;
  readonly vote: MemberKey | undefined;
}

/** Everything up to here is in a checkpoint: the log begins after it. */
export interface LogStart {
  readonly index: LogIndex;
  readonly term: Term;
  /** The committed configuration as of `index`. */
  readonly voters: Voters;
}

/** A snapshot's name: chunks of two snapshots never mix (RAFT-CASES 47). */
export interface SnapshotName {
  readonly leader: MemberKey;
  readonly index: LogIndex;
  readonly term: Term;
  /** 32 hex digits over the state at `index`. */
  readonly digest: string;
}

/** One member's idea of site time. */
export interface TimeIdea {
  readonly time: SiteTime;
  /** It has kept time since it heard a coordinator; else the time is only one that has been reached for certain. */
  readonly isKept: boolean;
}

export type RaftMessage =
  | {
      readonly kind: "pre-vote-request" | "vote-request";
      readonly term: Term;
      readonly attempt: number;
      readonly lastIndex: LogIndex;
      readonly lastTerm: Term;
    }
  | {
      readonly kind: "pre-vote-reply" | "vote-reply";
      readonly term: Term;
      readonly attempt: number;
      readonly granted: boolean;
    }
  /** Broadcast on the log topic, or unicast as a repair or probe. A heartbeat has no entries. */
  | {
      readonly kind: "append";
      readonly term: Term;
      /** Number of this leader's send in this term: acknowledgements repeat it (check-quorum by send time). */
      readonly beat: number;
      readonly previousIndex: LogIndex;
      readonly previousTerm: Term;
      readonly commit: LogIndex;
      /** As the message leaves; 0: this coordinator does not know it yet. */
      readonly siteTime: SiteTime;
      readonly entries: readonly Entry[];
    }
  | {
      readonly kind: "append-ack";
      readonly term: Term;
      readonly beat: number;
      readonly match: LogIndex;
      /** What its sender takes site time for. The core neither says nor asks it: the driver adds it as the message leaves. */
      readonly idea?: TimeIdea;
    }
  /** Asks the leader for what is missing after `match`; `lastIndex`/`lastTerm` help it to find where the logs part. */
  | {
      readonly kind: "gap";
      readonly term: Term;
      readonly beat: number;
      readonly match: LogIndex;
      readonly lastIndex: LogIndex;
      readonly lastTerm: Term;
    }
  /** The leader's answer to a gap that its log no longer reaches. */
  | {
      readonly kind: "snapshot-offer";
      readonly term: Term;
      readonly name: SnapshotName;
      readonly bytes: number;
      readonly voters: Voters;
    }
  | { readonly kind: "snapshot-question"; readonly term: Term; readonly name: SnapshotName; readonly offset: number }
  | {
      readonly kind: "snapshot-chunk";
      readonly term: Term;
      readonly name: SnapshotName;
      readonly offset: number;
      readonly data: Uint8Array;
      readonly isLast: boolean;
    }
  /** The leader asks a voter whose log is complete to hold an election at once (thesis §3.10). Its answer is the vote request. */
  | {
      readonly kind: "transfer-request";
      readonly term: Term;
      /** The leader's newest beat when it asked: whoever has heard a later one knows that the question is stale. */
      readonly beat: number;
      /** What the target's log must hold, synced. */
      readonly lastIndex: LogIndex;
      readonly lastTerm: Term;
    }
  | { readonly kind: "read-question"; readonly term: Term; readonly request: number }
  | {
      readonly kind: "read-answer";
      readonly term: Term;
      readonly request: number;
      readonly index: LogIndex | undefined;
    };

/** Each event carries both times: monotonic for elections, site time for new entries. */
export interface EventHead {
  readonly now: Instant;
  readonly siteTime: SiteTime;
}

export type RaftEvent = EventHead &
  (
    | { readonly kind: "tick" }
    | {
        readonly kind: "received";
        readonly from: MemberKey;
        readonly broadcast: boolean;
        readonly message: RaftMessage;
      }
    /** All persists up to and including `token` are synced. */
    | { readonly kind: "persisted"; readonly token: number }
    /** Commands to append, together. `context` comes back in `proposed` or `proposal-refused`. */
    | {
        readonly kind: "propose";
        readonly proposals: readonly { readonly context: number; readonly command: Uint8Array }[];
      }
    /** Move to these voters through a joint configuration. */
    | { readonly kind: "change-voters"; readonly context: number; readonly voters: readonly MemberKey[] }
    /** Hand the leadership over to `to`, another voter. */
    | { readonly kind: "transfer"; readonly context: number; readonly to: MemberKey }
    /** Ask `member` (a learner) how far it is: it is sent an empty unicast append and answers with an acknowledgement. */
    | { readonly kind: "probe"; readonly member: MemberKey }
    /** A hint: the last wills of `leader` came on all brokers on which it was seen (last-will.ts). */
    | { readonly kind: "leader-left"; readonly leader: MemberKey }
    /** Somebody may take this leader for gone: it speaks at once. */
    | { readonly kind: "speak-up" }
    | { readonly kind: "read"; readonly context: number }
    /** The state machine has applied everything up to `index`. */
    | { readonly kind: "applied"; readonly index: LogIndex }
    /** A synced checkpoint at `index` exists and can be served as a snapshot; the log may be compacted behind it. */
    | { readonly kind: "checkpointed"; readonly index: LogIndex; readonly digest: string; readonly bytes: number }
    /** The snapshot is complete, its digest matched, and it is current on disk. */
    | { readonly kind: "snapshot-installed"; readonly name: SnapshotName; readonly voters: Voters }
    | { readonly kind: "snapshot-failed"; readonly name: SnapshotName; readonly reason: string }
    /** A chunk of a checkpoint before the newest was to be served, and it is no longer there: whoever pulls it is offered the newest. */
    | { readonly kind: "checkpoint-gone"; readonly name: SnapshotName }
  );

export type Role = "follower" | "pre-candidate" | "candidate" | "leader";

export type RaftEffect =
  /**
   * One ordered stream of writes: `start` (forget the whole log, which now begins after it: a snapshot was installed), then
   * `hardState`, then forget everything after `truncateAfter`, then append `entries`.
   * `urgent` is false where nobody waits for the sync (a learner's): it may be delayed, never reordered.
   */
  | {
      readonly kind: "persist";
      readonly token: number;
      readonly start?: LogStart;
      readonly hardState?: HardState;
      readonly truncateAfter?: LogIndex;
      readonly entries: readonly Entry[];
      readonly urgent: boolean;
    }
  /** `after`: the persist token that must be synced first; absent: at once. `to` absent: everyone, on the log topic. */
  | { readonly kind: "send"; readonly to?: MemberKey; readonly message: RaftMessage; readonly after?: number }
  /** Committed and safe to apply here: hand to the state machine in order. */
  | { readonly kind: "apply"; readonly entries: readonly Entry[] }
  | { readonly kind: "proposed"; readonly context: number; readonly index: LogIndex; readonly term: Term }
  | {
      readonly kind: "proposal-refused";
      readonly context: number;
      readonly reason:
        | "not-leader"
        | "busy"
        | "configuration-pending"
        | "too-large"
        | "term-not-committed"
        /** The leadership is being handed over: whoever leads in a moment takes it. */
        | "transferring";
      readonly leader: MemberKey | undefined;
    }
  /** Once for each `transfer`. */
  | {
      readonly kind: "transfer-ended";
      readonly context: number;
      readonly to: MemberKey;
      readonly outcome: TransferOutcome;
    }
  | { readonly kind: "read-ready"; readonly context: number; readonly index: LogIndex }
  | { readonly kind: "read-refused"; readonly context: number; readonly leader: MemberKey | undefined }
  /** The role, term or leader changed; `why` is a sentence for people. */
  | {
      readonly kind: "role";
      readonly role: Role;
      readonly term: Term;
      readonly leader: MemberKey | undefined;
      readonly why: string;
    }
  /**
   * Read the chunk at `offset` of the named checkpoint and send it to `to` as a `snapshot-chunk`. A checkpoint that is being
   * pulled should outlive its successor for some seconds, or a slow receiver never finishes; else `checkpoint-gone`.
   */
  | {
      readonly kind: "serve-chunk";
      readonly to: MemberKey;
      readonly term: Term;
      readonly name: SnapshotName;
      readonly offset: number;
    }
  /** Begin or go on receiving: keep `data` at `offset`; the driver answers with `snapshot-installed` or `-failed` after the last. */
  | {
      readonly kind: "store-chunk";
      readonly name: SnapshotName;
      readonly offset: number;
      readonly data: Uint8Array;
      readonly isLast: boolean;
      readonly voters: Voters;
    }
  /** The log is needed only after `start` now: the files behind it may go. */
  | { readonly kind: "compacted"; readonly start: LogStart }
  /** A peer contradicts what is committed here: counted, reported, not followed in this term. Never thrown. */
  | { readonly kind: "diverged"; readonly from: MemberKey; readonly index: LogIndex; readonly detail: string };

export type TransferOutcome =
  /** The target leads, and has committed an entry of its term. */
  | "done"
  /** It did not take over in time: this member leads on, or another does. */
  | "not-taken"
  /** This member leads no more, and did not learn in time who does. */
  | "unknown"
  /** It was not begun: this member does not lead; the target is no other voter; a change of the voters or another transfer is under way, or the term has committed nothing yet. */
  | "not-leader"
  | "not-a-voter"
  | "busy";

export interface RaftTiming {
  readonly heartbeatInterval: Duration;
  readonly electionTimeoutMin: Duration;
  readonly electionTimeoutMax: Duration;
  /** How long a frame that is a little ahead is held before its gap is asked for. */
  readonly gapHold: Duration;
  /** A leader whose persist takes longer steps down. */
  readonly persistTimeout: Duration;
}

export interface RaftLimits {
  /** Bytes of commands in one append. */
  readonly batchBytes: number;
  /** Bytes sent beyond the commit index before new appends wait. */
  readonly windowBytes: number;
  /** Bytes of proposals beyond the commit index; more are refused as `busy`. */
  readonly uncommittedBytes: number;
  /** Bytes a second of unicast repairs. */
  readonly repairBytesPerSecond: number;
  /** Entries and bytes kept behind a checkpoint for slow followers. */
  readonly tailEntries: number;
  readonly tailBytes: number;
  readonly snapshotChunkBytes: number;
}

export interface RaftInitial {
  readonly self: MemberKey;
  readonly hardState: HardState;
  readonly start: LogStart;
  /** Synced entries after `start`, without a gap. */
  readonly entries: readonly Entry[];
  /** Known to be committed when it was written: applied before any leader is heard. Absent: nothing is known. */
  readonly commit?: LogIndex;
  /** The newest checkpoint, if there is one: applied begins there. */
  readonly checkpoint: { readonly index: LogIndex; readonly digest: string; readonly bytes: number } | undefined;
  readonly timing: RaftTiming;
  readonly limits: RaftLimits;
  /** Uniform in [0, 1): election timeouts, delays, attempt numbers. */
  readonly random: () => number;
  readonly now: Instant;
}

export interface FollowerStatus {
  readonly member: MemberKey;
  readonly match: LogIndex;
  /** Since the newest acknowledgement arrived; undefined: none in this term. */
  readonly silentFor: Duration | undefined;
}

export interface RaftStatus {
  readonly term: Term;
  readonly role: Role;
  readonly vote: MemberKey | undefined;
  readonly leader: MemberKey | undefined;
  readonly why: string;
  /** By its last wills (last-will.ts), and not heard since. */
  readonly isLeaderTakenForGone: boolean;
  readonly start: LogIndex;
  readonly commit: LogIndex;
  readonly applied: LogIndex;
  readonly synced: LogIndex;
  readonly last: LogIndex;
  /** Of the entry at `last`. */
  readonly lastTerm: Term;
  /** As of the newest entry in the log, committed or not. */
  readonly voters: Voters;
  readonly isVotersCommitted: boolean;
  /** A leader that has committed an entry of its own term and whose quorum answered within the election timeout. */
  readonly hasAuthority: boolean;
  /** To whom this leader is handing over; meanwhile it takes no proposals. */
  readonly transferringTo: MemberKey | undefined;
  readonly followers: readonly FollowerStatus[];
}

/** What `createRaft(initial)` returns. */
export interface Raft {
  step(event: RaftEvent): readonly RaftEffect[];
  /** When a tick is due, whatever else happens; undefined: never. May be asked after every step. */
  nextTick(): Instant | undefined;
  status(now: Instant): RaftStatus;
}
