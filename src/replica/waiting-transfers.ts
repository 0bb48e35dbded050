// Hand-overs that were asked for, and who is told what became of them. The core allows one at a time; others are refused at once.

import type { RaftEffect, TransferOutcome } from "../raft/types.ts";

type Done = (outcome: TransferOutcome) => void;

export class WaitingTransfers {
  readonly #waiting = new Map<number, Done>();
  #lastContext = 0;

  /** The context under which `done` waits. */
  add(done: Done): number {
    this.#lastContext += 1;
    this.#waiting.set(this.#lastContext, done);
    return this.#lastContext;
  }

  ended({ context, outcome }: Extract<RaftEffect, { readonly kind: "transfer-ended" }>): void {
    const done = this.#waiting.get(context);
    this.#waiting.delete(context);
    done?.(outcome);
  }

  /** The replica stops: nobody will say any more. */
  abandon(): void {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const done of all) done("unknown");
  }
}
