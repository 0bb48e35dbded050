import type { Duration, Instant } from "../units.ts";

/** What a device's own wall clock says; trusted only when `synchronized`. */
export interface WallClock {
  /** Milliseconds since 1970 as the operating system believes. */
  readonly time: number;
  /** The operating system says that a time source disciplines this clock. */
  readonly synchronized: boolean;
}

export interface Timer {
  /** Nothing happens when it has fired or was cancelled before. */
  cancel(): void;
}

/** The only door to time. */
export interface Clock {
  /** Monotonic; never goes back, whatever happens to the wall clock. Fractions of a millisecond are allowed. */
  now(): Instant;
  wall(): WallClock;
  /** Runs `task` once, at least `delay` from now. `name` shows in traces. */
  after(delay: Duration, name: string, task: () => void): Timer;
  /** Runs `task` once the events that are ready now have been handled; in order of calling. */
  soon(task: () => void): void;
}
