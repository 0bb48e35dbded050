// Virtual time: nothing happens between two events, so hours pass in milliseconds and a seed replays exactly. And the clock of
// one device in it, which is as wrong as real ones are: its crystal runs fast or slow, its wall clock is off, jumps, or wakes
// up in 1970, and its process may be suspended.

import { assert } from "../src/base/errors.ts";
import type { Clock, Timer, WallClock } from "../src/base/ports/clock.ts";
import { type Duration, type Instant, instant, milliseconds } from "../src/base/units.ts";
import { type Door, EventQueue, ScheduledEvent } from "./event-queue.ts";

/**
 * Told of each thing that passes a port, in order, by names: a timer that fires (device, name, `timer`), a message or an end
 * of a connection that arrives (from, to, topic or what it is), a write that is on disk (card, file, what).
 * `payload` is not to be changed, nor kept without a copy.
 */
export type TraceSink = (source: string, target: string, kind: string, payload?: Uint8Array) => void;

/** What the wall clocks of devices say that are right, when the world begins. */
export const worldEpoch = Date.UTC(2026, 0, 1);

/** The time that everything in one simulated world shares, and that no device knows. */
export class VirtualTime {
  /** Hears everything that passes a port; costs nothing while unset. */
  trace: TraceSink | undefined;
  readonly #queue = new EventQueue();
  #now = 0;
  #order = 0;

  get now(): Instant {
    return instant(this.#now);
  }

  /** Events that are still to come, without those that were cancelled. */
  get pending(): number {
    return this.#queue.size;
  }

  /** As `pending`, with the cancelled ones that are not swept out yet. */
  get heldInMemory(): number {
    return this.#queue.length;
  }

  schedule(delay: Duration, name: string, task: () => void, door?: Door): ScheduledEvent {
    return this.scheduleAt(instant(this.#now + delay), name, task, door);
  }

  /** Now, if `at` is past. Two that name the same instant keep their order, which two delays to it, rounded, need not. */
  scheduleAt(at: Instant, name: string, task: () => void, door?: Door): ScheduledEvent {
    const event = new ScheduledEvent(Math.max(this.#now, at), this.#order++, name, task, door);
    this.#queue.push(event);
    return event;
  }

  /** An event that its door kept back is due now; its door is asked again. */
  bringBack(event: ScheduledEvent): void {
    assert(event.queue === undefined, "an event that is kept back is not in the queue");
    if (event.isOver) return;
    event.at = this.#now;
    event.order = this.#order++;
    this.#queue.push(event);
  }

  /** Runs the next event; false when there is none up to `until`. */
  runNext(until: Instant): boolean {
    const event = this.#queue.takeUntil(until);
    if (event === undefined) return false;
    this.#now = event.at;
    event.happen();
    return true;
  }

  /** Runs everything that is due within `span`, then stands `span` later. */
  run(span: Duration): void {
    const until = instant(this.#now + span);
    while (this.runNext(until)) {
      // each event may schedule further ones
    }
    this.#now = until;
  }
}

export interface VirtualClockOptions {
  /** Of the device, in traces. */
  readonly name?: string;
  /** The device's: keeps its timers while the device is suspended. */
  readonly gate?: Door;
  /** Parts per million by which the crystal runs fast, or slow if negative: of `now`, of `after`, and of a wall clock that no source disciplines. */
  readonly driftPpm?: number;
  /** What `now` says at first; the true time if absent. A real one begins near 0 with each power-up. */
  readonly origin?: Instant;
  /** What the wall clock says at first, in milliseconds since 1970; the truth if absent. 0: it has no battery. */
  readonly wallStartsAt?: number;
  /** Whether the operating system says that a source disciplines the wall clock; it does, if absent. */
  readonly isSynchronized?: boolean;
}

/** Added where rounding would fire a timer too early: a nanosecond, which times up to 50 days can tell apart. */
const roundingGuard = 1e-6;

/** One life of one device's clock. After `stop`, as after a power cut, nothing that it scheduled happens. */
export class VirtualClock implements Clock, Door {
  readonly #time: VirtualTime;
  readonly #name: string;
  readonly #gate: Door | undefined;
  /** Local milliseconds in a true one. */
  readonly #rate: number;
  readonly #origin: number;
  /** `now` is the true time. */
  readonly #isTrue: boolean;
  readonly #begun: Instant;
  /** The wall clock said `#wallBase` when it was set last, at `#wallSetAt`. */
  #wallBase: number;
  #wallSetAt: Instant;
  #isSynchronized: boolean;
  #isStopped = false;

  /** A number: milliseconds since 1970 at the beginning of the world, as this clock sees it. */
  constructor(time: VirtualTime, options: VirtualClockOptions | number = {}) {
    const given = typeof options === "number" ? { wallStartsAt: options + time.now } : options;
    this.#time = time;
    this.#name = given.name ?? "";
    this.#gate = given.gate;
    this.#rate = 1 + (given.driftPpm ?? 0) / 1e6;
    this.#origin = given.origin ?? time.now;
    this.#begun = time.now;
    this.#isTrue = this.#rate === 1 && this.#origin === this.#begun;
    this.#wallBase = given.wallStartsAt ?? worldEpoch + time.now;
    this.#wallSetAt = time.now;
    this.#isSynchronized = given.isSynchronized ?? true;
  }

  now(): Instant {
    return instant(this.#localAt(this.#time.now));
  }

  wall(): WallClock {
    // A source that disciplines it takes the crystal's error out.
    const rate = this.#isSynchronized ? 1 : this.#rate;
    const time = this.#wallBase + (this.#time.now - this.#wallSetAt) * rate;
    return { time, synchronized: this.#isSynchronized };
  }

  after(delay: Duration, name: string, task: () => void): Timer {
    return this.#time.schedule(this.#trueDelay(delay), name, task, this);
  }

  soon(task: () => void): void {
    this.after(milliseconds(0), "soon", task);
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Of its timers. */
  opens(event: ScheduledEvent): boolean {
    if (this.#isStopped || this.#gate?.opens(event) === false) return false;
    this.#time.trace?.(this.#name, event.name, "timer");
    return true;
  }

  /** Somebody or something sets the wall clock forward, or back if negative. `now` and all timers know nothing of it. */
  jumpWall(by: Duration): void {
    this.#setWall(this.wall().time + by, this.#isSynchronized);
  }

  /** A time source sets the wall clock, `error` milliseconds off the truth, and disciplines it from now on. */
  synchronize(error: Duration = milliseconds(0)): void {
    this.#setWall(worldEpoch + this.#time.now + error, true);
  }

  /** What the operating system says of its wall clock; without a source it drifts on from where it is. */
  setSynchronized(isSynchronized: boolean): void {
    this.#setWall(this.wall().time, isSynchronized);
  }

  #setWall(time: number, isSynchronized: boolean): void {
    this.#wallBase = time;
    this.#wallSetAt = this.#time.now;
    this.#isSynchronized = isSynchronized;
  }

  #localAt(at: number): number {
    return this.#isTrue ? at : this.#origin + (at - this.#begun) * this.#rate;
  }

  #trueDelay(delay: Duration): Duration {
    if (this.#isTrue) return delay;
    const exact = delay / this.#rate;
    const isEarly = this.#localAt(this.#time.now + exact) < this.now() + delay;
    return milliseconds(isEarly ? exact + roundingGuard : exact);
  }
}
