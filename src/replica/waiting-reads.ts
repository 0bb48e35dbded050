// Linearizable reads on their way: each is answered once, at the latest when its time is up.

import type { Clock } from "../base/ports/clock.ts";
import type { Duration } from "../base/units.ts";

export class WaitingReads {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, (isCurrent: boolean) => void>();
  #lastContext = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#waiting.size;
  }

  /** The context under which `done` waits. */
  add(within: Duration, done: (isCurrent: boolean) => void): number {
    this.#lastContext += 1;
    const context = this.#lastContext;
    const timer = this.#clock.after(within, "read", () => this.settle(context, false));
    this.#waiting.set(context, (isCurrent) => {
      timer.cancel();
      done(isCurrent);
    });
    return context;
  }

  settle(context: number, isCurrent: boolean): void {
    const done = this.#waiting.get(context);
    this.#waiting.delete(context);
    done?.(isCurrent);
  }

  abandon(): void {
    for (const context of [...this.#waiting.keys()]) this.settle(context, false);
  }
}
