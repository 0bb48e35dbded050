// When what is committed is applied: never before what others wait for.
//
// Bytes reach the socket and the disk when a turn of the loop ends, so what a step says or writes leaves before it applies. A
// follower's apply is waited for by nobody, its acknowledgement by the site: it lets its write go down first. (On a machine
// whose cores are busy, an apply beside the write is what makes the acknowledgement late.)

import type { Clock } from "../base/ports/clock.ts";

export interface ApplyPaceDoor {
  isLeader(): boolean;
  /** A write is on its way down, and will be followed by another step. */
  isWriting(): boolean;
  /** Applies all that is committed. */
  apply(): void;
}

export class ApplyPace {
  readonly #clock: Clock;
  readonly #door: ApplyPaceDoor;
  #isDue = false;
  #hasLeft = false;

  constructor(clock: Clock, door: ApplyPaceDoor) {
    this.#clock = clock;
    this.#door = door;
  }

  /** A step is over and something waits to be applied. `isSpeaking`: it had something to send or to write. */
  stepped(isSpeaking: boolean): void {
    if (this.#isDue) return;
    if (this.#door.isLeader() && !isSpeaking) {
      this.#door.apply();
      return;
    }
    // Once: a disk that hangs must not keep back what is synced already.
    const isLeft = !this.#door.isLeader() && this.#door.isWriting() && !this.#hasLeft;
    this.#hasLeft = isLeft;
    if (isLeft) return;
    this.#isDue = true;
    this.#clock.soon(() => {
      this.#isDue = false;
      this.#door.apply();
    });
  }
}
