// The stamps that one device gives: they never decrease, whatever becomes of the clock behind them (DESIGN §6).
//
// Behind it, they jump to it; ahead of it, they run at half its speed until it has caught up; more than 2 s ahead, none is given.

import { between, type Instant, type SiteTime, seconds, siteTime } from "../base/units.ts";

const tooFarAhead = seconds(2);

export class Stamps {
  #given: { readonly at: Instant; readonly time: SiteTime } | undefined;

  /** The last one, in this life or one before it. */
  get last(): SiteTime | undefined {
    return this.#given?.time;
  }

  /** What an earlier life of this device gave. */
  begin(now: Instant, last: SiteTime): void {
    if (this.#given === undefined || last > this.#given.time) this.#given = { at: now, time: last };
  }

  /** The stamp of something that happens now, when the site's clock shows `target`. */
  give(now: Instant, target: SiteTime): SiteTime | undefined {
    const last = this.#given;
    let time = target;
    if (last !== undefined && last.time > target) {
      if (between(target, last.time) > tooFarAhead) return undefined;
      time = siteTime(Math.floor(last.time + between(last.at, now) / 2));
    }
    if (last !== undefined && time <= last.time) return last.time;
    this.#given = { at: now, time };
    return time;
  }
}
