// Proposals on their way through the log: who is told what became of them.
//
// A proposal stands at one index of one term. When that index is applied with that term, its outcome is known; with another
// term, it certainly never will be. When this device stops leading before either, the outcome is unknown (RAFT-CASES 38).

import type { MemberKey } from "../base/ids.ts";
import type { LogIndex, Term } from "../base/units.ts";
import type { RaftEffect } from "../raft/types.ts";
import type { Outcome } from "../site/types.ts";

export type ProposalResult =
  | Outcome
  /** Not appended here, or replaced before it was committed: nothing happened; try `leader`. */
  | { readonly kind: "not-leader"; readonly leader: MemberKey | undefined }
  /** Not appended: too much is waiting. */
  | { readonly kind: "busy" }
  /** It may still be committed, or never. */
  | { readonly kind: "unknown" };

type Done = (result: ProposalResult) => void;

export class WaitingProposals {
  #lastContext = 0;
  readonly #byContext = new Map<number, Done>();
  readonly #byIndex = new Map<LogIndex, { readonly term: Term; readonly done: Done }>();

  /** The context under which `done` waits. */
  add(done: Done): number {
    this.#lastContext += 1;
    this.#byContext.set(this.#lastContext, done);
    return this.#lastContext;
  }

  get count(): number {
    return this.#byContext.size + this.#byIndex.size;
  }

  appended({ context, index, term }: Extract<RaftEffect, { kind: "proposed" }>): void {
    const done = this.#take(context);
    if (done === undefined) return;
    this.#byIndex.get(index)?.done({ kind: "not-leader", leader: undefined });
    this.#byIndex.set(index, { term, done });
  }

  refused({ context, reason, leader }: Extract<RaftEffect, { kind: "proposal-refused" }>): void {
    const done = this.#take(context);
    if (reason === "not-leader") done?.({ kind: "not-leader", leader });
    else if (reason === "too-large")
      done?.({ kind: "refused", reason: "malformed", detail: "the change is larger than one log entry may be" });
    else done?.({ kind: "busy" });
  }

  applied(index: LogIndex, term: Term, outcome: Outcome): void {
    const waiting = this.#byIndex.get(index);
    if (waiting === undefined) return;
    this.#byIndex.delete(index);
    waiting.done(waiting.term === term ? outcome : { kind: "not-leader", leader: undefined });
  }

  /** This device no longer leads, or its state was replaced by a snapshot. */
  abandon(): void {
    const all = [...this.#byContext.values(), ...[...this.#byIndex.values()].map(({ done }) => done)];
    this.#byContext.clear();
    this.#byIndex.clear();
    for (const done of all) done({ kind: "unknown" });
  }

  #take(context: number): Done | undefined {
    const done = this.#byContext.get(context);
    this.#byContext.delete(context);
    return done;
  }
}
