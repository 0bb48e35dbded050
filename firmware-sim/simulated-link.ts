// One MQTT connection in virtual time: the twin of src/host/mqtt-link.ts. It answers by scheduled events only.

import { SkeinError } from "../src/base/errors.ts";
import { limits } from "../src/base/limits.ts";
import type { Timer } from "../src/base/ports/clock.ts";
import type { MqttLink, MqttLinkHandlers, MqttLinkOptions, MqttPublish } from "../src/base/ports/mqtt-link.ts";
import { type Duration, type Instant, milliseconds } from "../src/base/units.ts";
import type { BrokerSession, SimulatedBroker } from "./simulated-broker.ts";

/** What the network does for a link. */
export interface LinkWorld {
  now(): Instant;
  after(delay: Duration, name: string, task: () => void): Timer;
  /** Uniform in [0, 1). */
  fraction(): number;
  broker(url: string): SimulatedBroker | undefined;
  isOpen(direction: "to-broker" | "from-broker"): boolean;
  /** Delays of the copies that arrive of one message: usually one; none when it is lost. `inOrder`: not before the last one. */
  hops(qos: 0 | 1): readonly { readonly delay: Duration; readonly inOrder: boolean }[];
  latency(): Duration;
  /** `noticeDelay`: until the broker notices that a process died. */
  faults(): { readonly noticeDelay: Duration; readonly attemptTimeout: Duration };
}

/** As the real link's. */
const backoffMinMs = 50;
const backoffMaxMs = 5_000;
const keepAliveFactor = 1.5;

interface Connection {
  readonly broker: SimulatedBroker;
  readonly session: BrokerSession;
  heardByBroker: Instant;
  heardByClient: Instant;
  lastToBroker: number;
  lastFromBroker: number;
  pendingBytes: number;
  readonly unacknowledged: Set<(failure?: SkeinError) => void>;
}

export class SimulatedLink implements MqttLink {
  readonly #world: LinkWorld;
  readonly #options: MqttLinkOptions;
  readonly #handlers: MqttLinkHandlers;
  #connection: Connection | undefined;
  #isUp = false;
  #isOver = false;
  #failures = 0;
  #timer: Timer;

