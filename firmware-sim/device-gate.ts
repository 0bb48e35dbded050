// A device whose process can be suspended, as by SIGSTOP: its clock, its links and its disk tell it nothing until it goes on.
//
// What becomes due meanwhile waits, and on `resume` happens in the order in which it became due, each as an event of its own,
// before anything that becomes due later. What is outside goes on: messages that were sent travel, writes end on the card,
// and brokers miss the keep-alive.

import { milliseconds } from "../src/base/units.ts";
import type { Door, ScheduledEvent } from "./event-queue.ts";
import type { VirtualTime } from "./virtual-clock.ts";

export class DeviceGate implements Door {
  readonly name: string;
  readonly #time: VirtualTime;
  #waiting: ScheduledEvent[] = [];
  #isPaused = false;
  /** A step of `#letPass` is scheduled. */
  #isLettingPass = false;
  #passing: ScheduledEvent | undefined;

  constructor(time: VirtualTime, name: string) {
    this.#time = time;
    this.name = name;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** What happens now need not wait, for nothing is before it. */
  get isOpen(): boolean {
    return !this.#isPaused && this.#waiting.length === 0;
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** Also after a power cut of clock, links and disk: what waits then comes to nothing, and the next life is not suspended. */
  resume(): void {
    this.#isPaused = false;
    this.#passSoon();
  }

  opens(event: ScheduledEvent): boolean {
    if (event === this.#passing || this.isOpen) return true;
    this.#waiting.push(event);
    return false;
  }

  #passSoon(): void {
    if (this.#isLettingPass || this.#isPaused || this.#waiting.length === 0) return;
    this.#isLettingPass = true;
    this.#time.schedule(milliseconds(0), "go on", () => this.#letPass());
  }

  #letPass(): void {
    this.#isLettingPass = false;
    if (this.#isPaused) return;
    const next = this.#waiting.findIndex(({ isOver }) => !isOver);
    const event = this.#waiting[next];
    this.#waiting = event === undefined ? [] : this.#waiting.slice(next + 1);
    this.#passSoon();
    this.#passing = event;
    event?.happen();
    this.#passing = undefined;
  }
}
