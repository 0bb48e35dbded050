// Who waits for the card to say that something may have been sent, before it is (docs/decisions/0008).

import type { Clock } from "../base/ports/clock.ts";

interface Waiting {
  readonly to: number;
  readonly done: (isPermitted: boolean) => void;
}

export class SendPermits {
  readonly #clock: Clock;
  readonly #sendable: () => number;
  #waiting: readonly Waiting[] = [];

  /** `sendable`: what the card says. */
  constructor(clock: Clock, sendable: () => number) {
    this.#clock = clock;
    this.#sendable = sendable;
  }

  /** Up to where the card must be told; undefined: nobody waits. */
  get wanted(): number | undefined {
    return this.#waiting.length === 0 ? undefined : Math.max(...this.#waiting.map(({ to }) => to));
  }

  /** `done` later, once. */
  ask(to: number, done: Waiting["done"], isRefused: boolean): void {
    if (isRefused || to <= this.#sendable()) this.#answer({ to, done });
    else this.#waiting = [...this.#waiting, { to, done }];
  }

  /** Something was synced. */
  settle(): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ to }) => to > this.#sendable());
    for (const each of waiting) if (!this.#waiting.includes(each)) this.#answer(each);
  }

  /** Nothing will be written for them. */
  refuse(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) this.#answer(each);
  }

  #answer({ to, done }: Waiting): void {
    this.#clock.soon(() => done(to <= this.#sendable()));
  }
}
