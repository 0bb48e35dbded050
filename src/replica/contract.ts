// What a replica stands on, how it speaks, and whom it tells.

import type { SkeinError } from "../base/errors.ts";
import type { MemberKey } from "../base/ids.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Logger } from "../base/ports/logger.ts";
import type { Random } from "../base/ports/random.ts";
import type { Storage } from "../base/ports/storage.ts";
import type { RaftEffect, RaftInitial, RaftMessage, Voters } from "../raft/types.ts";
import type { CountMove } from "../readings/types.ts";
import type { SiteState } from "../site/state.ts";
import type { ClientSerial, Touched } from "../site/types.ts";
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
