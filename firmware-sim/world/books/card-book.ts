// What a card keeps through any power cut, as its synced records say: not what its device says that it does.

import type { MemberKey } from "../../../src/base/ids.ts";
import type { LogPosition } from "../../../src/base/ports/log-file.ts";
import { logIndex, type Term, term as termOf } from "../../../src/base/units.ts";
import type { HardState, LogStart, RaftInitial } from "../../../src/raft/types.ts";
import { readLogRecord } from "../../../src/replica/raft-log.ts";

const nothing: HardState = { term: termOf(0), vote: undefined };

/** What a synced record took away: entries after `from`, up to `to`; or, with a restart, all that it does not begin after. */
export interface Forgotten {
  readonly from: number;
  readonly terms: readonly Term[];
}

export class CardBook {
  readonly name: string;
  /** The incarnation whose log it is. */
  member: MemberKey | undefined;
  hardState: HardState = nothing;
  #position: LogPosition = 0;
  #start = 0;
  #startTerm = termOf(0);
  /** Of the entries after the start. */
  #terms: Term[] = [];
  /** Of the newest checkpoint; it stands for all entries up to it. */
  #checkpoint = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** The last entry of its log. */
  get last(): number {
    return this.#start + this.#terms.length;
  }

  get lastTerm(): Term {
    return this.#terms.at(-1) ?? this.#startTerm;
  }

  get checkpoint(): number {
    return this.#checkpoint;
  }

  /** The newest term that it would wake up in. */
  get term(): Term {
    return termOf(Math.max(this.hardState.term, this.lastTerm));
  }

  /** The entry at `index` of `term`, or a checkpoint or log start behind it. */
  holds(index: number, term: number): boolean {
    if (index <= this.#start || index <= this.#checkpoint) return true;
    return this.#terms[index - this.#start - 1] === term;
  }

  /** Returns what the record took away. */
  record(position: LogPosition, payload: Uint8Array): Forgotten | undefined {
    if (position <= this.#position) this.#beginAnew();
    this.#position = position;
    const { restart, hardState, truncateAfter, start, entries } = readLogRecord(payload, position);
    let forgotten: Forgotten | undefined;
    if (restart !== undefined) {
      forgotten = this.#forgetAfter(Math.max(restart.index, this.#start));
      this.#begin(restart, []);
    }
    if (hardState !== undefined) this.hardState = hardState;
    if (truncateAfter !== undefined) forgotten = this.#forgetAfter(truncateAfter);
    if (start !== undefined && start.index > this.#start) {
      const isWithin = this.#terms[start.index - this.#start - 1] === start.term;
      this.#begin(start, isWithin ? this.#terms.slice(start.index - this.#start) : []);
    }
    for (const entry of entries) {
      if (entry.index !== this.last + 1) {
        throw new Error(
          `On ${this.name} record ${position} puts entry ${entry.index} after ${this.last}: a log with a hole`,
        );
      }
      this.#terms.push(entry.term);
    }
    return forgotten;
  }

  /** Opening the log found a record there: also one that was written where nobody looked (a copy, a backup, a recovery). */
  opened(position: LogPosition): void {
    this.#position = position;
  }

  /** A snapshot or the state itself, as of `index`, is on the card. */
  checkpointed(index: number): void {
    this.#checkpoint = Math.max(this.#checkpoint, index);
  }

  /**
   * A life of `member` read this from the card: so it is on the card, also where no sync was heard of. Returns what should have been
   * there and is not.
   */
  found(member: MemberKey, initial: RaftInitial): string | undefined {
    const missing = this.member === member ? this.#missingIn(initial) : undefined;
    this.member = member;
    this.hardState = initial.hardState;
    this.#begin(
      initial.start,
      initial.entries.map((entry) => entry.term),
    );
    this.#checkpoint = initial.checkpoint?.index ?? 0;
    return missing;
  }

  #missingIn({ hardState, start, entries, checkpoint }: RaftInitial): string | undefined {
    const { term, vote } = this.hardState;
    if (hardState.term < term) return `term ${hardState.term}, and ${term} was synced`;
    if (hardState.term === term && vote !== undefined && hardState.vote !== vote) {
      return `the vote for ${hardState.vote} in term ${term}, and that for ${vote} was synced`;
    }
    const covered = Math.max(start.index, checkpoint?.index ?? 0);
    if (this.#checkpoint > covered && this.#checkpoint > start.index + entries.length) {
      return `nothing behind entry ${start.index + entries.length}, and a checkpoint at ${this.#checkpoint} was synced`;
    }
    for (let index = Math.max(covered, this.#start) + 1; index <= this.last; index++) {
      const is = entries[index - start.index - 1]?.term;
      const was = this.#terms[index - this.#start - 1];
      // One write more than was heard of may be down: it may have replaced the rest.
      if (is !== was && (is === undefined || is <= (was ?? 0))) {
        return `entry ${index} of term ${is}, and that of term ${was} was synced`;
      }
      if (is !== was) return undefined;
    }
    return undefined;
  }

  #forgetAfter(index: number): Forgotten | undefined {
    if (index >= this.last) return undefined;
    return { from: index, terms: this.#terms.splice(Math.max(0, index - this.#start)) };
  }

  #begin(start: Pick<LogStart, "index" | "term">, terms: Term[]): void {
    this.#start = start.index;
    this.#startTerm = start.term;
    this.#terms = terms;
  }

  /** Another log, of another incarnation, on the same card. */
  #beginAnew(): void {
    this.member = undefined;
    this.hardState = nothing;
    this.#begin({ index: logIndex(0), term: termOf(0) }, []);
    this.#checkpoint = 0;
  }
}
