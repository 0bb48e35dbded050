// Site time in its simple form (DESIGN §6): the coordinator's clock, heard with each append, with a floor that the log carries.
//
// A Pi has no clock chip; after a power cut it may believe it is 1970. So the site keeps its own time, and elections never
// ask it. On each device the given stamps never decrease: behind, the clock jumps; ahead, it runs at half speed; more than
// 2 s ahead, it gives none.

import type { Clock } from "../base/ports/clock.ts";
import { between, type Instant, type SiteTime, seconds, siteTime } from "../base/units.ts";

/** Heartbeats whose offsets are remembered: the largest of the recent ones had the shortest way. */
const rememberedOffsets = 32;
const tooFarAhead = seconds(2);

interface Given {
  readonly at: Instant;
  readonly time: SiteTime;
}

export class SiteClock {
  readonly #clock: Clock;
  /** `site − local`, newest last. */
  #offsets: number[] = [];
  /** Of `#offsets`; asked for with every event, and they change with every append only. */
  #largest: number | undefined;
  #floor: SiteTime;
  #given: Given | undefined;
  #leads = false;
  #isSynced = false;

  constructor(clock: Clock, floor: SiteTime) {
    this.#clock = clock;
    this.#floor = floor;
  }

  /** The site's time as far as this device knows it; undefined before it has heard a coordinator or is one. */
  now(): SiteTime | undefined {
    if (this.#largest === undefined) return undefined;
    if (this.#leads) this.#followWallClock();
    return siteTime(Math.max(this.#floor, Math.floor(this.#clock.now() + this.#largest)));
  }

  /** False until a coordinator whose wall clock is disciplined by a source has set this time. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** For new log entries: 0 when there is no time yet. */
  forEntry(): SiteTime {
    return this.now() ?? siteTime(0);
  }

  /** The instant that a reading taken now bears; undefined while there is no time, or this clock is too far ahead. */
  stamp(): SiteTime | undefined {
    const target = this.now();
    if (target === undefined) return undefined;
    const now = this.#clock.now();
    const last = this.#given;
    let time = target;
    if (last !== undefined && last.time > target) {
      if (between(target, last.time) > tooFarAhead) return undefined;
      time = siteTime(Math.floor(last.time + between(last.at, now) / 2));
    }
    if (last === undefined || time > last.time) this.#given = { at: now, time };
    return last === undefined || time > last.time ? time : last.time;
  }

  /** A coordinator's append said `time`. */
  heard(time: SiteTime): void {
    if (time === 0 || this.#leads) return;
    this.#offsets.push(time - this.#clock.now());
    if (this.#offsets.length > rememberedOffsets) this.#offsets.shift();
    this.#largest = Math.max(...this.#offsets);
  }

  /** A log entry carries `time`: no coordinator's clock may be behind it. */
  passed(time: SiteTime): void {
    if (time > this.#floor) this.#floor = time;
  }

  /** The largest time that the log has carried. */
  get floor(): SiteTime {
    return this.#floor;
  }

  /** A new coordinator goes on from what it heard, never from behind the floor; knowing nothing, from its wall clock. */
  lead(): void {
    if (this.#leads) return;
    this.#leads = true;
    const wall = this.#clock.wall();
    const own = this.now() ?? siteTime(wall.time);
    this.#isSynced = wall.synchronized;
    this.#set(siteTime(Math.max(own, this.#floor, wall.synchronized ? wall.time : 0)));
  }

  /** Another one leads in a new term: its clock counts from now on. */
  follow(): void {
    this.#leads = false;
    this.#offsets = this.#largest === undefined ? [] : [this.#largest];
  }

  /** Once, when its wall clock is first disciplined by a source, and only forward. */
  #followWallClock(): void {
    if (this.#isSynced) return;
    const wall = this.#clock.wall();
    if (!wall.synchronized) return;
    this.#isSynced = true;
    const present = this.#clock.now() + (this.#largest ?? 0);
    if (wall.time > present) this.#set(siteTime(wall.time));
  }

  #set(time: SiteTime): void {
    this.#largest = time - this.#clock.now();
    this.#offsets = [this.#largest];
  }
}
