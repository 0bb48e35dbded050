import type { SkeinError } from "../errors.ts";

/** A payload's place in its log: 1, 2, 3 … in the order of appending, never used again. */
export type LogPosition = number;

export interface LogFileOptions {
  /** Bytes of one segment file; all of a log's segments are this size (rounded up to 4096). */
  readonly segmentBytes: number;
  /** Segments written with zeros before they are needed, so that a full disk is met early. */
  readonly segmentsAhead: number;
  /** Bound of the whole log; an append beyond it fails with `log-full` and changes nothing. */
  readonly capacityBytes: number;
  /**
   * `fatal`: a failed write or sync poisons the log (each later append fails with the same error), as the Raft log needs it.
   * `refuse`: a full disk refuses the append and a later one may succeed, as readings need it; other failures still poison.
   */
  readonly whenDiskIsFull: "fatal" | "refuse";
  /**
   * What each new segment's header carries: whatever is needed when all older segments are gone (for Raft: hard state and
   * log position). Called when a segment begins, whose first payload will be `first`; at most 4,000 bytes. Payloads from
   * `first` on may have been appended already, so it may say more than the log before `first` did.
   */
  describe(first: LogPosition): Uint8Array;
}

export interface LogRecord {
  readonly position: LogPosition;
  readonly payload: Uint8Array;
}

/** What opening found. A torn tail was cut (it never was acknowledged); damage before the tail fails with `log-damaged`. */
export interface LogRecovery {
  /** The header of the oldest segment that is kept; undefined in a new log. */
  readonly description: Uint8Array | undefined;
  /** Position of the oldest payload that is kept, and of the next one to be appended. */
  readonly first: LogPosition;
  readonly next: LogPosition;
  /** The tail held a batch that was cut. */
  readonly cutTail: boolean;
}

export interface LogUsage {
  readonly bytes: number;
  readonly segments: number;
  /** Since opening. */
  readonly bytesWritten: number;
  readonly syncs: number;
}

/**
 * A durable sequence of payloads (DESIGN §11). One writer. Payloads that wait together become one batch: one write, one sync.
 */
export interface LogFile {
  /** The position that the next append gets. */
  readonly next: LogPosition;
  /**
   * `done` is called in the order of appending, never before `append` returns: without failure once the payload is synced.
   * The payload is copied or written before the caller may change it: callers hand over ownership.
   * A payload larger than a segment holds fails with `invalid-argument`. A failed append takes no position: when an append is
   * refused for want of room, so are all that wait behind it, and the next one gets the position of the first refused.
   * After `disk-full` it is unknown, until the next append succeeds, whether a power cut would bring the refused payload back.
   */
  append(payload: Uint8Array, done: (failure?: SkeinError) => void): LogPosition;
  /**
   * Reads synced payloads from `from` on: at least one if there is one, else up to about `maxBytes`, perhaps less. None behind
   * the last synced one; `not-found` before the oldest kept; `log-damaged` where a batch has rotted.
   */
  read(
    from: LogPosition,
    maxBytes: number,
    done: (failure: SkeinError | undefined, records: readonly LogRecord[]) => void,
  ): void;
  /** Payloads before `position` are no longer needed; whole segments of such are recycled, no sooner than a sync later. */
  release(position: LogPosition): void;
  usage(): LogUsage;
  /** Waits for what was appended; later appends fail. */
  close(): Promise<void>;
}

/** The directory of a device's logs. */
export interface LogFiles {
  /**
   * Opens or creates the log `name` (a–z and -). `recovered` gets each kept payload in order before the promise resolves.
   * Fails with `log-damaged`, `disk-failed`, `disk-full` or `data-directory-unusable`.
   */
  open(
    name: string,
    options: LogFileOptions,
    recovered: (record: LogRecord) => void,
  ): Promise<{ log: LogFile; recovery: LogRecovery }>;
  /** Moves what is there under `name` out of the way, under a name that says so; kept for people and for `recover`. */
  setAside(name: string): Promise<void>;
}
