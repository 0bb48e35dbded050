// A coordinator's clock (DESIGN §6): it begins with what the voters take site time for, and runs on by the own monotonic clock.
//
// Problem: who is elected may have the wrong idea, or none, of what time it is. Idea: it asks those whose votes it needed anyway.
// Their first acknowledgements in its term bring their ideas, and the lower median of a majority's counts: one that is wrong
// cannot carry, least of all forward, from where there is no way back. Until then it knows no time. Voters that have kept no
// time since they started are not asked if one that has is there; if nobody has, time goes on from what the log reached, which
// may be days behind: the log must say that before this clock runs.

import type { MemberKey } from "../base/ids.ts";
import { between, type Instant, instant, type SiteTime, siteTime } from "../base/units.ts";
import type { TimeIdea, Voters } from "../raft/types.ts";
import { hasMajority, isVoter } from "../raft/voters.ts";

/** How much faster or slower than the own clock site time may run: 500 ppm. */
const slewMax = 500e-6;

export interface FirstIdea {
  readonly offset: number;
  readonly isKept: boolean;
}

export type Beginning =
  /** No majority has spoken yet. */
  | { readonly kind: "waiting" }
  /** `offset`: site − local. */
  | { readonly kind: "agreed"; readonly offset: number; readonly isKept: boolean };

/** Ideas of site time, the first of each voter in one term. */
export class FirstIdeas {
  readonly #ideas = new Map<MemberKey, FirstIdea>();

  add(now: Instant, from: MemberKey, { time, isKept }: TimeIdea): void {
    if (!this.#ideas.has(from)) this.#ideas.set(from, { offset: time - now, isKept });
  }

  /** As counted by `voters`. */
  agreed(voters: Voters): Beginning {
    if (!hasMajority(voters, (voter) => this.#ideas.has(voter))) return { kind: "waiting" };
    const asked = [...this.#ideas].filter(([member]) => isVoter(voters, member)).map(([, idea]) => idea);
    const kept = asked.filter(({ isKept }) => isKept);
    const counting = kept.length > 0 ? kept : asked;
    return { kind: "agreed", offset: lowerMedian(counting.map(({ offset }) => offset)), isKept: kept.length > 0 };
  }
}

/** Of an even number the lower of the two in the middle. Of none: 0. */
export function lowerMedian(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

/** Runs from `time` on by the own clock, faster or slower by at most 500 ppm. */
export class LeadingClock {
  #since: Instant;
  #time: number;
  #slew = 0;

  constructor(now: Instant, time: SiteTime) {
    this.#since = now;
    this.#time = time;
  }

  /** Fractions of a millisecond included. */
  at(now: Instant): number {
    return this.#time + between(this.#since, now) * (1 + this.#slew);
  }

  /** `slew` 0.0001: 100 ppm faster than the own clock. */
  steer(now: Instant, slew: number): void {
    this.#begin(now, this.at(now));
    this.#slew = Math.min(slewMax, Math.max(-slewMax, slew));
  }

  /** Never backwards. */
  jump(now: Instant, offset: number): void {
    this.#begin(now, Math.max(this.at(now), now + offset));
  }

  #begin(now: Instant, time: number): void {
    this.#since = instant(now);
    this.#time = time;
  }
}

export const wholeTime = (time: number): SiteTime => siteTime(Math.max(0, Math.floor(time)));
