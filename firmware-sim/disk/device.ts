// What everything on one simulated disk shares: latency, faults, and the power cut.
//
// Nothing is answered before a scheduled event, and nothing after the power is cut. (A promise of a twin is resolved inside
// its event; what waits for it runs as microtasks right after that event, before the next one.) Writes of one stream follow
// each other; at a power cut the one under way is whole, lost or torn, by chance; those behind it never happened.

import { SkeinError } from "../../src/base/errors.ts";
import type { Random } from "../../src/base/ports/random.ts";
import { type Duration, milliseconds } from "../../src/base/units.ts";
import type { VirtualTime } from "../virtual-clock.ts";

export interface DeviceOptions {
  /** Bounds of a synced write's duration; drawn evenly. */
  readonly syncLatencyMin: Duration;
  readonly syncLatencyMax: Duration;
  readonly readLatency: Duration;
}

export interface SimulatedWrite {
  readonly name: string;
  /** It is on disk. */
  apply(): void;
  /** The power was cut, and what is there is neither the old nor the new. Absent: then it is the old. */
  tear?(): void;
  /** Not called after a power cut. */
  done(failure?: SkeinError): void;
}

export class SimulatedDevice {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #options: DeviceOptions;
  readonly #underWay = new Set<SimulatedWrite>();
  #held: (() => void)[] = [];
  #isHung = false;
  #isFailing = false;
  #isOff = false;
  isFull = false;
  bytesWritten = 0;
  syncs = 0;

  constructor(time: VirtualTime, random: Random, options: DeviceOptions) {
    this.#time = time;
    this.#random = random;
    this.#options = options;
  }

  /** From now on nothing ends, until `resume`. */
  hang(): void {
    this.#isHung = true;
  }

  resume(): void {
    this.#isHung = false;
    const held = this.#held;
    this.#held = [];
    for (const task of held) this.#schedule(milliseconds(0), "disk resumed", task);
  }

  /** Every write from now on fails; so it is until the power is cut. */
  fail(): void {
    this.#isFailing = true;
  }

  /** In a while, when what is ready now was handled. */
  soon(name: string, task: () => void): void {
    this.#schedule(milliseconds(0), name, task);
  }

  read(name: string, done: () => void): void {
    this.#schedule(this.#options.readLatency, name, done);
  }

  write(bytes: number, write: SimulatedWrite): void {
    const { syncLatencyMin, syncLatencyMax } = this.#options;
    const latency = milliseconds(syncLatencyMin + this.#random.fraction() * (syncLatencyMax - syncLatencyMin));
    this.#underWay.add(write);
    this.#schedule(latency, write.name, () => {
      this.#underWay.delete(write);
      if (this.#isFailing) {
        write.done(new SkeinError("disk-failed", `${write.name}: simulated failure`));
        return;
      }
      this.bytesWritten += bytes;
      this.syncs += 1;
      write.apply();
      write.done();
    });
  }

  cutPower(): void {
    if (this.#isOff) return;
    this.#isOff = true;
    for (const write of this.#underWay) {
      const fate = this.#random.below(3);
      if (fate === 0) write.apply();
      else if (fate === 1) write.tear?.();
    }
  }

  #schedule(delay: Duration, name: string, task: () => void): void {
    this.#time.schedule(delay, name, () => {
      if (this.#isOff) return;
      if (this.#isHung) this.#held.push(task);
      else task();
    });
  }
}
