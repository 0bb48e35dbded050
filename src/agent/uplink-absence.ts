// When a coordinator without uplink should let another voter try (DESIGN §9), and when not yet again.
//
// Problem: only the coordinator dials the uplink, so nobody knows which voter would reach it; and where none does, the site
// must not rotate its coordinator for ever. Idea: every device sees in its own copy of the log that the cursor stands still
// while items wait, and measures since when, by its own monotonic clock. A coordinator waits as long again as several times
// the absence that it found when it began: 30 s, 2 min, 10 min, 50 min, then an hour. So the damping survives every hand-over
// without a word on the wire, and a device that was restarted is at worst one try too early.

import { between, type Duration, type Instant, minutes, seconds } from "../base/units.ts";
import type { SiteState } from "../site/state.ts";

const firstWait = seconds(30);
const longestWait = minutes(60);
const growth = 4;

export class UplinkAbsence {
  #cursor = 0;
  #since: Instant | undefined;

  /** The outbox has changed; `isSent`: because items reached the uplink, and not because others took their place. */
  look(
    { cursor, outbox }: Pick<SiteState, "cursor"> & { outbox: { first: number; next: number } },
    now: Instant,
    isSent: boolean,
  ): void {
    if (outbox.first === outbox.next) this.#since = undefined;
    else if (this.#since === undefined || (isSent && cursor !== this.#cursor)) this.#since = now;
    this.#cursor = cursor;
  }

  /** `from`: when this coordinator began, or let somebody try last. */
  isHandOverDue(from: Instant, now: Instant): boolean {
    const since = this.#since;
    if (since === undefined) return false;
    const found = Math.max(0, between(since, from));
    const wait = Math.min(longestWait, Math.max(firstWait, growth * found)) as Duration;
    return between(from > since ? from : since, now) >= wait;
  }
}
