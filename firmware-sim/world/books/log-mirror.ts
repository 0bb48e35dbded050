// A log as those who wrote it were told to: where it begins, and of each entry the term and a digest of what it says.

import type { LogIndex, Term } from "../../../src/base/units.ts";
import type { Entry, LogStart, Voters } from "../../../src/raft/types.ts";
import { contentOf } from "./entry-content.ts";

export interface KnownEntry {
  readonly term: Term;
  readonly content: number;
}

export interface PlacedVoters {
  readonly index: number;
  readonly voters: Voters;
}

export class LogMirror {
  #start: LogStart;
  #entries: KnownEntry[] = [];
  /** Of the entries, ascending; before them stands the start's. */
  #voters: PlacedVoters[] = [];

  constructor(start: LogStart, entries: readonly Entry[]) {
    this.#start = start;
    for (const entry of entries) this.append(entry);
  }

  get start(): LogStart {
    return this.#start;
  }

  get last(): number {
    return this.#start.index + this.#entries.length;
  }

  at(index: number): KnownEntry | undefined {
    return this.#entries[index - this.#start.index - 1];
  }

  /** Of the entry at `index`, or of the one that the log begins after. */
  termAt(index: number): Term | undefined {
    return index === this.#start.index ? this.#start.term : this.at(index)?.term;
  }

  /** In force: as of the newest entry, committed or not. */
  get voters(): PlacedVoters {
    return this.#voters.at(-1) ?? { index: this.#start.index, voters: this.#start.voters };
  }

  append(entry: Entry): void {
    this.#entries.push({ term: entry.term, content: contentOf(entry) });
    if (entry.kind === "voters") this.#voters.push({ index: entry.index, voters: entry.voters });
  }

  truncateAfter(index: LogIndex): void {
    this.#entries.length = Math.max(0, Math.min(this.#entries.length, index - this.#start.index));
    this.#voters = this.#voters.filter((placed) => placed.index <= index);
  }

  /** Everything is forgotten. */
  restart(start: LogStart): void {
    this.#start = start;
    this.#entries = [];
    this.#voters = [];
  }

  /** What lies before is no longer needed. */
  compact(start: LogStart): void {
    if (start.index <= this.#start.index) return;
    this.#entries.splice(0, start.index - this.#start.index);
    this.#voters = this.#voters.filter((placed) => placed.index > start.index);
    this.#start = start;
  }
}
