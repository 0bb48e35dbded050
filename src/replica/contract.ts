// What a replica stands on, how it speaks, and whom it tells.

import type { SkeinError } from "../base/errors.ts";
import type { MemberKey } from "../base/ids.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { LogUsage } from "../base/ports/log-file.ts";
import type { Logger } from "../base/ports/logger.ts";
import type { Random } from "../base/ports/random.ts";
import type { Storage } from "../base/ports/storage.ts";
import type { LogIndex } from "../base/units.ts";
import type { Entry, RaftEffect, RaftEvent, RaftInitial, RaftMessage, RaftStatus, Voters } from "../raft/types.ts";
import type { CountMove } from "../readings/types.ts";
import type { SiteState } from "../site/state.ts";
import type { Applied, ClientSerial, Touched } from "../site/types.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type { RaftLog } from "./raft-log.ts";
import type { SiteClock } from "./site-time.ts";
import type { ProposalResult } from "./waiting-proposals.ts";

export type RoleChange = Extract<RaftEffect, { kind: "role" }>;

export interface ReplicaPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly storage: Storage;
  readonly siteClock: SiteClock;
  /** Absent on a real device. */
  readonly watch?: ReplicaWatch;
}

/** What a watcher may ask of the replica that it watches. */
export interface WatchedReplica {
  readonly state: SiteState;
  readonly appliedIndex: LogIndex;
  status(): RaftStatus;
  /** Of the log. */
  usage(): LogUsage;
}

/**
 * Sees what one replica does, and changes nothing: for the checkers of the simulated world (DESIGN §12), which compare all
 * replicas of a site. Called synchronously; what it throws ends the simulation.
 */
export interface ReplicaWatch {
  /** A life of this replica begins, from what its disk held. */
  opened(replica: WatchedReplica, initial: RaftInitial): void;
  /** The core handled `event`; none of `effects` is carried out yet. */
  stepped(event: RaftEvent, effects: readonly RaftEffect[]): void;
  /** `outcome` is absent for entries that are Raft's own. */
  applied(entry: Entry, outcome: Applied | undefined): void;
  /** The state came from a snapshot, as of `index`. */
  replaced(index: LogIndex): void;
}

/** How a replica speaks; each message may be lost, repeated, or come late. */
export interface ReplicaVoice {
  broadcast(message: RaftMessage): void;
  send(to: MemberKey, message: RaftMessage): void;
  forward(to: MemberKey, client: ClientSerial, command: Uint8Array): void;
  answer(to: MemberKey, client: ClientSerial, result: ProposalResult): void;
}

export interface ReplicaObserver {
  role(change: RoleChange): void;
  /** After each entry that changed something. `moved` is what a count entry counted. */
  applied(touched: ReadonlySet<Touched>, moved: readonly CountMove[]): void;
  /** The state was replaced by a snapshot. */
  replaced(): void;
  /** `from`, which claims to lead, contradicts what is committed here; it is not followed in this term. */
  contradicted(from: MemberKey, detail: string): void;
  /** The state here is not the coordinator's, although the entries were the same. */
  diverged(detail: string): void;
  /** The disk no longer keeps what is promised: the agent must end. */
  failed(failure: SkeinError): void;
}

/** What `openReplica` found on disk. */
export interface ReplicaParts {
  readonly self: MemberKey;
  readonly initial: RaftInitial;
  readonly log: RaftLog;
  readonly checkpoints: Checkpoints;
  readonly state: SiteState;
  /** The committed configuration as of `state`. */
  readonly voters: Voters;
  /** Of the log, after which a checkpoint is due. */
  readonly checkpointBytes: number;
}
