// The machine's clocks.
//
// Whether the wall clock is disciplined: systemd-timesyncd leaves a file once it has synchronised in this boot (systemd,
// timesyncd-manager.c). chrony and ntpd leave nothing that can be read without a system call of their own, and macOS and
// Windows say nothing at all; whoever knows better there (chrony-wait.service) creates a file of ours. What cannot be known
// counts as no: a wrong "yes" could move a whole site's time, a wrong "no" only leaves the decision to another device or to
// `skein time set`.

import { existsSync } from "node:fs";
import type { Clock, Timer, WallClock } from "../base/ports/clock.ts";
import { type Duration, type Instant, instant } from "../base/units.ts";

/** Both lie where a boot begins with nothing. */
const synchronizedFiles = ["/run/systemd/timesync/synchronized", "/run/skein/clock-synchronized"] as const;
/** The evidence is looked at no more often: `wall` may be asked for with every reading. */
const evidenceAgeMax = 10_000;
/** Node turns longer delays into 1 ms. */
const delayMax = 0x7fff_ffff;

export class SystemClock implements Clock {
  readonly #evidence: readonly string[];
  #isSynchronized = false;
  #checkedAt = Number.NEGATIVE_INFINITY;

  /** `evidence`: files of which one is enough; others in tests. */
  constructor(evidence: readonly string[] = synchronizedFiles) {
    this.#evidence = evidence;
  }

  now(): Instant {
    return instant(performance.now());
  }

  wall(): WallClock {
    const now = performance.now();
    if (now - this.#checkedAt >= evidenceAgeMax) {
      this.#isSynchronized = this.#evidence.some((file) => existsSync(file));
      this.#checkedAt = now;
    }
    return { time: Date.now(), synchronized: this.#isSynchronized };
  }

  after(delay: Duration, _name: string, task: () => void): Timer {
    const due = performance.now() + delay;
    let timer: NodeJS.Timeout;
    const wait = () => {
      const left = due - performance.now();
      // Node rounds down and may be early by a fraction of a millisecond; a timer that is early would fire a tick for nothing.
      timer = setTimeout(() => (performance.now() < due ? wait() : task()), Math.min(Math.ceil(left), delayMax));
    };
    wait();
    return { cancel: () => clearTimeout(timer) };
  }

  soon(task: () => void): void {
    setImmediate(task);
  }
}
