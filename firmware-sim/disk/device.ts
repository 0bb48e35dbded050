// What everything on one simulated disk shares: latency, faults, and the power cut.
//
// Nothing is answered before a scheduled event, and nothing after the power is cut. (A promise of a twin is resolved inside
// its event; what waits for it runs as microtasks right after that event, before the next one.) Writes of one stream follow
// each other; at a power cut the one under way is whole, lost or torn, by chance; those behind it never happened.
//
// While the device is suspended its card goes on: what was being written is written, and only the answer waits.

import { SkeinError } from "../../src/base/errors.ts";
import type { LogPosition } from "../../src/base/ports/log-file.ts";
import type { Random } from "../../src/base/ports/random.ts";
import { type Duration, milliseconds } from "../../src/base/units.ts";
import type { DeviceGate } from "../device-gate.ts";
import type { Door, ScheduledEvent } from "../event-queue.ts";
import type { VirtualTime } from "../virtual-clock.ts";

export interface DiskLatency {
  /** Bounds of a synced write's duration; drawn evenly. */
  readonly syncLatencyMin: Duration;
  readonly syncLatencyMax: Duration;
  readonly readLatency: Duration;
}

/** What a card has taken, over all its lives. */
export interface CardUsage {
  bytesWritten: number;
  syncs: number;
}

export interface SimulatedWrite {
  readonly name: string;
  /** It is on disk. */
  apply(): void;
  /** Right after `apply`, unless it was the power cut that left it whole: the sync has returned, and no answer was given yet. */
  synced?(): void;
  /** The power was cut, and what is there is neither the old nor the new. Absent: then it is the old. */
  tear?(): void;
  /** Not called after a power cut. */
  done(failure?: SkeinError): void;
}

/** A record of a log whose sync has returned. `payload` is not to be changed, nor kept without a copy. */
export type SyncedHook = (log: string, position: LogPosition, payload: Uint8Array) => void;

export class SimulatedDevice {
  /** Of the machine that the card is in: keeps answers while that is suspended. */
  gate: DeviceGate | undefined;
  onSynced: SyncedHook | undefined;
  latency: DiskLatency;
  isFull = false;
  bytesWritten = 0;
  syncs = 0;
  readonly #card: string;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #usage: CardUsage;
  readonly #underWay = new Set<SimulatedWrite>();
  #held: ScheduledEvent[] = [];
  #isHung = false;
  #isFailing = false;
  #isOff = false;
  /** Of the card: nothing passes without power, or while it hangs. */
  readonly #cardDoor: Door = {
    opens: (event) => {
      if (this.#isHung && !this.#isOff) this.#held.push(event);
      return !this.#isHung && !this.#isOff;
    },
  };
  /** Of answers that were ready while the device was suspended. */
  readonly #answerDoor: Door = { opens: (event) => !this.#isOff && this.gate?.opens(event) !== false };

  constructor(
    world: { readonly time: VirtualTime; readonly random: Random },
    card: { readonly serial: string; readonly usage: CardUsage },
    latency: DiskLatency,
  ) {
    this.#time = world.time;
    this.#random = world.random;
    this.#card = card.serial;
    this.#usage = card.usage;
    this.latency = latency;
  }

  get isHung(): boolean {
    return this.#isHung;
  }

  /** From now on nothing ends, until `resume`. */
  hang(): void {
    this.#isHung = true;
  }

  resume(): void {
    this.#isHung = false;
    const held = this.#held;
    this.#held = [];
    for (const event of held) this.#time.bringBack(event);
  }

  /** Every write from now on fails; so it is until the power is cut. */
  fail(): void {
    this.#isFailing = true;
  }

  /** In a while, when what is ready now was handled. */
  soon(name: string, task: () => void): void {
    this.#schedule(milliseconds(0), name, () => this.#answer(name, task));
  }

  read(name: string, done: () => void): void {
    this.#schedule(this.latency.readLatency, name, () => this.#answer(name, done));
  }

  write(bytes: number, write: SimulatedWrite): void {
    const { syncLatencyMin, syncLatencyMax } = this.latency;
    const latency = milliseconds(syncLatencyMin + this.#random.fraction() * (syncLatencyMax - syncLatencyMin));
    this.#underWay.add(write);
    this.#schedule(latency, write.name, () => {
      this.#underWay.delete(write);
      if (this.#isFailing) {
        const failure = new SkeinError("disk-failed", `${write.name}: simulated failure`);
        this.#answer(write.name, () => write.done(failure));
        return;
      }
      this.#count(bytes);
      this.trace(write.name, "synced");
      write.apply();
      write.synced?.();
      this.#answer(write.name, () => write.done());
    });
  }

  /** A part of a write, for whoever hashes what happens. */
  trace(name: string, kind: string, payload?: Uint8Array): void {
    this.#time.trace?.(this.#card, name, kind, payload);
  }

  cutPower(): void {
    if (this.#isOff) return;
    this.#isOff = true;
    for (const write of this.#underWay) {
      const fate = this.#random.below(3);
      if (fate === 0) write.apply();
      else if (fate === 1) write.tear?.();
      this.trace(write.name, `cut ${fate}`);
    }
  }

  #count(bytes: number): void {
    this.bytesWritten += bytes;
    this.syncs += 1;
    this.#usage.bytesWritten += bytes;
    this.#usage.syncs += 1;
  }

  #answer(name: string, task: () => void): void {
    if (this.gate === undefined || this.gate.isOpen) task();
    else this.#time.schedule(milliseconds(0), name, task, this.#answerDoor);
  }

  #schedule(delay: Duration, name: string, task: () => void): void {
    this.#time.schedule(delay, name, task, this.#cardDoor);
  }
}
