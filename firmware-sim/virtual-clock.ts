// Virtual time: an event queue. Nothing happens between two events, so hours pass in milliseconds and a seed replays exactly.
// Ties are decided by the order of scheduling, never by chance.

import type { Clock, Timer, WallClock } from "../src/base/ports/clock.ts";
import { type Duration, type Instant, instant, milliseconds } from "../src/base/units.ts";

interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly name: string;
  task: (() => void) | undefined;
}

/** The queue that everything in one simulated world shares. */
export class VirtualTime {
  #now = 0;
  #order = 0;
  readonly #heap: Scheduled[] = [];

  get now(): Instant {
    return instant(this.#now);
  }

  /** Events that are still to come, cancelled ones included. */
  get pending(): number {
    return this.#heap.length;
  }

  schedule(delay: Duration, name: string, task: () => void): Timer {
    const event: Scheduled = { at: this.#now + Math.max(0, delay), order: this.#order++, name, task };
    this.#push(event);
    return {
      cancel: () => {
        event.task = undefined;
      },
    };
  }

  /** Runs the next event; false when there is none up to `until`. */
  runNext(until: Instant): boolean {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.at > until) return false;
      this.#pop();
      const { task } = first;
      if (task === undefined) continue;
      this.#now = first.at;
      first.task = undefined;
      task();
      return true;
    }
  }

  /** Runs everything that is due within `span`, then stands `span` later. */
  run(span: Duration): void {
    const until = instant(this.#now + span);
    while (this.runNext(until)) {
      // each event may schedule further ones
    }
    this.#now = until;
  }

  #push(event: Scheduled): void {
    const heap = this.#heap;
    let child = heap.push(event) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (isBefore(heap[parent], event)) break;
      heap[child] = heap[parent] as Scheduled;
      child = parent;
    }
    heap[child] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= heap.length) break;
      if (isBefore(heap[child + 1], heap[child] as Scheduled)) child += 1;
      if (isBefore(last, heap[child] as Scheduled)) break;
      heap[parent] = heap[child] as Scheduled;
      parent = child;
    }
    heap[parent] = last;
  }
}

function isBefore(a: Scheduled | undefined, b: Scheduled): boolean {
  return a !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order));
}

/** One device's clock in the virtual world. After `stop`, as after a power cut, nothing that it scheduled happens. */
export class VirtualClock implements Clock {
  readonly #time: VirtualTime;
  readonly #wallOffset: number;
  #isStopped = false;

  constructor(time: VirtualTime, wallOffset = Date.UTC(2026, 0, 1)) {
    this.#time = time;
    this.#wallOffset = wallOffset;
  }

  now(): Instant {
    return this.#time.now;
  }

  wall(): WallClock {
    return { time: this.#wallOffset + this.#time.now, synchronized: true };
  }

  after(delay: Duration, name: string, task: () => void): Timer {
    return this.#time.schedule(delay, name, () => {
      if (!this.#isStopped) task();
    });
  }

  soon(task: () => void): void {
    this.after(milliseconds(0), "soon", task);
  }

  stop(): void {
    this.#isStopped = true;
  }
}
