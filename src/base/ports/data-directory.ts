import type { Generation, Incarnation } from "../ids.ts";
import type { LogFiles } from "./log-file.ts";
import type { Storage } from "./storage.ts";

/** What this start found. `copied`: the directory was made on another storage, so the card was copied. */
export type DataDirectoryOrigin = "created" | "found" | "copied" | "damaged";

export interface DataDirectoryIdentity {
  readonly incarnation: Incarnation;
  /** Number of this start, in this data directory; raised and synced before opening resolves. */
  readonly session: number;
  /** `kind:serial` of the storage underneath; `unknown`, which never counts as changed. */
  readonly storageSerial: string;
  /** Absent until the first `saveGeneration`; a new incarnation keeps it. */
  readonly generation?: Generation;
  /** The incarnations before this one whose readings the directory still has, newest first. */
  readonly was: readonly Incarnation[];
}

export interface DataDirectoryUsage {
  /** Since opening: bytes handed to the disk, and how often it was asked to make them durable. */
  readonly bytesWritten: number;
  readonly syncs: number;
}

/** An incarnation that is being made: its stores, and nobody else's yet. */
export interface IncarnationStores {
  readonly incarnation: Incarnation;
  /** Its `raft` log; to be closed again. */
  readonly logFiles: LogFiles;
  readonly storage: Storage;
}

export interface NextIncarnation {
  /** The generation that it belongs to; absent: that of the one before. */
  readonly generation?: Generation;
  /** Those whose readings it has; absent: the one before and all that that one had. */
  readonly was?: readonly Incarnation[];
  /** Fills its stores, synced, before anything else changes: a power cut until then changes nothing. */
  readonly fill?: (stores: IncarnationStores) => Promise<void>;
}

/** The log that, like `storage`, belongs to one incarnation. All others stay when the incarnation changes. */
export const incarnationLog = "raft";

/**
 * Everything that one device keeps (PROTOCOLS, "Joining"). Only one agent at a time has it open. An incarnation that cannot be
 * gone on with (`origin` `copied` or `damaged`) was replaced by a new one before opening resolved.
 */
export interface DataDirectory {
  readonly identity: DataDirectoryIdentity;
  readonly origin: DataDirectoryOrigin;
  readonly logFiles: LogFiles;
  /** Another object after `newIncarnation`. */
  readonly storage: Storage;
  /** Durable when it resolves. */
  saveGeneration(generation: Generation): Promise<void>;
  /**
   * Goes on with an empty `raft` log and an empty storage, or what `fill` puts there, under a new incarnation; the old ones are
   * set aside. Atomic: after a power cut it is the one or the other. The log `raft` must be closed, `storage` is closed here.
   */
  newIncarnation(next?: NextIncarnation): Promise<void>;
  usage(): DataDirectoryUsage;
  /** Idempotent; closes the logs and the storage. */
  close(): Promise<void>;
  /** Leaves everything as a power cut would; resolves when the directory may be opened again. */
  abandon(): Promise<void>;
}
