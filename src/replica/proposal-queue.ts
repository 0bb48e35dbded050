// Proposals on their way to the core: alone when it is quiet, together when it is not (thesis §10.2.2).
//
// Each append costs a frame, a sync at every voter and its acknowledgements, whatever it holds. Where one turn of the loop brings
// several proposals (because many were answered in the one before), they wait for its end and share an append; a single one
// after a quiet turn is handed over at once.

import type { Clock } from "../base/ports/clock.ts";

export interface QueuedProposal {
  readonly context: number;
  readonly command: Uint8Array;
}

export class ProposalQueue {
  readonly #clock: Clock;
  readonly #ready: () => void;
  #waiting: QueuedProposal[] = [];
  #cameThisTurn = 0;
  #wasCrowded = false;

  /** `ready` is told when something may be taken. */
  constructor(clock: Clock, ready: () => void) {
    this.#clock = clock;
    this.#ready = ready;
  }

  add(proposal: QueuedProposal): void {
    this.#waiting.push(proposal);
    this.#cameThisTurn += 1;
    if (this.#cameThisTurn === 1) this.#clock.soon(() => this.#endTurn());
    if (!this.#isGathering) this.#ready();
  }

  /** What may go to the core now, together; empty when nothing waits or more may come in this turn. */
  take(): readonly QueuedProposal[] {
    if (this.#isGathering || this.#waiting.length === 0) return none;
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }

  get #isGathering(): boolean {
    return this.#cameThisTurn > 1 || (this.#cameThisTurn === 1 && this.#wasCrowded);
  }

  #endTurn(): void {
    this.#wasCrowded = this.#cameThisTurn > 1;
    this.#cameThisTurn = 0;
    this.#ready();
  }
}

const none: readonly QueuedProposal[] = [];