  constructor(world: LinkWorld, options: MqttLinkOptions, handlers: MqttLinkHandlers) {
    this.#world = world;
    this.#options = options;
    this.#handlers = handlers;
    this.#timer = world.after(milliseconds(0), "dial a broker", () => this.#dial());
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  publish(message: MqttPublish, done?: (failure?: SkeinError) => void): void {
    const connection = this.#connection;
    if (!this.#isUp || connection === undefined) {
      done?.(new SkeinError("not-connected", `Not connected to ${this.#options.url}`));
      return;
    }
    const { qos } = message;
    const isFull =
      connection.pendingBytes > this.#options.maxPendingBytes ||
      (qos === 1 && connection.unacknowledged.size >= limits.linkUnacknowledged);
    if (isFull) {
      done?.(new SkeinError("queue-full", `${this.#options.url} does not take messages as fast as they are published`));
      return;
    }
    const copy = { ...message, payload: Uint8Array.from(message.payload) };
    if (qos === 0) {
      this.#send(connection, copy, undefined);
      done?.();
      return;
    }
    const answered = (failure?: SkeinError) => {
      if (connection.unacknowledged.delete(answered)) done?.(failure);
    };
    connection.unacknowledged.add(answered);
    this.#send(connection, copy, answered);
  }

  close(how: "clean" | "abrupt" = "clean"): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    const connection = this.#connection;
    this.#end();
    return new Promise((resolve) => {
      this.#world.after(this.#world.latency(), "close a link", () => {
        if (connection !== undefined && this.#world.isOpen("to-broker")) {
          connection.broker.whenRunning(() =>
            connection.broker.drop(connection.session, how === "clean" ? "left" : "lost"),
          );
        } else if (connection !== undefined) this.#loseLater(connection);
        resolve();
      });
    });
  }

  /** The process is gone: nothing is ever told again; the broker notices. */
  kill(): void {
    const connection = this.#connection;
    this.#end();
    if (connection === undefined) return;
    if (!this.#world.isOpen("to-broker")) this.#loseLater(connection);
    else this.#world.after(this.#world.faults().noticeDelay, "notice a dead process", () => this.#lose(connection));
  }

  /** The process or link is over for good. */
  #end(): void {
    this.#isOver = true;
    this.#timer.cancel();
    this.#fall("the link was closed");
  }

  #lose(connection: Connection): void {
    connection.broker.whenRunning(() => connection.broker.drop(connection.session, "lost"));
  }

  /** Nothing reaches the broker, so it waits for the keep-alive. */
  #loseLater(connection: Connection): void {
    const delay = milliseconds(this.#options.keepAlive * keepAliveFactor);
    this.#world.after(delay, "miss a keep-alive", () => this.#lose(connection));
  }

  #dial(): void {
    const broker = this.#world.broker(this.#options.url);
    const will = this.#options.will?.();
    const latency = this.#world.latency();
    if (broker === undefined || broker.state === "stopped") {
      this.#timer = this.#world.after(latency, "be refused by a port", () => this.#fail("nobody listens there"));
      return;
    }
    this.#timer = this.#world.after(this.#world.faults().attemptTimeout, "give up on a broker", () =>
      this.#fail("no answer in time"),
    );
    const attempt = this.#timer;
    if (!this.#world.isOpen("to-broker")) return;
    this.#world.after(latency, "reach a broker", () =>
      broker.whenRunning(() => {
        if (this.#timer === attempt && !this.#isOver) this.#admit(broker, will);
      }),
    );
  }

  #admit(broker: SimulatedBroker, will: MqttPublish | undefined): void {
    const now = this.#world.now();
    const connection: Connection = {
      broker,
      session: {
        clientId: this.#options.clientId,
        will: will === undefined ? undefined : { ...will, payload: Uint8Array.from(will.payload) },
        subscriptions: this.#options.subscriptions,
        deliver: (message) => this.#deliver(connection, message),
        ended: (why) => {
          const isReached = this.#world.isOpen("from-broker");
          if (isReached) this.#world.after(this.#world.latency(), "be cut off", () => this.#cutOff(connection, why));
        },
      },
      heardByBroker: now,
      heardByClient: now,
      lastToBroker: now,
      lastFromBroker: now,
      pendingBytes: 0,
      unacknowledged: new Set(),
    };
    broker.admit(connection.session);
    this.#connection = connection;
    if (!this.#world.isOpen("from-broker")) return;
    this.#world.after(this.#world.latency(), "be let in", () => {
      if (this.#connection !== connection || !broker.has(connection.session)) return;
      this.#timer.cancel();
      this.#timer = this.#world.after(milliseconds(this.#options.keepAlive / 2), "keep alive", () =>
        this.#keepAlive(connection),
      );
      this.#failures = 0;
      this.#isUp = true;
      this.#handlers.up();
      if (this.#connection === connection) broker.whenRunning(() => broker.sendRetained(connection.session));
    });
  }

  /** Both ends look whether they heard the other within one and a half keep-alives [MQTT-3.1.2-24]. */
  #keepAlive(connection: Connection): void {
    if (this.#connection !== connection) return;
    const now = this.#world.now();
    const isAnswering = connection.broker.state === "running";
    if (this.#world.isOpen("to-broker")) {
      if (isAnswering && !connection.broker.has(connection.session)) {
        this.#fail("the connection was reset"); // the broker was started anew while this link was cut
        return;
      }
      connection.heardByBroker = now;
      if (isAnswering && this.#world.isOpen("from-broker")) connection.heardByClient = now;
    }
    const patience = this.#options.keepAlive * keepAliveFactor;
    if (now - connection.heardByBroker >= patience && isAnswering) connection.broker.drop(connection.session, "lost");
    if (now - connection.heardByClient >= patience) {
      if (this.#world.isOpen("to-broker")) this.#lose(connection);
      this.#fail("no answer to a ping");
      return;
    }
    const next = milliseconds(this.#options.keepAlive / 2);
    this.#timer = this.#world.after(next, "keep alive", () => this.#keepAlive(connection));
  }

  #send(connection: Connection, message: MqttPublish, answered: ((failure?: SkeinError) => void) | undefined): void {
    if (!this.#world.isOpen("to-broker")) return;
    const { broker, session } = connection;
    connection.pendingBytes += message.payload.length;
    const hops = this.#world.hops(message.qos);
    if (hops.length === 0) connection.pendingBytes -= message.payload.length;
    for (const [copy, { delay, inOrder }] of hops.entries()) {
      const at = Math.max(this.#world.now() + delay, inOrder ? connection.lastToBroker : 0);
      if (inOrder) connection.lastToBroker = at;
      this.#world.after(milliseconds(at - this.#world.now()), "arrive at a broker", () =>
        broker.whenRunning(() => {
          if (copy === 0) connection.pendingBytes -= message.payload.length;
          if (!broker.has(session)) return;
          broker.publish(message);
          if (answered === undefined || !this.#world.isOpen("from-broker")) return;
          this.#world.after(this.#world.latency(), "acknowledge a publish", () => answered());
        }),
      );
    }
  }

  #deliver(connection: Connection, message: MqttPublish): void {
    if (!this.#world.isOpen("from-broker")) return;
    for (const { delay, inOrder } of this.#world.hops(message.qos)) {
      const at = Math.max(this.#world.now() + delay, inOrder ? connection.lastFromBroker : 0);
      if (inOrder) connection.lastFromBroker = at;
      this.#world.after(milliseconds(at - this.#world.now()), "deliver a message", () => {
        if (this.#connection !== connection || !this.#isUp) return;
        const { topic, payload, retain } = message;
        this.#handlers.message({ topic, payload: Uint8Array.from(payload), retain });
      });
    }
  }

  #cutOff(connection: Connection, why: "taken-over" | "crashed"): void {
    if (this.#connection !== connection) return;
    if (why === "crashed") this.#fail("the connection was reset");
    else this.#fail("another client took over this one's name", "broker-refused");
  }

  #fail(why: string, code: "broker-refused" | "broker-unreachable" = "broker-unreachable"): void {
    this.#timer.cancel();
    this.#fall(why);
    const bound = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(this.#failures, 20));
    this.#failures += 1;
    const delay = milliseconds(this.#world.fraction() * bound);
    this.#timer = this.#world.after(delay, "dial a broker again", () => this.#dial());
    this.#handlers.down(new SkeinError(code, `The broker at ${this.#options.url}: ${why}`));
  }

  #fall(why: string): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#isUp = false;
    if (connection === undefined) return;
    const unknown = new SkeinError("broker-unreachable", `${why}; whether the message got there is unknown`);
    for (const answered of [...connection.unacknowledged]) answered(unknown);
  }
}
