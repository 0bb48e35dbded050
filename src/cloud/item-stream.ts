// Outbox items on their way to the broker: in the order of their numbers, a bounded number unacknowledged.
//
// Problem: items may have to be read from the store first, links fall with PUBACKs outstanding, and the order on the wire must
// be the order of numbers all the same. Idea: one place, `next`, from which items are handed to the link one after the other;
// whatever goes wrong, it goes back to the first unacknowledged one. A repeat is the same bytes under the same id.

import { isSkeinError, SkeinError } from "../base/errors.ts";
import type { OutboxItem } from "../site/outbox.ts";

/** The committed outbox, as this device's replica has it. */
export interface OutboxSource {
  readonly first: number;
  readonly next: number;
  /** How many wait. */
  readonly count: number;
  readonly bytes: number;
  /** False for a number that was acknowledged, or replaced by a later item. */
  holds(number: number): boolean;
  /** Perhaps before it returns. Undefined without a failure: it is no longer there, as `holds` would say now. */
  read(number: number, done: (failure: SkeinError | undefined, item: OutboxItem | undefined) => void): void;
}

export interface ItemStreamHandlers {
  /** Hands one item to the link; `done` is called once. */
  publish(item: OutboxItem, done: (failure?: SkeinError) => void): void;
  /** Everything up to this number has reached the broker. */
  acknowledged(upTo: number): void;
  /** An item could not be read or sent; the stream stands still until `begin` or `more`. */
  stopped(failure: SkeinError): void;
}

export class ItemStream {
  readonly #source: OutboxSource;
  readonly #windowItems: number;
  readonly #handlers: ItemStreamHandlers;
  /** Grows with each way back; what belongs to an earlier run is not listened to. */
  #run = 0;
  #isRunning = false;
  #isReading = false;
  #isStarting = false;
  #next: number;
  #acknowledged: number;
  /** Items beyond `acknowledged` that were handed to the link, ascending; true: their PUBACK came. */
  readonly #beyond = new Map<number, boolean>();
  #sent = 0;

  constructor(source: OutboxSource, windowItems: number, handlers: ItemStreamHandlers) {
    this.#source = source;
    this.#windowItems = windowItems;
    this.#handlers = handlers;
    this.#acknowledged = source.first - 1;
    this.#next = source.first;
  }

  /** The broker has everything up to this number. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Items handed to a link, repeats included. */
  get sent(): number {
    return this.#sent;
  }

  /** The link is up: begins at the first unacknowledged item. */
  begin(): void {
    this.end();
    this.#isRunning = true;
    this.more();
  }

  /** The link is down. */
  end(): void {
    this.#run += 1;
    this.#isRunning = false;
    this.#isReading = false;
    this.#beyond.clear();
    this.#next = this.#acknowledged + 1;
  }

  /** The outbox has changed. */
  more(): void {
    this.#acknowledged = Math.max(this.#acknowledged, this.#source.first - 1);
    this.#next = Math.max(this.#next, this.#acknowledged + 1);
    if (this.#isStarting) return;
    this.#isStarting = true;
    while (this.#mayRead()) this.#readNext();
    this.#isStarting = false;
  }

  #mayRead(): boolean {
    if (!this.#isRunning || this.#isReading || this.#beyond.size >= this.#windowItems) return false;
    while (this.#next < this.#source.next && !this.#source.holds(this.#next)) this.#next += 1;
    this.#settle();
    return this.#next < this.#source.next;
  }

  #readNext(): void {
    const run = this.#run;
    const number = this.#next;
    this.#isReading = true;
    this.#source.read(number, (failure, item) => {
      if (run !== this.#run) return;
      this.#isReading = false;
      if (failure !== undefined) {
        this.#stop(failure);
        return;
      }
      if (number === this.#next) this.#next += 1;
      this.#beyond.set(number, false);
      if (item === undefined) this.#answered(run, number);
      else this.#publish(run, number, item);
      this.more();
    });
  }

  #publish(run: number, number: number, item: OutboxItem): void {
    this.#sent += 1;
    this.#handlers.publish(item, (failure) => {
      if (run !== this.#run) return;
      if (failure === undefined) {
        this.#answered(run, number);
        this.more();
      } else this.#stop(failure);
    });
  }

  #answered(run: number, number: number): void {
    if (run !== this.#run) return;
    this.#beyond.set(number, true);
    this.#settle();
  }

  /** Everything before the first that has no PUBACK is through, empty numbers included. */
  #settle(): void {
    for (const [number, isAnswered] of this.#beyond) {
      if (!isAnswered) break;
      this.#beyond.delete(number);
    }
    const [oldest] = this.#beyond.keys();
    const upTo = (oldest ?? this.#next) - 1;
    if (upTo <= this.#acknowledged) return;
    this.#acknowledged = upTo;
    this.#handlers.acknowledged(upTo);
  }

  #stop(failure: SkeinError): void {
    this.end();
    this.#handlers.stopped(isSkeinError(failure) ? failure : new SkeinError("broker-unreachable", String(failure)));
  }
}
