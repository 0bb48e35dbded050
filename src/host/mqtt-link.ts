// MQTT links over MQTT.js.
//
// Problem: MQTT.js reconnects at a fixed pace (a site of agents hammers a returning broker), replays what it queued before it
// says that it is connected, and has been seen stuck in "connecting". Idea: one MQTT.js client for one connection, never
// used again; when to dial, with full jitter, and when to give up on an attempt is decided here, and nothing is queued.

import { SkeinError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type {
  MqttLink,
  MqttLinkHandlers,
  MqttLinkOptions,
  MqttLinks,
  MqttMessage,
  MqttPublish,
} from "../base/ports/mqtt-link.ts";
import type { Random } from "../base/ports/random.ts";
import { type Duration, milliseconds } from "../base/units.ts";
import { MqttAttempt } from "./mqtt-attempt.ts";
import { type MqttUrl, parseMqttUrl } from "./mqtt-url.ts";

export interface MqttLinkTiming {
  /** Before the first repetition; doubled each time. Each wait is uniform between 0 and its bound ("full jitter"). */
  readonly backoffMin: Duration;
  readonly backoffMax: Duration;
  /** An attempt that is not connected and subscribed by then is given up. */
  readonly attemptTimeout: Duration;
}

const defaultTiming: MqttLinkTiming = {
  backoffMin: milliseconds(50),
  backoffMax: milliseconds(5_000),
  attemptTimeout: milliseconds(10_000),
};

export class MqttJsLinks implements MqttLinks {
  readonly #ports: { readonly clock: Clock; readonly random: Random };
  readonly #timing: MqttLinkTiming;

  constructor(ports: { readonly clock: Clock; readonly random: Random }, timing: Partial<MqttLinkTiming> = {}) {
    this.#ports = ports;
    this.#timing = { ...defaultTiming, ...timing };
  }

  open(options: MqttLinkOptions, handlers: MqttLinkHandlers): MqttLink {
    return new MqttJsLink(this.#ports, this.#timing, parseMqttUrl(options.url), options, handlers);
  }
}

class MqttJsLink implements MqttLink {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #timing: MqttLinkTiming;
  readonly #url: MqttUrl;
  readonly #options: MqttLinkOptions;
  readonly #handlers: MqttLinkHandlers;
  #attempt: MqttAttempt | undefined;
  #failures = 0;
  #timer: Timer;
  #isUp = false;
  #isClosed = false;
  /** What arrives between SUBACK and `up`. */
  #early: MqttMessage[] = [];
  /** QoS 1 publishes without their PUBACK. */
  readonly #unacknowledged = new Set<(failure?: SkeinError) => void>();

  constructor(
    ports: { readonly clock: Clock; readonly random: Random },
    timing: MqttLinkTiming,
    url: MqttUrl,
    options: MqttLinkOptions,
    handlers: MqttLinkHandlers,
  ) {
    this.#clock = ports.clock;
    this.#random = ports.random;
    this.#timing = timing;
    this.#url = url;
    this.#options = options;
    this.#handlers = handlers;
    this.#timer = this.#clock.after(milliseconds(0), "dial a broker", () => this.#dial());
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  publish(message: MqttPublish, done?: (failure?: SkeinError) => void): void {
    const attempt = this.#attempt;
    if (!this.#isUp || attempt === undefined) {
      done?.(new SkeinError("not-connected", `Not connected to ${this.#name()}`));
      return;
    }
    const isFull =
      attempt.pendingBytes() > this.#options.maxPendingBytes ||
      (message.qos === 1 && this.#unacknowledged.size >= limits.linkUnacknowledged);
    if (isFull) {
      done?.(new SkeinError("queue-full", `${this.#name()} does not take messages as fast as they are published`));
      return;
    }
    if (message.qos === 0) {
      attempt.publish(message);
      done?.();
      return;
    }
    const answered = (failure?: SkeinError) => {
      if (this.#unacknowledged.delete(answered)) done?.(failure);
    };
    this.#unacknowledged.add(answered);
    attempt.publish(message, answered);
  }

  async close(how: "clean" | "abrupt" = "clean"): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer.cancel();
    const attempt = this.#attempt;
    this.#fall(`The link to ${this.#name()} was closed`);
    await attempt?.close(how);
  }

  #dial(): void {
    const attempt: MqttAttempt = new MqttAttempt(this.#url, this.#options, {
      up: () => {
        if (attempt === this.#attempt) this.#rise();
      },
      down: (reason) => {
        if (attempt === this.#attempt) this.#fail(reason);
      },
      message: (message) => {
        if (attempt === this.#attempt) this.#arrived(message);
      },
    });
    this.#attempt = attempt;
    this.#timer = this.#clock.after(this.#timing.attemptTimeout, "give up on a broker", () => {
      this.#fail(new SkeinError("broker-unreachable", `${this.#name()} did not answer in time`));
    });
  }

  #rise(): void {
    this.#timer.cancel();
    this.#failures = 0;
    this.#isUp = true;
    this.#handlers.up();
    const early = this.#early;
    this.#early = [];
    for (const message of early) this.#arrived(message);
  }

  #fail(reason: SkeinError): void {
    this.#timer.cancel();
    const attempt = this.#attempt;
    this.#fall(reason.message);
    attempt?.destroy();
    const bound = Math.min(this.#timing.backoffMax, this.#timing.backoffMin * 2 ** Math.min(this.#failures, 20));
    this.#failures += 1;
    const delay = milliseconds(this.#random.fraction() * bound);
    this.#timer = this.#clock.after(delay, "dial a broker again", () => this.#dial());
    this.#handlers.down(reason);
  }

  #fall(why: string): void {
    this.#attempt = undefined;
    this.#isUp = false;
    this.#early = [];
    const unknown = new SkeinError("broker-unreachable", `${why}; whether the message got there is unknown`);
    for (const answered of [...this.#unacknowledged]) answered(unknown);
  }

  #arrived(message: MqttMessage): void {
    if (this.#isClosed) return;
    if (this.#isUp) this.#handlers.message(message);
    else if (this.#early.length < limits.presences) this.#early.push(message);
  }

  #name(): string {
    return `the broker at ${this.#url.host}:${this.#url.port}`;
  }
}
