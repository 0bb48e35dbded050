// The log in memory: what follows `start`, and the configurations in it.
//
// A configuration takes effect when it is appended and is gone when it is truncated (paper §6; RAFT-CASES 3, 8, 15), so the
// configuration is a property of the log, never a variable beside it.

import { assert } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { type LogIndex, logIndex, offset, type Term } from "../base/units.ts";
import type { Entry, LogStart, Voters } from "./types.ts";

/** What an entry counts for in batches and windows: its command and about what its head takes in a frame. */
export function entryBytes(entry: Entry): number {
  switch (entry.kind) {
    case "command":
      return headBytes + entry.command.length;
    case "noop":
      return headBytes;
    case "voters":
      return headBytes + memberBytes * (entry.voters.current.length + (entry.voters.incoming?.length ?? 0));
  }
}

export const headBytes = 32;
const memberBytes = 48;

export class Log {
  #start: LogStart;
  /** Invariant: `#entries[i].index === #start.index + 1 + i`. */
  #entries: Entry[] = [];
  /** Ascending by index, all after `#start`. */
  #configurations: { readonly index: LogIndex; readonly voters: Voters }[] = [];

  constructor(start: LogStart, entries: readonly Entry[]) {
    this.#start = start;
    this.append(entries);
  }

  get start(): LogStart {
    return this.#start;
  }

  get lastIndex(): LogIndex {
    return offset(this.#start.index, this.#entries.length);
  }

  get lastTerm(): Term {
    return this.#entries.at(-1)?.term ?? this.#start.term;
  }

  /** The configuration in effect: the newest in the log, committed or not. */
  get voters(): Voters {
    return this.#configurations.at(-1)?.voters ?? this.#start.voters;
  }

  /** Where the configuration in effect stands; `start.index` when it is older than the log. */
  get votersIndex(): LogIndex {
    return this.#configurations.at(-1)?.index ?? this.#start.index;
  }

  /** Undefined before `start` and after the last entry. */
  termAt(index: LogIndex): Term | undefined {
    return index === this.#start.index ? this.#start.term : this.#entries[index - this.#start.index - 1]?.term;
  }

  votersAt(index: LogIndex): Voters {
    return this.#configurations.findLast((one) => one.index <= index)?.voters ?? this.#start.voters;
  }

  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(entry.index === this.#start.index + this.#entries.length + 1, "the log has no gap");
      this.#entries.push(entry);
      if (entry.kind === "voters") this.#configurations.push({ index: entry.index, voters: entry.voters });
    }
  }

  truncateAfter(index: LogIndex): void {
    assert(index >= this.#start.index, "what is compacted is never truncated");
    this.#entries.length = Math.min(this.#entries.length, index - this.#start.index);
    while ((this.#configurations.at(-1)?.index ?? 0) > index) this.#configurations.pop();
  }

  /** The entries in (after, upTo]. */
  between(after: LogIndex, upTo: LogIndex): readonly Entry[] {
    return this.#entries.slice(after - this.#start.index, upTo - this.#start.index);
  }

  /** The entries after `after`, at least one if there is one, else up to `bytesMax`, and no more than one append may have. */
  batchAfter(after: LogIndex, bytesMax: number): readonly Entry[] {
    const first = after - this.#start.index;
    const most = Math.min(this.#entries.length, first + limits.appendEntries);
    let end = first;
    for (let bytes = 0; end < most; end++) {
      bytes += entryBytes(this.#entries[end] as Entry);
      if (bytes > bytesMax && end > first) break;
    }
    return this.#entries.slice(first, end);
  }

  bytesBetween(after: LogIndex, upTo: LogIndex): number {
    let bytes = 0;
    for (let at = after - this.#start.index; at < upTo - this.#start.index; at++) {
      bytes += entryBytes(this.#entries[at] as Entry);
    }
    return bytes;
  }

  /**
   * The highest index up to `index` whose term is not above `term`: where a log whose entry at `index` has `term` may still
   * agree with this one. Skips a whole term of disagreement in one question (paper §5.3, end).
   */
  agreementUpTo(index: LogIndex, term: Term): LogIndex {
    let at = logIndex(Math.min(index, this.lastIndex));
    while (at > this.#start.index && (this.termAt(at) ?? 0) > term) at = offset(at, -1);
    return at;
  }

  /** Where the log may begin when `tailEntries` and `tailBytes` are kept before `index`. */
  tailBefore(index: LogIndex, tail: { readonly entries: number; readonly bytes: number }): LogIndex {
    let at = index;
    let bytes = 0;
    while (at > this.#start.index && index - at < tail.entries) {
      bytes += entryBytes(this.#entries[at - this.#start.index - 1] as Entry);
      if (bytes > tail.bytes) break;
      at = offset(at, -1);
    }
    return at;
  }

  /** Forgets everything up to `index`, which stays known as the new start. */
  compact(index: LogIndex): void {
    const term = this.termAt(index);
    assert(term !== undefined, "the log is compacted within itself");
    const start = { index, term, voters: this.votersAt(index) };
    this.#entries.splice(0, index - this.#start.index);
    this.#configurations = this.#configurations.filter((one) => one.index > index);
    this.#start = start;
  }

  /** Forgets everything: what a snapshot brought takes its place. */
  reset(start: LogStart): void {
    this.#start = start;
    this.#entries = [];
    this.#configurations = [];
  }
}
