// The Raft log on disk: an ordered stream of records in one LogFile, and how it is read back.
//
// A record is what one `persist` effect asks for (hard state, truncation, entries) or a new start of the log. Replaying the
// records in order gives the log as it was; each segment's header repeats the hard state and the start, so that older
// segments may go. Entries after a damaged place are never read: the LogFile refuses (RAFT-CASES 9, 10, 13, 14).

import { decode, encode } from "../base/cbor.ts";
import { assert, SkeinError } from "../base/errors.ts";
import { isMemberKey, type MemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { LogFile, LogFiles, LogPosition, LogUsage } from "../base/ports/log-file.ts";
import { type LogIndex, logIndex, siteTime, term } from "../base/units.ts";
import type { Entry, HardState, LogStart, RaftEffect, Voters } from "../raft/types.ts";

type Persist = Extract<RaftEffect, { kind: "persist" }>;

/** What a start of the agent finds. */
export interface RecoveredRaft {
  readonly hardState: HardState;
  readonly start: LogStart;
  /** Synced, after `start`, without a gap. */
  readonly entries: readonly Entry[];
  /** Nothing was there: the log was made just now. */
  readonly isNew: boolean;
  /** Known to be committed when the newest record was written. */
  readonly committed: LogIndex;
  /** A batch that never was acknowledged was cut off. */
  readonly cutTail: boolean;
}

const segmentBytes = 1024 * 1024;

/** As of the newest record handed to the file; each new segment begins with them. */
interface Newest {
  hardState: HardState;
  start: LogStart;
}

/** A payload that holds entries, and the highest index in it. */
interface Placed {
  readonly position: LogPosition;
  last: LogIndex;
}

export class RaftLog {
  readonly #file: LogFile;
  readonly #newest: Newest;
  /** Ascending. */
  readonly #placed: Placed[];
  #committed = logIndex(0);

  private constructor(file: LogFile, newest: Newest, placed: Placed[]) {
    this.#file = file;
    this.#newest = newest;
    this.#placed = placed;
  }

  /**
   * Opens the log, or makes one that begins with `voters`. Fails as `LogFiles.open`, and with `log-damaged` when a record
   * does not fit the ones before it.
   */
  static async open(
    files: LogFiles,
    voters: readonly MemberKey[],
  ): Promise<{ log: RaftLog; recovered: RecoveredRaft }> {
    const replay = new Replay(voters);
    const newest: Newest = { hardState: replay.hardState, start: replay.start };
    const { log: file, recovery } = await files.open(
      "raft",
      {
        segmentBytes,
        segmentsAhead: 2,
        capacityBytes: limits.raftLogBytes,
        whenDiskIsFull: "fatal",
        describe: () => encodeDescription(newest),
      },
      ({ position, payload }) => replay.add(position, payload),
    );
    if (recovery.description !== undefined) replay.describe(recovery.description);
    const recovered = replay.finish();
    newest.hardState = recovered.hardState;
    newest.start = recovered.start;
    const log = new RaftLog(file, newest, recovered.placed);
    return {
      log,
      recovered: {
        hardState: recovered.hardState,
        start: recovered.start,
        entries: recovered.entries,
        committed: replay.committed,
        isNew: recovery.description === undefined,
        cutTail: recovery.cutTail,
      },
    };
  }

  /** `committed`: as it was known when `effect` came about. `done` in the order of the calls. */
  persist(effect: Persist, committed: LogIndex, done: (failure?: SkeinError) => void): void {
    const { hardState, truncateAfter, start, entries } = effect;
    if (hardState !== undefined) this.#newest.hardState = hardState;
    if (start !== undefined) this.#newest.start = start;
    const payload = encodeRecord({ restart: start, hardState, truncateAfter, entries }, committed);
    const position: LogPosition = this.#file.append(payload, (failure) => {
      if (start !== undefined && failure === undefined) this.#releaseBefore(position);
      done(failure);
    });
    const last = entries.at(-1);
    if (truncateAfter !== undefined) this.#truncate(truncateAfter);
    if (last !== undefined) this.#placed.push({ position, last: last.index });
  }

  /** The log begins after `start` from now on; what only older entries need is released once this is synced. */
  compact(start: LogStart, done: (failure?: SkeinError) => void): void {
    assert(start.index >= this.#newest.start.index, "a log's start never falls");
    this.#newest.start = start;
    const position: LogPosition = this.#file.append(
      encodeRecord({ start, entries: [] }, this.#committed),
      (failure) => {
        // A later start that is still on its way releases nothing yet.
        if (failure === undefined) this.#release(position, ({ last }) => last <= start.index);
        done(failure);
      },
    );
  }

  /** Forgets every entry: the log begins anew after `start`. Resolves when synced; fails as the log file's append does. */
  restart(start: LogStart): Promise<void> {
    this.#newest.start = start;
    return new Promise((done, failed) => {
      const position: LogPosition = this.#file.append(
        encodeRecord({ restart: start, entries: [] }, this.#committed),
        (failure) => {
          if (failure !== undefined) return failed(failure);
          this.#releaseBefore(position);
          done();
        },
      );
    });
  }

  /**
   * Everything up to `index` is committed. Written along with the next record, so that a device that starts without hearing
   * anybody knows what was agreed; it costs no write of its own.
   */
  noteCommitted(index: LogIndex): void {
    this.#committed = index;
  }

  get committed(): LogIndex {
    return this.#committed;
  }

  usage(): LogUsage {
    return this.#file.usage();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** A payload whose entries were all truncated still holds its place, under the highest index that is left before it. */
  #truncate(after: LogIndex): void {
    for (let i = this.#placed.length - 1; i >= 0; i--) {
      const placed = this.#placed[i];
      if (placed === undefined || placed.last <= after) break;
      placed.last = after;
    }
  }

  /** A restart at `position` is synced: nothing before it is needed. */
  #releaseBefore(position: LogPosition): void {
    this.#release(position, (placed) => placed.position < position);
  }

  /** The record at `synced` makes the oldest payloads unneeded; its own start is in each later segment's header too. */
  #release(synced: LogPosition, isUnneeded: (placed: Placed) => boolean): void {
    const needed = this.#placed.findIndex((placed) => !isUnneeded(placed));
    this.#placed.splice(0, needed === -1 ? this.#placed.length : needed);
    this.#file.release(this.#placed[0]?.position ?? synced);
  }
}

