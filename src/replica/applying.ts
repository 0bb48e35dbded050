// From committed entries to the state machine, in order, and what follows from each: answers, checkpoints, whoever looks on.

import { assert } from "../base/errors.ts";
import type { LogIndex, Term } from "../base/units.ts";
import type { Entry, Voters } from "../raft/types.ts";
import type { SiteState } from "../site/state.ts";
import type { Command } from "../site/types.ts";
import type { CheckpointKeeper } from "./checkpoint-keeper.ts";
import type { ReplicaObserver, ReplicaPorts } from "./contract.ts";
import type { RaftLog } from "./raft-log.ts";
import type { WaitingProposals } from "./waiting-proposals.ts";

export interface ApplyingParts {
  readonly state: SiteState;
  /** What `state` holds already. */
  readonly index: LogIndex;
  readonly log: RaftLog;
  readonly keeper: CheckpointKeeper;
  readonly waiting: WaitingProposals;
}

export interface ApplyingDoor {
  /** Nothing is applied now: a snapshot is being installed, or the replica is stopped. */
  isHeld(): boolean;
  /** The term in which this replica leads. */
  leadsIn(): Term | undefined;
  appliedUpTo(index: LogIndex): void;
  propose(command: Command, done: (isDone: boolean) => void): void;
  readonly observer: ReplicaObserver;
}

export class Applying {
  readonly #ports: ReplicaPorts;
  readonly #parts: ApplyingParts;
  readonly #door: ApplyingDoor;
  /** Committed, and not yet applied. */
  readonly #queue: Entry[] = [];
  #isDue = false;
  #state: SiteState;
  #index: LogIndex;

  constructor(ports: ReplicaPorts, parts: ApplyingParts, door: ApplyingDoor) {
    this.#ports = ports;
    this.#parts = parts;
    this.#door = door;
    this.#state = parts.state;
    this.#index = parts.index;
  }

  get state(): SiteState {
    return this.#state;
  }

  get index(): LogIndex {
    return this.#index;
  }

  queue(entries: readonly Entry[]): void {
    const newest = this.#queue.at(-1)?.index ?? 0;
    for (const entry of entries) if (entry.index > newest) this.#queue.push(entry);
  }

  /**
   * What was said or written in the same step leaves first: bytes reach the socket and the disk only when this turn of the loop
   * ends, and the others wait for them, while nobody waits for a follower's apply.
   */
  after(isSpeaking: boolean): void {
    if (this.#queue.length === 0 || this.#isDue) return;
    if (!isSpeaking) {
      this.now();
      return;
    }
    this.#isDue = true;
    this.#ports.clock.soon(() => {
      this.#isDue = false;
      this.now();
    });
  }

  /** Applies everything that is queued, unless it is held. */
  now(): void {
    if (this.#door.isHeld()) return;
    const before = this.#index;
    for (let entry = this.#queue.shift(); entry !== undefined; entry = this.#queue.shift()) {
      if (entry.index <= this.#index) continue;
      assert(entry.index === this.#index + 1, "entries are applied without a gap");
      this.#apply(entry);
    }
    if (this.#index > before) this.#door.appliedUpTo(this.#index);
  }

  /** A snapshot took the state's place. */
  replace(state: SiteState, index: LogIndex, voters: Voters): void {
    this.#state = state;
    this.#index = index;
    this.#parts.keeper.replaced(voters);
    this.#ports.siteClock.replaced(state.siteTimeFloor, state.time);
    this.#parts.waiting.abandon();
    this.#ports.watch?.replaced(index);
    this.#door.observer.replaced();
  }

  #apply(entry: Entry): void {
    const { log, keeper, waiting } = this.#parts;
    this.#index = entry.index;
    log.noteCommitted(entry.index);
    keeper.passed(entry);
    if (entry.kind !== "command") {
      this.#ports.siteClock.applied(entry.index, entry.siteTime, this.#state.time);
      this.#ports.watch?.applied(entry, undefined);
      waiting.applied(entry.index, entry.term, { kind: "done", index: entry.index });
      return;
    }
    const applied = this.#state.apply(entry);
    this.#ports.siteClock.applied(entry.index, this.#state.siteTimeFloor, this.#state.time);
    this.#ports.watch?.applied(entry, applied);
    const mark = this.#state.checkpoint;
    if (mark?.index === entry.index) keeper.keep(this.#state, entry, mark.previous);
    waiting.applied(entry.index, entry.term, applied.outcome);
    if (applied.touched.size > 0) this.#door.observer.applied(applied.touched, applied.moves);
    if (this.#door.leadsIn() === entry.term) keeper.proposeIfDue((command, done) => this.#door.propose(command, done));
  }
}
