// The one ordered stream of writes, and what of it is synced (DESIGN §4, "Promises wait for the disk").
//
// Changes of one step become one `persist` effect with a token. A promise is sent `after` the token that makes it durable.
// A truncation takes back what earlier tokens were going to confirm, so that a late confirmation of a replaced entry is
// never taken for one of its successor (RAFT-CASES 10).

import { assert } from "../base/errors.ts";
import { type Duration, type Instant, type LogIndex, logIndex, shift } from "../base/units.ts";
import type { Entry, HardState, LogStart, RaftEffect } from "./types.ts";

interface Outstanding {
  readonly token: number;
  readonly since: Instant;
  /** The last entry that is durable once this token is synced. */
  last: LogIndex;
}

interface Draft {
  hardState?: HardState;
  start?: LogStart;
  truncateAfter?: LogIndex;
  readonly entries: Entry[];
}

export class PersistStream {
  #token = 0;
  #hardStateToken = 0;
  #syncedToken = 0;
  #synced: LogIndex;
  #last: LogIndex;
  #draft: Draft | undefined;
  #flushed: RaftEffect[] = [];
  readonly #outstanding: Outstanding[] = [];

  constructor(synced: LogIndex) {
    this.#synced = synced;
    this.#last = synced;
  }

  /** Everything up to here is on this device's disk. */
  get synced(): LogIndex {
    return this.#synced;
  }

  hardState(hardState: HardState): void {
    this.#open().hardState = hardState;
    this.#hardStateToken = this.#token + 1;
  }

  append(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const draft = this.#open();
    for (const entry of entries) draft.entries.push(entry);
    this.#last = entries[entries.length - 1]?.index ?? this.#last;
  }

  truncateAfter(index: LogIndex, now: Instant): void {
    if (this.#draft !== undefined && this.#draft.entries.length > 0) this.#close(now, true);
    this.#open().truncateAfter = index;
    this.#takeBack(index);
  }

  /** The log is empty and begins after `start`, which a durable checkpoint holds. */
  reset(start: LogStart, now: Instant): void {
    if (this.#draft !== undefined && this.#draft.entries.length > 0) this.#close(now, true);
    const draft = this.#open();
    delete draft.truncateAfter;
    draft.start = start;
    this.#takeBack(start.index);
    this.#last = start.index;
    this.#synced = start.index;
  }

  /** A durable checkpoint holds everything up to `index`, and the log agrees with it there. */
  coveredUpTo(index: LogIndex): void {
    this.#synced = logIndex(Math.max(this.#synced, index));
  }

  /** The token that makes everything so far durable; undefined: it is already. */
  barrier(): number | undefined {
    if (this.#draft !== undefined) return this.#token + 1;
    return this.#token > this.#syncedToken ? this.#token : undefined;
  }

  /** The token that makes term and vote durable; undefined: they are already. */
  hardStateBarrier(): number | undefined {
    return this.#hardStateToken > this.#syncedToken ? this.#hardStateToken : undefined;
  }

  isSynced(token: number | undefined): boolean {
    return token === undefined || token <= this.#syncedToken;
  }

  confirm(token: number): void {
    assert(token <= this.#token, "only what was given to the disk is synced");
    this.#syncedToken = Math.max(this.#syncedToken, token);
    for (;;) {
      const first = this.#outstanding[0];
      if (first === undefined || first.token > token) return;
      this.#synced = logIndex(Math.max(this.#synced, first.last));
      this.#outstanding.shift();
    }
  }

  /** Since when the oldest unsynced write waits. */
  waitingSince(): Instant | undefined {
    return this.#outstanding[0]?.since;
  }

  /** From `waitingSince` shifted by `timeout` on, to the last bit: the tick is due then, and must not find that it is too early. */
  isOverdue(now: Instant, timeout: Duration): boolean {
    const since = this.waitingSince();
    return since !== undefined && now >= shift(since, timeout);
  }

  /** The persists of the step that ends now, nearly always one or none. */
  take(now: Instant, isUrgent: boolean): readonly RaftEffect[] {
    if (this.#draft !== undefined) this.#close(now, isUrgent);
    if (this.#flushed.length === 0) return none;
    const effects = this.#flushed;
    this.#flushed = [];
    return effects;
  }

  #open(): Draft {
    this.#draft ??= { entries: [] };
    return this.#draft;
  }

  #takeBack(index: LogIndex): void {
    this.#last = index;
    this.#synced = logIndex(Math.min(this.#synced, index));
    for (const one of this.#outstanding) one.last = logIndex(Math.min(one.last, index));
  }

  #close(now: Instant, isUrgent: boolean): void {
    const draft = this.#draft;
    if (draft === undefined) return;
    this.#draft = undefined;
    this.#token += 1;
    this.#outstanding.push({ token: this.#token, since: now, last: this.#last });
    this.#flushed.push({
      kind: "persist",
      token: this.#token,
      ...draft,
      urgent: isUrgent || draft.hardState !== undefined,
    });
  }
}

const none: readonly RaftEffect[] = [];
