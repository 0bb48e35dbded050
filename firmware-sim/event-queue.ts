// The queue of everything that is still to happen in a simulated world: a binary heap by time, ties in the order of scheduling.
//
// Devices set and cancel timers all the time. A cancelled one stays in the heap, which is cheap, until half of the heap are
// such; then all of them are swept out at once. So the heap is never more than twice as large as what is still to happen.

import type { Timer } from "../src/base/ports/clock.ts";

/** Stands before what happens to one device. */
export interface Door {
  /** Asked when `event` is due: false when it does not happen now, nor ever unless the door brings it back. */
  opens(event: ScheduledEvent): boolean;
}

export class ScheduledEvent implements Timer {
  readonly name: string;
  readonly door: Door | undefined;
  at: number;
  order: number;
  /** That it waits in now. */
  queue: EventQueue | undefined;
  #task: (() => void) | undefined;

  constructor(at: number, order: number, name: string, task: () => void, door: Door | undefined) {
    this.at = at;
    this.order = order;
    this.name = name;
    this.door = door;
    this.#task = task;
  }

  /** It has happened, or was cancelled. */
  get isOver(): boolean {
    return this.#task === undefined;
  }

  cancel(): void {
    if (this.#task === undefined) return;
    this.#task = undefined;
    this.queue?.cancelledOne();
  }

  /** Happens now, unless its door is closed; once. */
  happen(): void {
    if (this.#task === undefined || this.door?.opens(this) === false) return;
    const task = this.#task;
    this.#task = undefined;
    task();
  }
}

/** Below, sweeping is not worth while. */
const sweptSizeMin = 64;

export class EventQueue {
  #heap: ScheduledEvent[] = [];
  #cancelled = 0;

  /** Without those that were cancelled. */
  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  /** Cancelled ones included: what the queue takes in memory. */
  get length(): number {
    return this.#heap.length;
  }

  push(event: ScheduledEvent): void {
    event.queue = this;
    this.#rise(this.#heap.push(event) - 1, event);
  }

  /** The next event that was not cancelled, if it is due by `until`. */
  takeUntil(until: number): ScheduledEvent | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return undefined;
      if (first.isOver) this.#cancelled -= 1;
      else if (first.at > until) return undefined;
      this.#removeFirst();
      first.queue = undefined;
      if (!first.isOver) return first;
    }
  }

  /** By one of its events. */
  cancelledOne(): void {
    this.#cancelled += 1;
    if (this.#heap.length >= sweptSizeMin && this.#cancelled * 2 > this.#heap.length) this.#sweep();
  }

  #sweep(): void {
    this.#heap = this.#heap.filter(({ isOver }) => !isOver);
    this.#cancelled = 0;
    // Whatever shape the heap has, what leaves it is ordered by time and order alone.
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i--) this.#sink(i, this.#heap[i] as ScheduledEvent);
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) this.#sink(0, last);
  }

  #rise(from: number, event: ScheduledEvent): void {
    const heap = this.#heap;
    let child = from;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const above = heap[parent] as ScheduledEvent;
      if (isBefore(above, event)) break;
      heap[child] = above;
      child = parent;
    }
    heap[child] = event;
  }

  #sink(from: number, event: ScheduledEvent): void {
    const heap = this.#heap;
    const { length } = heap;
    let parent = from;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= length) break;
      const right = child + 1;
      if (right < length && isBefore(heap[right] as ScheduledEvent, heap[child] as ScheduledEvent)) child = right;
      const below = heap[child] as ScheduledEvent;
      if (isBefore(event, below)) break;
      heap[parent] = below;
      parent = child;
    }
    heap[parent] = event;
  }
}

function isBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
