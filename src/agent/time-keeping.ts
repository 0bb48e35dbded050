// What a device does for the site's time beside following it (DESIGN §6).
//
// As any device: it asks the coordinator for the time when there is a new one and about every 15 minutes, which measures the way
// between them, and says by the way what its own wall clock thinks, if its system says that a source disciplines it. As
// coordinator: it judges those clocks, has the log adopt or drop them, and runs its own a little faster or slower by them.

import { type DeviceId, type MemberKey, memberOf } from "../base/ids.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Logger } from "../base/ports/logger.ts";
import type { Random } from "../base/ports/random.ts";
import {
  type Duration,
  type Instant,
  type LogIndex,
  logIndex,
  milliseconds,
  minutes,
  seconds,
  shift,
} from "../base/units.ts";
import type { TimeAnswerMessage, TimeQuestionMessage } from "../mqtt/time-codec.ts";
import type { Replica } from "../replica/replica.ts";
import type { SiteClock } from "../replica/site-time.ts";
import { type SourceView, TimeSources } from "../replica/time-sources.ts";
import type { TimeChange, Touched } from "../site/types.ts";
import { reportTime, type TimeReport } from "./time-report.ts";

export interface TimeDoor {
  say(to: MemberKey, message: TimeQuestionMessage | TimeAnswerMessage): void;
  /** Stamps may be given from now on. */
  hasTime(): void;
  /** A clock source that a person should look at. */
  suspects(text: string): void;
}

const lookInterval = seconds(5);
const askInterval = minutes(15);
/** A source has to show that it stands. */
const uncertainAskInterval = minutes(1);
/** A new coordinator is not asked by all in one moment. */
const askSpread = seconds(2);
const retryMin = seconds(10);

export class TimeKeeping {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #self: MemberKey;
  readonly #replica: Replica;
  readonly #siteClock: SiteClock;
  readonly #door: TimeDoor;
  readonly #book = new TimeSources();
  #sources: readonly SourceView[] = [];
  #timer: Timer | undefined;
  #leader: MemberKey | undefined;
  #request: number;
  #asked: { readonly request: number; readonly at: Instant } | undefined;
  #askAt: Instant;
  #retry: Duration = retryMin;
  /** What was said of the own wall clock last. */
  #saidSynchronized = false;
  #jump: LogIndex;
  #isProposing = false;

  constructor(
    ports: { readonly clock: Clock; readonly random: Random; readonly logger: Logger },
    parts: { readonly self: MemberKey; readonly replica: Replica; readonly siteClock: SiteClock },
    door: TimeDoor,
  ) {
    this.#clock = ports.clock;
    this.#random = ports.random;
    this.#logger = ports.logger;
    this.#self = parts.self;
    this.#replica = parts.replica;
    this.#siteClock = parts.siteClock;
    this.#door = door;
    this.#request = Math.floor(ports.random.fraction() * 2 ** 47);
    this.#askAt = ports.clock.now();
    this.#jump = this.#newestJump();
  }

