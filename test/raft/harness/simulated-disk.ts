// One device's disk: an ordered stream of writes, synced later, and a place for the newest checkpoint.
//
// A power cut forgets what was not synced, from some write on: never from the middle.

import type { MemberKey } from "../../../src/base/ids.ts";
import { type Instant, type LogIndex, logIndex, term as termOf } from "../../../src/base/units.ts";
import type {
  Entry,
  HardState,
  LogStart,
  RaftEffect,
  RaftInitial,
  RaftLimits,
  RaftTiming,
} from "../../../src/raft/types.ts";

import { Violation } from "./violation.ts";

export type Persist = Extract<RaftEffect, { readonly kind: "persist" }>;

/** A state machine's state as a file: it is `content`, and `digest` is what its bytes come to. */
export interface StoredCheckpoint extends LogStart {
  readonly digest: string;
  readonly content: Uint8Array;
}

interface LogImage {
  hardState: HardState;
  start: LogStart;
  entries: Entry[];
}

type Write =
  | { readonly kind: "persist"; readonly persist: Persist }
  | { readonly kind: "compact"; readonly start: LogStart };

export class SimulatedDisk {
  readonly #founding: LogStart;
  readonly #image: LogImage;
  #waiting: Write[] = [];
  #checkpoint: StoredCheckpoint | undefined;

  constructor(start: LogStart) {
    this.#founding = start;
    this.#image = { hardState: { term: termOf(0), vote: undefined }, start, entries: [] };
  }

  get checkpoint(): StoredCheckpoint | undefined {
    return this.#checkpoint;
  }

  get hasUnsynced(): boolean {
    return this.#waiting.length > 0;
  }

  /** The last index that a power cut now would leave. */
  get durableLast(): LogIndex {
    const last = this.#image.start.index + this.#image.entries.length;
    return logIndex(Math.max(last, this.#checkpoint?.index ?? 0));
  }

  get durableTerm(): number {
    return this.#image.hardState.term;
  }

  /** A power cut now would leave the entry (index, term), in the log or in the checkpoint. */
  holds(index: LogIndex, term: number): boolean {
    if (this.#checkpoint !== undefined && this.#checkpoint.index >= index) return true;
    return this.#image.entries[index - this.#image.start.index - 1]?.term === term;
  }

  write(persist: Persist): void {
    this.#waiting.push({ kind: "persist", persist });
  }

  compact(start: LogStart): void {
    this.#waiting.push({ kind: "compact", start });
  }

  /** Everything written so far; answers the newest token among it. */
  sync(): number | undefined {
    let token: number | undefined;
    for (const write of this.#waiting) {
      this.#carryOut(write);
      if (write.kind === "persist") token = write.persist.token;
    }
    this.#waiting = [];
    return token;
  }

  /** Made current in one step: there is the old one or the new one, nothing between. */
  store(checkpoint: StoredCheckpoint): void {
    if (checkpoint.index > (this.#checkpoint?.index ?? 0)) this.#checkpoint = checkpoint;
  }

  /** `kept` of the unsynced writes happen to have reached the disk. */
  powerCut(kept: number): void {
    for (const write of this.#waiting.slice(0, kept)) this.#carryOut(write);
    this.#waiting = [];
  }

  get unsynced(): number {
    return this.#waiting.length;
  }

  /** What a disk that lied may have lost although it said that it was synced: for negative controls. */
  lose(what: "vote" | "last entries" | "everything"): void {
    const image = this.#image;
    if (what === "vote") image.hardState = { term: image.hardState.term, vote: undefined };
    if (what === "last entries") image.entries.length = Math.max(0, image.entries.length - 2);
    if (what !== "everything") return;
    image.hardState = { term: termOf(0), vote: undefined };
    image.start = this.#founding;
    image.entries = [];
    this.#checkpoint = undefined;
  }

  recover(self: {
    readonly self: MemberKey;
    readonly timing: RaftTiming;
    readonly limits: RaftLimits;
    readonly random: () => number;
    readonly now: Instant;
  }): RaftInitial {
    const image = this.#image;
    const checkpoint = this.#checkpoint;
    if (checkpoint !== undefined && this.#termAt(checkpoint.index) !== checkpoint.term) {
      // The log does not contain the checkpoint's last entry: a snapshot came, and the log's own reset was not synced.
      image.start = { index: checkpoint.index, term: checkpoint.term, voters: checkpoint.voters };
      image.entries = [];
    }
    return {
      ...self,
      hardState: image.hardState,
      start: image.start,
      entries: [...image.entries],
      checkpoint: checkpoint && {
        index: checkpoint.index,
        digest: checkpoint.digest,
        bytes: checkpoint.content.length,
      },
    };
  }

  #termAt(index: LogIndex): number | undefined {
    const { start, entries } = this.#image;
    return index === start.index ? start.term : entries[index - start.index - 1]?.term;
  }

  #carryOut(write: Write): void {
    const image = this.#image;
    if (write.kind === "compact") {
      const count = write.start.index - image.start.index;
      if (count <= 0) return;
      image.entries.splice(0, count);
      image.start = write.start;
      return;
    }
    const { start, hardState, truncateAfter, entries } = write.persist;
    if (start !== undefined) {
      image.start = start;
      image.entries = [];
    }
    if (hardState !== undefined) image.hardState = hardState;
    if (truncateAfter !== undefined)
      image.entries.length = Math.min(image.entries.length, truncateAfter - image.start.index);
    for (const entry of entries) {
      if (entry.index !== image.start.index + image.entries.length + 1)
        throw new Violation("a write leaves a hole in the log");
      image.entries.push(entry);
    }
  }
}