/** Applies records in order. A description of the oldest segment stands for all that was released before it. */
class Replay {
  committed = logIndex(0);
  hardState: HardState = { term: term(0), vote: undefined };
  start: LogStart;
  #described: { hardState: HardState; start: LogStart } | undefined;
  readonly #records: { position: LogPosition; payload: Uint8Array }[] = [];

  constructor(voters: readonly MemberKey[]) {
    this.start = { index: logIndex(0), term: term(0), voters: { current: voters } };
  }

  add(position: LogPosition, payload: Uint8Array): void {
    this.#records.push({ position, payload });
  }

  describe(bytes: Uint8Array): void {
    const [hard, start] = asArray(decodeRecord(bytes), "segment header");
    this.#described = { hardState: readHardState(hard), start: readStart(start) };
  }

  finish(): { hardState: HardState; start: LogStart; entries: Entry[]; placed: Placed[] } {
    if (this.#described !== undefined) {
      this.hardState = this.#described.hardState;
      this.start = this.#described.start;
    }
    let entries: Entry[] = [];
    let placed: Placed[] = [];
    for (const { position, payload } of this.#records) {
      const record = readLogRecord(payload, position);
      const { restart, hardState, truncateAfter: after, start } = record;
      this.committed = logIndex(Math.max(this.committed, record.committed));
      if (restart !== undefined) {
        this.start = restart;
        entries = [];
        placed = [];
      }
      if (hardState !== undefined) this.hardState = hardState;
      if (after !== undefined) {
        entries = entries.filter((entry) => entry.index <= after);
        placed = placed.map((place) => (place.last > after ? { ...place, last: after } : place));
      }
      if (start !== undefined) {
        this.start = start;
        entries = restartAt(entries, start);
      }
      for (const entry of record.entries) entries.push(entry);
      const last = entries.at(-1);
      if (last !== undefined) placed.push({ position, last: last.index });
    }
    entries = entries.filter((entry) => entry.index > this.start.index);
    // A header may name the start of a restart whose own record was lost: what it was going to forget is still there.
    if ((entries[0]?.term ?? this.start.term) < this.start.term) entries = [];
    entries.forEach((entry, i) => {
      if (entry.index !== this.start.index + 1 + i) {
        throw new SkeinError("log-damaged", `The Raft log jumps to entry ${entry.index} after ${this.start.index + i}`);
      }
    });
    return { hardState: this.hardState, start: this.start, entries, placed };
  }
}

/** What is left of `entries` once the log begins after `start`: nothing, unless they go through that very entry. */
function restartAt(entries: readonly Entry[], start: LogStart): Entry[] {
  const first = entries[0];
  if (first !== undefined && first.index > start.index) return first.index === start.index + 1 ? [...entries] : [];
  const at = entries.find((entry) => entry.index === start.index);
  if (at === undefined || at.term !== start.term) return [];
  return entries.filter((entry) => entry.index > start.index);
}

