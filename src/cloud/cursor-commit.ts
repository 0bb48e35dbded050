// When the cursor is committed: every 32 items, or 5 s after the first that is not. At most that many are repeated by the next
// coordinator. A proposal that is lost is made again: the log is the answer.

import type { Clock, Timer } from "../base/ports/clock.ts";
import { seconds } from "../base/units.ts";

export const cursorItems = 32;
export const cursorDelay = seconds(5);

export class CursorCommit {
  readonly #clock: Clock;
  readonly #propose: (upTo: number) => void;
  /** The committed cursor, as far as this device has applied. */
  readonly #committed: () => number;
  #acknowledged = 0;
  #proposed = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, committed: () => number, propose: (upTo: number) => void) {
    this.#clock = clock;
    this.#committed = committed;
    this.#propose = propose;
  }

  acknowledged(upTo: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, upTo);
    if (this.#acknowledged - Math.max(this.#proposed, this.#committed()) >= cursorItems) this.#proposeNow();
    this.#timer ??= this.#clock.after(cursorDelay, "commit the uplink's cursor", () => this.#due());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #due(): void {
    this.#timer = undefined;
    if (this.#acknowledged <= this.#committed()) return;
    this.#proposeNow();
    this.#timer = this.#clock.after(cursorDelay, "commit the uplink's cursor", () => this.#due());
  }

  #proposeNow(): void {
    this.#proposed = this.#acknowledged;
    this.#propose(this.#acknowledged);
  }
}
