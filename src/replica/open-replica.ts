// Starting from what the disk holds: a checkpoint, the log behind it, and whether this device has lost its past
// (PROTOCOLS, "Losing its past").

import { isSkeinError } from "../base/errors.ts";
import type { MemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { LogFiles } from "../base/ports/log-file.ts";
import type { Random } from "../base/ports/random.ts";
import type { Storage } from "../base/ports/storage.ts";
import { type LogIndex, milliseconds, type SiteTime, seconds, siteTime, type Term } from "../base/units.ts";
import type { Entry, LogStart, RaftInitial, RaftLimits, RaftTiming, Voters } from "../raft/types.ts";
import { SiteState } from "../site/state.ts";
import type { SiteBounds } from "../site/tables.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { ReplicaParts } from "./contract.ts";
import { RaftLog, type RecoveredRaft } from "./raft-log.ts";

/** Wi-Fi and a busy event loop must fit into the election timeout; an SD card's sync need not: heartbeats never wait for it. */
export const defaultTiming: RaftTiming = {
  heartbeatInterval: milliseconds(250),
  electionTimeoutMin: milliseconds(1500),
  electionTimeoutMax: milliseconds(2500),
  gapHold: milliseconds(50),
  persistTimeout: seconds(10),
};

export const defaultRaftLimits: RaftLimits = {
  batchBytes: limits.appendBatchBytes,
  windowBytes: limits.appendWindowBytes,
  uncommittedBytes: limits.uncommittedBytes,
  repairBytesPerSecond: limits.repairBytesPerSecond,
  tailEntries: limits.logTailEntries,
  tailBytes: limits.logTailBytes,
  snapshotChunkBytes: limits.snapshotChunkBytes,
};

export interface OpenReplicaPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logFiles: LogFiles;
  readonly storage: Storage;
}

export interface OpenReplicaOptions {
  readonly self: MemberKey;
  /** A person said that this device founds the site, and its data directory is new. */
  readonly founds: boolean;
  /** The data directory belonged to a generation already: then an empty log is a lost one. */
  readonly hasPast: boolean;
  readonly timing: RaftTiming;
  /** Absent: those of `base/limits.ts`. */
  readonly limits?: RaftLimits;
  /** Bytes of log after which a checkpoint is due; absent: `limits.checkpointLogBytes`. */
  readonly checkpointBytes?: number;
  /** Of the replicated state, the same on all members; absent: those of `base/limits.ts`. */
  readonly bounds?: SiteBounds;
}

export type OpenedReplica =
  | { readonly kind: "opened"; readonly parts: ReplicaParts }
  /** What was promised here is no longer here: this incarnation must never vote again. */
  | { readonly kind: "lost-past"; readonly why: string };

/** Fails with `disk-failed`, `disk-full` or `data-directory-unusable`; damage is an answer, not a failure. */
export async function openReplica(ports: OpenReplicaPorts, options: OpenReplicaOptions): Promise<OpenedReplica> {
  const opened = await openLog(ports.logFiles, options);
  if (opened.kind === "lost-past") return opened;
  const { log, recovered } = opened;
  const lost = async (why: string): Promise<OpenedReplica> => {
    await log.close();
    return { kind: "lost-past", why };
  };
  if (recovered.isNew && options.hasPast) return lost("the Raft log is gone");
  const { checkpoints, recovered: found } = await Checkpoints.open(ports.storage, options.bounds);
  if (found.kind === "damaged") return lost(`the checkpoint is damaged: ${found.detail}`);
  const behind = alignWithCheckpoint(recovered, found.kind === "found" ? found.checkpoint.start : undefined);
  if (behind === undefined) return lost("the checkpoint that the Raft log begins after is gone");
  const { start, entries, voters } = behind;
  // Also a new log says where it begins before anything is promised: an empty one is a lost one at the next start.
  if (recovered.isNew || start !== recovered.start) await log.restart(start);
  const initial: RaftInitial = {
    self: options.self,
    hardState: recovered.hardState,
    start,
    entries,
    commit: recovered.committed,
    checkpoint:
      found.kind === "found"
        ? { index: found.checkpoint.start.index, digest: found.checkpoint.digest, bytes: found.checkpoint.bytes }
        : undefined,
    timing: options.timing,
    limits: options.limits ?? defaultRaftLimits,
    random: () => ports.random.fraction(),
    now: ports.clock.now(),
  };
  const checkpointBytes = options.checkpointBytes ?? limits.checkpointLogBytes;
  const state = found.kind === "found" ? found.state : SiteState.empty(options.bounds);
  return { kind: "opened", parts: { self: options.self, initial, log, checkpoints, state, voters, checkpointBytes } };
}

async function openLog(
  files: LogFiles,
  { founds, self }: OpenReplicaOptions,
): Promise<{ kind: "opened"; log: RaftLog; recovered: RecoveredRaft } | { kind: "lost-past"; why: string }> {
  try {
    return { kind: "opened", ...(await RaftLog.open(files, founds ? [self] : [])) };
  } catch (cause) {
    if (isSkeinError(cause, "log-damaged")) return { kind: "lost-past", why: cause.message };
    throw cause;
  }
}

/**
 * The log's start may lie before the checkpoint (the tail kept for slow followers), or behind an installed snapshot that the
 * log has not been told of when the power went. Undefined: the log begins after entries that no checkpoint holds.
 */
function alignWithCheckpoint(
  { start, entries }: RecoveredRaft,
  checkpoint: LogStart | undefined,
): { start: LogStart; entries: readonly Entry[]; voters: Voters } | undefined {
  if (checkpoint === undefined) return start.index === 0 ? { start, entries, voters: start.voters } : undefined;
  if (checkpoint.index < start.index) return undefined;
  const at = checkpoint.index === start.index ? start : entries[checkpoint.index - start.index - 1];
  if (at?.term === checkpoint.term) return { start, entries, voters: checkpoint.voters };
  return { start: checkpoint, entries: [], voters: checkpoint.voters };
}

/** The last of what this member can have promised: its term, and the end of its log. */
export function beginning({ initial }: ReplicaParts): { term: Term; lastIndex: LogIndex; lastTerm: Term } {
  const { hardState, start, entries } = initial;
  const { index: lastIndex, term: lastTerm } = entries.at(-1) ?? start;
  return { term: hardState.term < lastTerm ? lastTerm : hardState.term, lastIndex, lastTerm };
}

/** The newest site time that is on the disk: no coordinator's clock may begin before it. */
export function newestTime({ initial, state }: Pick<ReplicaParts, "initial" | "state">): SiteTime {
  return initial.entries.reduce((newest, entry) => siteTime(Math.max(newest, entry.siteTime)), state.siteTimeFloor);
}