/** Exported for the checkpoint, which stores a log start too. */
export function encodeStart(start: LogStart): unknown[] {
  return [start.index, start.term, encodeVoters(start.voters)];
}

export function readStart(raw: unknown): LogStart {
  const [index, startTerm, voters] = asArray(raw, "log start");
  return {
    index: logIndex(asNumber(index, "index")),
    term: term(asNumber(startTerm, "term")),
    voters: readVoters(voters),
  };
}

function encodeDescription({ hardState, start }: Newest): Uint8Array {
  return encode([encodeHardState(hardState), encodeStart(start)]);
}

/** What one record says, in the order in which it is replayed. */
interface LogRecordParts {
  /** Forget everything; the log begins anew after this. */
  readonly restart?: LogStart | undefined;
  readonly hardState?: HardState | undefined;
  readonly truncateAfter?: LogIndex | undefined;
  /** What lies before is no longer needed. */
  readonly start?: LogStart | undefined;
  readonly entries: readonly Entry[];
}

/** Exported for whoever plays a disk. */
export function encodeRecord(
  { restart, hardState, truncateAfter, start, entries }: LogRecordParts,
  committed: LogIndex,
): Uint8Array {
  return encode([
    restart === undefined ? null : encodeStart(restart),
    hardState === undefined ? null : encodeHardState(hardState),
    truncateAfter ?? null,
    start === undefined ? null : encodeStart(start),
    entries.map(encodeEntry),
    committed,
  ]);
}

/** What the record at `position` says. Fails with `log-damaged` where it is none of this version. */
export function readLogRecord(
  payload: Uint8Array,
  position: LogPosition,
): LogRecordParts & { readonly committed: LogIndex } {
  const [restart, hard, after, start, added, committed] = asArray(decodeRecord(payload), `record ${position}`);
  return {
    restart: restart === null ? undefined : readStart(restart),
    hardState: hard === null ? undefined : readHardState(hard),
    truncateAfter: after === null ? undefined : logIndex(asNumber(after, "truncation")),
    start: start === null ? undefined : readStart(start),
    entries: asArray(added, "entries").map(readEntry),
    committed: logIndex(asNumber(committed, "commit index")),
  };
}

const encodeHardState = (state: HardState): unknown[] => [state.term, state.vote ?? null];
const encodeVoters = (voters: Voters): unknown[] => [voters.current, voters.incoming ?? null];

function encodeEntry(entry: Entry): unknown[] {
  const head = [entry.index, entry.term, entry.siteTime];
  switch (entry.kind) {
    case "command":
      return [...head, entry.command];
    case "noop":
      return [...head, null];
    case "voters":
      return [...head, encodeVoters(entry.voters)];
  }
}

function readEntry(raw: unknown): Entry {
  const [index, entryTerm, time, body] = asArray(raw, "entry");
  const head = {
    index: logIndex(asNumber(index, "index")),
    term: term(asNumber(entryTerm, "term")),
    siteTime: siteTime(asNumber(time, "site time")),
  };
  if (body === null) return { ...head, kind: "noop" };
  if (body instanceof Uint8Array) return { ...head, kind: "command", command: body };
  return { ...head, kind: "voters", voters: readVoters(body) };
}

function readHardState(raw: unknown): HardState {
  const [hardTerm, vote] = asArray(raw, "hard state");
  return { term: term(asNumber(hardTerm, "term")), vote: isMemberKey(vote) ? vote : undefined };
}

function readVoters(raw: unknown): Voters {
  const [current, incoming] = asArray(raw, "voters");
  const readList = (list: unknown): MemberKey[] => {
    const keys = asArray(list, "voters");
    if (keys.length > limits.voters || !keys.every(isMemberKey)) throw damaged("voters");
    return keys;
  };
  return incoming === null
    ? { current: readList(current) }
    : { current: readList(current), incoming: readList(incoming) };
}

function decodeRecord(bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch (cause) {
    throw new SkeinError(
      "log-damaged",
      "A record of the Raft log has a good checksum but is no record of this version",
      cause,
    );
  }
}

function asArray(raw: unknown, what: string): unknown[] {
  if (!Array.isArray(raw)) throw damaged(what);
  return raw;
}

function asNumber(raw: unknown, what: string): number {
  if (typeof raw !== "number" || !Number.isSafeInteger(raw) || raw < 0) throw damaged(what);
  return raw;
}

const damaged = (what: string): SkeinError =>
  new SkeinError(
    "log-damaged",
    `A record of the Raft log has a good checksum but no valid ${what}: it was written by another version`,
  );
