// Power of one device in one life. Problem: a device that loses its power does not stop, it is gone: no timer of its fires, no
// goodbye is sent, nothing that comes later reaches it. Idea: everything timed and sent goes through ports, so cutting the
// ports is the power cut; what was waiting in memory is dropped by whoever holds it (`DataDirectory.abandon`).

import type { Clock, Timer, WallClock } from "../src/base/ports/clock.ts";
import type { MqttLink, MqttLinkHandlers, MqttLinkOptions, MqttLinks } from "../src/base/ports/mqtt-link.ts";
import type { Duration, Instant } from "../src/base/units.ts";

export class PowerSwitch {
  readonly #timers = new Set<Timer>();
  readonly #open = new Set<MqttLink>();
  #isOn = true;

  get isOn(): boolean {
    return this.#isOn;
  }

  /** The clock as the device reads it: while it has power. */
  clock(real: Clock): Clock {
    return {
      now: (): Instant => real.now(),
      wall: (): WallClock => real.wall(),
      soon: (task) => real.soon(() => this.#run(task)),
      after: (delay: Duration, name: string, task: () => void): Timer => this.#after(real, delay, name, task),
    };
  }

  links(real: MqttLinks): MqttLinks {
    return { open: (options, handlers) => this.#link(real, options, handlers) };
  }

  /** Idempotent. Resolves once every socket is gone. */
  async cut(): Promise<void> {
    this.#isOn = false;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    const open = [...this.#open];
    this.#open.clear();
    await Promise.all(open.map((link) => link.close("abrupt")));
  }

  #run(task: () => void): void {
    if (this.#isOn) task();
  }

  #after(real: Clock, delay: Duration, name: string, task: () => void): Timer {
    if (!this.#isOn) return { cancel: () => undefined };
    const timer = real.after(delay, name, () => {
      this.#timers.delete(timer);
      this.#run(task);
    });
    this.#timers.add(timer);
    return {
      cancel: () => {
        this.#timers.delete(timer);
        timer.cancel();
      },
    };
  }

  #link(real: MqttLinks, options: MqttLinkOptions, handlers: MqttLinkHandlers): MqttLink {
    const link = real.open(options, {
      up: () => this.#run(() => handlers.up()),
      down: (reason) => this.#run(() => handlers.down(reason)),
      message: (message) => this.#run(() => handlers.message(message)),
    });
    this.#open.add(link);
    const isOn = (): boolean => this.#isOn;
    return {
      get isUp() {
        return isOn() && link.isUp;
      },
      publish: (message, done) => {
        if (!this.#isOn) return;
        link.publish(message, done === undefined ? undefined : (failure) => this.#run(() => done(failure)));
      },
      close: async (how) => {
        if (!this.#isOn) return;
        await link.close(how);
        this.#open.delete(link);
      },
    };
  }
}
