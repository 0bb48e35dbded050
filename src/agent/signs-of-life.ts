// Whether a member lives whose place another one wants.
//
// Problem: learners say nothing for minutes, and a single question or its answer may be lost (QoS 0); then a copy would take the
// place of a living device. Idea: ask again and again, and take for silence only what outlasts all questions. Whatever was heard
// before the first question says nothing of now.

import type { MemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import { between, type Instant, milliseconds, minutes } from "../base/units.ts";

export interface SignsOfLifeDoor {
  /** When a frame of this very incarnation was last heard. */
  lastHeard(member: MemberKey): Instant | undefined;
  /** Asks it for a sign of life. */
  probe(member: MemberKey): void;
}

interface Inquiry {
  readonly since: Instant;
  questions: number;
  /** When the newest question was asked. */
  askedAt: Instant;
}

/** Where Wi-Fi loses half of what is sent in each direction, all of them are lost once in a hundred times. */
const questionsMax = 16;
const askEvery = milliseconds(250);
/** How long the last question has for its answer. */
const answerWithin = milliseconds(1500);
/** How long, from the first question on, silence counts. */
const silenceCounts = minutes(1);

export class SignsOfLife {
  readonly #clock: Clock;
  readonly #door: SignsOfLifeDoor;
  /** Oldest first. */
  readonly #inquiries = new Map<MemberKey, Inquiry>();
  #timer: Timer | undefined;

  constructor(clock: Clock, door: SignsOfLifeDoor) {
    this.#clock = clock;
    this.#door = door;
  }

  /** `unknown`: it is being asked. Whoever found it alive must ask again to know it for later. */
  of(member: MemberKey): "alive" | "silent" | "unknown" {
    const now = this.#clock.now();
    const inquiry = this.#inquiries.get(member);
    if (inquiry === undefined || between(inquiry.since, now) >= silenceCounts) {
      this.#begin(member, now);
      return "unknown";
    }
    if (this.#isHeard(member, inquiry)) {
      this.#begin(member, now);
      return "alive";
    }
    const isOver = inquiry.questions >= questionsMax && between(inquiry.askedAt, now) >= answerWithin;
    return isOver ? "silent" : "unknown";
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#inquiries.clear();
  }

  #begin(member: MemberKey, now: Instant): void {
    this.#inquiries.delete(member);
    for (const oldest of this.#inquiries.keys()) {
      if (this.#inquiries.size < limits.members) break;
      this.#inquiries.delete(oldest);
    }
    this.#inquiries.set(member, { since: now, questions: 1, askedAt: now });
    this.#door.probe(member);
    this.#timer ??= this.#clock.after(askEvery, "signs of life", () => this.#askAgain());
  }

  #askAgain(): void {
    this.#timer = undefined;
    let isAsking = false;
    for (const [member, inquiry] of this.#inquiries) {
      if (inquiry.questions >= questionsMax || this.#isHeard(member, inquiry)) continue;
      inquiry.questions += 1;
      inquiry.askedAt = this.#clock.now();
      this.#door.probe(member);
      isAsking = true;
    }
    if (isAsking) this.#timer = this.#clock.after(askEvery, "signs of life", () => this.#askAgain());
  }

  #isHeard(member: MemberKey, { since }: Inquiry): boolean {
    const heard = this.#door.lastHeard(member);
    return heard !== undefined && heard > since;
  }
}