  start(): void {
    this.#arm(this.#random.fraction() * lookInterval);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Somebody else leads, or this device does, or nobody. */
  roleChanged(): void {
    const { leader } = this.#replica.role;
    if (leader === this.#leader) return;
    this.#leader = leader;
    this.#forget();
  }

  /** This device may act as coordinator, or anything else has changed. */
  look(): void {
    if (this.#replica.isLeader) this.#keep();
    else this.#askIfDue();
    this.#door.hasTime();
  }

  applied(touched: ReadonlySet<Touched>): void {
    if (!touched.has("time")) return;
    const jump = this.#newestJump();
    if (jump !== this.#jump) {
      this.#jump = jump;
      this.#forget();
    }
    this.#door.hasTime();
  }

  received(from: MemberKey, message: TimeQuestionMessage | TimeAnswerMessage): void {
    if (message.kind === "time-question") this.#question(from, message);
    else this.#answer(from, message);
  }

  report(): TimeReport {
    const sources = this.#replica.isLeader ? this.#sources : undefined;
    return reportTime(this.#siteClock.now(), this.#replica.state.time, sources);
  }

  #question(from: MemberKey, { request, jump, wall }: TimeQuestionMessage): void {
    const siteTime = this.#siteClock.announced();
    if (siteTime === 0 || !this.#replica.isLeader) return;
    this.#door.say(from, { kind: "time-answer", request, siteTime });
    const { device } = memberOf(from);
    if (jump === this.#jump && this.#replica.state.members.has(device))
      this.#book.heard(device, wall, { now: this.#clock.now(), site: siteTime });
  }

  #answer(from: MemberKey, { request, siteTime }: TimeAnswerMessage): void {
    if (from !== this.#replica.role.leader || request !== this.#asked?.request) return;
    this.#siteClock.measured({ asked: this.#asked.at, answered: this.#clock.now(), time: siteTime });
    this.#asked = undefined;
    this.#retry = retryMin;
    const isStanding = this.#saidSynchronized && !this.#siteClock.isSynced;
    const pause = (isStanding ? uncertainAskInterval : askInterval) * (0.9 + 0.1 * this.#random.fraction());
    this.#askAt = shift(this.#clock.now(), milliseconds(pause));
  }

  #forget(): void {
    this.#book.clear();
    this.#sources = [];
    this.#asked = undefined;
    this.#retry = retryMin;
    this.#askAt = shift(this.#clock.now(), milliseconds(this.#random.fraction() * askSpread));
  }

  #arm(delay: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(milliseconds(delay), "site time", () => {
      this.#arm(lookInterval);
      this.look();
    });
  }

  #askIfDue(): void {
    const { leader } = this.#replica.role;
    if (leader === undefined) return;
    const now = this.#clock.now();
    const isNews = this.#clock.wall().synchronized !== this.#saidSynchronized;
    if (now < this.#askAt && !(isNews && this.#asked === undefined)) return;
    const wall = this.#wallOffset();
    this.#saidSynchronized = wall !== undefined;
    this.#request += 1;
    this.#asked = { request: this.#request, at: now };
    this.#askAt = shift(now, this.#retry);
    this.#retry = milliseconds(Math.min(askInterval, 2 * this.#retry));
    this.#door.say(leader, { kind: "time-question", request: this.#request, jump: this.#jump, wall });
  }

  /** How far the own wall clock is ahead of site time; undefined: nothing disciplines it, or there is no site time yet. */
  #wallOffset(): Duration | undefined {
    const wall = this.#clock.wall();
    const site = this.#siteClock.now();
    return wall.synchronized && site !== undefined ? milliseconds(Math.round(wall.time - site)) : undefined;
  }

  #keep(): void {
    const { state } = this.#replica;
    if (state.generation === undefined || !this.#replica.status().hasAuthority) return;
    if (this.#siteClock.hasLostTime) {
      this.#propose({ kind: "lost" });
      return;
    }
    const site = this.#siteClock.now();
    if (site === undefined) return;
    const now = this.#clock.now();
    const { device } = memberOf(this.#self);
    this.#book.heard(device, this.#wallOffset(), { now, site });
    const { sources, adopt, slew } = this.#book.judge(now, site, state.time);
    this.#sources = sources;
    this.#siteClock.steer(slew);
    if (adopt !== undefined) this.#propose({ kind: "adopt", ...adopt });
    if (state.time.isSynced) this.#nameSuspects(sources);
  }

  #propose(change: TimeChange): void {
    if (this.#isProposing) return;
    this.#isProposing = true;
    const after = this.#replica.state.time.changes;
    this.#replica.propose({ kind: "time", after, change }, (result) => {
      this.#isProposing = false;
      if (result.kind === "refused") this.#logger.warn({ change, ...result }, "the site refused a change of its time");
    });
  }

  #nameSuspects(sources: readonly SourceView[]): void {
    const suspects: readonly DeviceId[] = sources.filter(({ isAgreeing }) => !isAgreeing).map(({ device }) => device);
    if (suspects.length === 0) return;
    const whose = suspects.length === 1 ? `the clock of ${suspects[0]} is` : `the clocks of ${suspects.join(", ")} are`;
    this.#door.suspects(
      `${whose} synchronised, as the system says, and differs from site time: ignored; see skein time`,
    );
  }

  #newestJump(): LogIndex {
    return this.#replica.state.time.jumps.at(-1)?.index ?? logIndex(0);
  }
}
