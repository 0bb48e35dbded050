// Numbers with a unit in their type, so that a duration is never added to a clock reading by accident.

declare const unit: unique symbol;
type Unit<Name extends string> = number & { readonly [unit]: Name };

/** A span of time, in milliseconds. */
export type Duration = Unit<"duration">;
/** A reading of this process's monotonic clock, in milliseconds; its origin means nothing. */
export type Instant = Unit<"instant">;
/** Site time: milliseconds since 1970 as the site agrees on them (DESIGN §6). Never a device's own wall clock. */
export type SiteTime = Unit<"site-time">;
/** A Raft term; 0 before the first election. */
export type Term = Unit<"term">;
/** A position in the replicated log; the first entry is 1, and 0 is "before the first". */
export type LogIndex = Unit<"log-index">;

export const milliseconds = (count: number): Duration => count as Duration;
export const seconds = (count: number): Duration => (count * 1000) as Duration;
export const minutes = (count: number): Duration => (count * 60_000) as Duration;
export const hours = (count: number): Duration => (count * 3_600_000) as Duration;
export const days = (count: number): Duration => (count * 86_400_000) as Duration;

export const instant = (value: number): Instant => value as Instant;
export const siteTime = (value: number): SiteTime => value as SiteTime;
export const term = (value: number): Term => value as Term;
export const logIndex = (value: number): LogIndex => value as LogIndex;

/** `at` moved by `by`, on the same clock. */
export function shift<T extends Instant | SiteTime>(at: T, by: Duration): T {
  return (at + by) as T;
}

/** From `start` to `end` on one clock; negative when `end` is earlier. */
export function between<T extends Instant | SiteTime>(start: T, end: T): Duration {
  return (end - start) as Duration;
}

/** The index `count` places after `index`. */
export function offset(index: LogIndex, count: number): LogIndex {
  return (index + count) as LogIndex;
}
