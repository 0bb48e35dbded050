// Promises wait for the disk (DESIGN §4): one ordered stream of writes, and the messages that must not leave before them.
//
// A learner's writes wait for nobody, so they are gathered for a while and cost one sync together; they are never reordered,
// and go down at once when a write that somebody waits for follows.

import type { SkeinError } from "../base/errors.ts";
import type { MemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import { type LogIndex, seconds } from "../base/units.ts";
import type { LogStart, RaftEffect, RaftMessage } from "../raft/types.ts";
import type { RaftLog } from "./raft-log.ts";

type Persist = Extract<RaftEffect, { kind: "persist" }>;

const gatherFor = seconds(2);
const gatherEntries = 512;

export interface DurableSendsHandlers {
  send(to: MemberKey | undefined, message: RaftMessage): void;
  persisted(token: number): void;
  /** A write or sync failed: what was promised can no longer be kept. */
  failed(failure: SkeinError): void;
}

export class DurableSends {
  readonly #clock: Clock;
  readonly #log: RaftLog;
  readonly #handlers: DurableSendsHandlers;
  readonly #waiting: { after: number; to: MemberKey | undefined; message: RaftMessage }[] = [];
  #gathered: { readonly effect: Persist; readonly committed: LogIndex }[] = [];
  #timer: Timer | undefined;
  readonly #barriers: { token: number; done: () => void }[] = [];
  #handed = 0;
  #synced = 0;
  #isStopped = false;

  constructor(clock: Clock, log: RaftLog, handlers: DurableSendsHandlers) {
    this.#clock = clock;
    this.#log = log;
    this.#handlers = handlers;
  }

  persist(effect: Persist): void {
    this.#handed = effect.token;
    // As of now: what is known later may be of entries that a later write replaces these with.
    this.#gathered.push({ effect, committed: this.#log.committed });
    if (effect.urgent || this.#gathered.length >= gatherEntries) this.flush();
    else this.#timer ??= this.#clock.after(gatherFor, "gathered log writes", () => this.flush());
  }

  /** Hands what was gathered to the log. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const gathered = this.#gathered;
    this.#gathered = [];
    for (const { effect, committed } of gathered)
      this.#log.persist(effect, committed, (failure) => this.#written(effect.token, failure));
  }

  /** `done` once everything handed in so far is synced. */
  whenSynced(done: () => void): void {
    this.flush();
    if (this.#handed <= this.#synced) done();
    else this.#barriers.push({ token: this.#handed, done });
  }

  compact(start: LogStart): void {
    this.flush();
    this.#log.compact(start, (failure) => {
      if (failure !== undefined && !this.#isStopped) this.#handlers.failed(failure);
    });
  }

  send(to: MemberKey | undefined, message: RaftMessage, after: number | undefined): void {
    if (after === undefined || after <= this.#synced) this.#handlers.send(to, message);
    else {
      this.#waiting.push({ after, to, message });
      // A disk that hangs under load: the oldest is worth the least, and a lost message is repaired.
      if (this.#waiting.length > limits.waitingSends) this.#waiting.shift();
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #written(token: number, failure: SkeinError | undefined): void {
    if (this.#isStopped) return;
    if (failure !== undefined) {
      this.#isStopped = true;
      this.#handlers.failed(failure);
      return;
    }
    this.#synced = token;
    // Messages wait in the order of their tokens only by and large: a retransmission may wait for an older one.
    for (let i = 0; i < this.#waiting.length; ) {
      const waiting = this.#waiting[i];
      if (waiting === undefined || waiting.after > token) i += 1;
      else {
        this.#waiting.splice(i, 1);
        this.#handlers.send(waiting.to, waiting.message);
      }
    }
    this.#handlers.persisted(token);
    while (this.#barriers[0] !== undefined && this.#barriers[0].token <= token) this.#barriers.shift()?.done();
  }
}
