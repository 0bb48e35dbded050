// The effects of one step, in the order in which they are to be carried out.
//
// First what waits for nothing (so that the leader's publish is on its way while its own disk works), then the writes,
// then what depends on them.

import type { MemberKey } from "../base/ids.ts";
import type { RaftEffect, RaftMessage } from "./types.ts";

export class Outbox {
  #first: RaftEffect[] = [];
  #last: RaftEffect[] = [];

  emit(effect: RaftEffect): void {
    this.#first.push(effect);
  }

  /** Carried out after the writes of this step. */
  emitLast(effect: RaftEffect): void {
    this.#last.push(effect);
  }

  send(to: MemberKey, message: RaftMessage, after?: number): void {
    if (after === undefined) this.#first.push({ kind: "send", to, message });
    else this.#last.push({ kind: "send", to, message, after });
  }

  /** To everyone, on the log topic. */
  publish(message: RaftMessage): void {
    this.#first.push({ kind: "send", message });
  }

  take(persists: readonly RaftEffect[]): readonly RaftEffect[] {
    const effects = this.#first;
    for (const effect of persists) effects.push(effect);
    for (const effect of this.#last) effects.push(effect);
    this.#first = [];
    this.#last = [];
    return effects;
  }
}
