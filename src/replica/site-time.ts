// Site time on one device (DESIGN §6).
//
// A Pi has no clock chip; after a power cut it may believe it is 1970. So the site keeps its own time: the coordinator's clock,
// which begins where a majority takes it to be and never behind what the log carries; followed from its heartbeats. Nothing
// here looks at a wall clock, save that of whoever founds a site; what wall clocks say goes through the log. Elections never
// ask any of it.

import type { MemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { LogIndex, SiteTime } from "../base/units.ts";
import type { TimeIdea, Voters } from "../raft/types.ts";
import { isVoter } from "../raft/voters.ts";
import type { TimeFacts } from "../site/time-table.ts";
import { HeardTime, type RoundTrip } from "./heard-time.ts";
import { FirstIdeas, LeadingClock, wholeTime } from "./leading-time.ts";
import { Stamps } from "./stamps.ts";

/** What only a coordinator has. */
interface Leading {
  readonly ideas: FirstIdeas;
  voters: Voters;
  /** Undefined until a majority has said what time it is. */
  clock: LeadingClock | undefined;
  /** Nobody of that majority has kept time. */
  isLost: boolean;
  /** A jump that was applied before the clock ran, as site − local. */
  jumpedTo: number;
}

export class SiteClock {
  readonly #clock: Clock;
  readonly #heard = new HeardTime();
  readonly #stamps = new Stamps();
  /** `site − local` when an entry came that is not applied yet: a jump that it makes counts from there. */
  readonly #arrivals = new Map<LogIndex, number>();
  #floor: SiteTime;
  #facts: TimeFacts;
  #leading: Leading | undefined;

  constructor(clock: Clock, floor: SiteTime, facts: TimeFacts) {
    this.#clock = clock;
    this.#floor = floor;
    this.#facts = facts;
  }

  /** The site's time as far as this device knows it; undefined before it has heard a coordinator or is one. */
  now(): SiteTime | undefined {
    if (this.#leading !== undefined && this.#leading.clock === undefined) return undefined;
    return this.#estimate();
  }

  /** What the log says: false until sources were adopted, and after the time was lost. */
  get isSynced(): boolean {
    return this.#facts.isSynced;
  }

  /** The largest time that the log has carried. */
  get floor(): SiteTime {
    return this.#floor;
  }

  /** This coordinator's clock cannot run before the log says that the time was lost. */
  get hasLostTime(): boolean {
    return this.#leading?.isLost ?? false;
  }

  /** For new log entries: until a coordinator knows more, what the log has reached. */
  forEntry(): SiteTime {
    return this.#leading?.clock === undefined ? this.#floor : (this.#estimate() ?? this.#floor);
  }

  /** For a coordinator's appends; 0: it does not know yet, or does not lead. */
  announced(): SiteTime {
    return this.#leading?.clock === undefined ? wholeTime(0) : this.forEntry();
  }

  /** For acknowledgements. */
  idea(): TimeIdea {
    const estimate = this.#estimate();
    if (estimate !== undefined) return { time: estimate, isKept: true };
    return { time: wholeTime(Math.max(this.#floor, this.#stamps.last ?? 0)), isKept: false };
  }

  /** The instant that a reading taken now bears; undefined while there is no time, or this clock is too far ahead. */
  stamp(): SiteTime | undefined {
    const target = this.#estimate();
    return target === undefined ? undefined : this.#stamps.give(this.#clock.now(), target);
  }

  /** The last stamp on this device's card: none before it is given any more. */
  stamped(last: SiteTime): void {
    this.#stamps.begin(this.#clock.now(), last);
  }

  /** A coordinator's append said `time`. */
  heard(time: SiteTime): void {
    if (time !== 0 && this.#leading === undefined) this.#heard.heard(this.#clock.now(), time);
  }

  /** The coordinator of this term answered a question for its time. */
  measured(trip: RoundTrip): void {
    if (this.#leading === undefined) this.#heard.measured(trip);
  }

  /** An entry that carries `time` was appended here: no coordinator's clock may be behind it. */
  arrived(index: LogIndex, time: SiteTime): void {
    this.passed(time);
    this.#arrivals.set(index, time - this.#clock.now());
    if (this.#arrivals.size <= limits.entryArrivals) return;
    for (const oldest of this.#arrivals.keys()) {
      this.#arrivals.delete(oldest);
      break;
    }
  }

  /** The entry was applied; `floor` and `facts` are the state's since then. */
  applied(index: LogIndex, floor: SiteTime, facts: TimeFacts): void {
    const arrival = this.#arrivals.get(index);
    this.#arrivals.delete(index);
    this.passed(floor);
    if (facts === this.#facts) return;
    this.#facts = facts;
    const jump = facts.jumps.at(-1);
    if (jump?.index === index) this.#jump((arrival ?? jump.at - this.#clock.now()) + jump.by);
    this.#begin();
  }

  /** A snapshot took the state's place. */
  replaced(floor: SiteTime, facts: TimeFacts): void {
    this.passed(floor);
    this.#facts = facts;
    this.#begin();
  }

  passed(time: SiteTime): void {
    if (time > this.#floor) this.#floor = time;
  }

  /** This device was elected by `voters`. Its own idea is the first. */
  lead(self: MemberKey, voters: Voters): void {
    if (this.#leading !== undefined) return;
    const idea = this.idea();
    this.#leading = {
      ideas: new FirstIdeas(),
      voters,
      clock: undefined,
      isLost: false,
      jumpedTo: Number.NEGATIVE_INFINITY,
    };
    this.acknowledged(self, idea, voters);
  }

  /** A voter's acknowledgement in the own term; others say nothing. Only the first of each counts, and none once the clock runs. */
  acknowledged(from: MemberKey, idea: TimeIdea, voters: Voters): void {
    const leading = this.#leading;
    if (leading === undefined || leading.clock !== undefined || !isVoter(voters, from)) return;
    leading.voters = voters;
    leading.ideas.add(this.#clock.now(), from, idea);
    this.#begin();
  }

  /** Another one leads, or nobody. */
  follow(): void {
    const leading = this.#leading;
    this.#leading = undefined;
    const now = this.#clock.now();
    if (leading?.clock === undefined) this.#heard.beginTerm();
    else this.#heard.goOn(leading.clock.at(now) - now);
  }

  /** As coordinator: runs faster (or slower) than the own clock by this share, at most 500 ppm. */
  steer(slew: number): void {
    this.#leading?.clock?.steer(this.#clock.now(), slew);
  }

  #estimate(): SiteTime | undefined {
    const now = this.#clock.now();
    const clock = this.#leading?.clock;
    if (clock !== undefined) return wholeTime(Math.max(this.#floor, clock.at(now)));
    const { offset } = this.#heard;
    return offset === undefined ? undefined : wholeTime(Math.max(this.#floor, now + offset));
  }

  #jump(offset: number): void {
    const leading = this.#leading;
    if (leading === undefined) this.#heard.reached(offset);
    else if (leading.clock === undefined) leading.jumpedTo = offset;
    else leading.clock.jump(this.#clock.now(), offset);
  }

  /** The coordinator's clock begins to run as soon as it is known where, and the log is right about that. */
  #begin(): void {
    const leading = this.#leading;
    if (leading === undefined || leading.clock !== undefined) return;
    const agreed = leading.ideas.agreed(leading.voters);
    if (agreed.kind === "waiting") return;
    leading.isLost = !agreed.isKept && this.#facts.isSynced;
    if (leading.isLost) return;
    const now = this.#clock.now();
    const time = wholeTime(Math.max(this.#floor, now + agreed.offset, now + leading.jumpedTo));
    // Nothing was ever known: this device founds the site, and its own clock is all there is.
    leading.clock = new LeadingClock(now, time > 0 ? time : wholeTime(this.#clock.wall().time));
  }
}
