// One MQTT connection in virtual time: the twin of src/host/mqtt-link.ts. It answers by scheduled events only.
//
// What happens to the device goes through its gate, so that nothing reaches a suspended one; what travels, and what happens at
// the broker, does not.

import { SkeinError } from "../src/base/errors.ts";
import { limits } from "../src/base/limits.ts";
import type {
  MqttLink,
  MqttLinkHandlers,
  MqttLinkOptions,
  MqttMessage,
  MqttPublish,
} from "../src/base/ports/mqtt-link.ts";
import { type Duration, type Instant, instant, milliseconds } from "../src/base/units.ts";
import type { BrokerSession, Subscription } from "./broker-session.ts";
import type { Door, ScheduledEvent } from "./event-queue.ts";
import type { Lane, NetworkPath } from "./network-path.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { SimulatedBroker } from "./simulated-broker.ts";
import { levelsOf } from "./topic-filter.ts";
import type { VirtualTime } from "./virtual-clock.ts";

/** What the network gives a link. */
export interface LinkWorld {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly path: NetworkPath;
  /** Of the device. */
  readonly gate: Door | undefined;
  broker(): SimulatedBroker | undefined;
}

/** As the real link's. */
const backoffMinMs = 50;
const backoffMaxMs = 5_000;
const keepAliveFactor = 1.5;

interface Connection {
  readonly broker: SimulatedBroker;
  readonly session: BrokerSession;
  readonly toBroker: Lane;
  readonly fromBroker: Lane;
  heardByBroker: Instant;
  /** When the newest ping was sent that was answered. */
  heardByClient: Instant;
  pendingBytes: number;
  readonly unacknowledged: Set<(failure?: SkeinError) => void>;
}

export class SimulatedLink implements MqttLink {
  readonly #time: VirtualTime;
  readonly #path: NetworkPath;
  readonly #world: LinkWorld;
  readonly #options: MqttLinkOptions;
  readonly #handlers: MqttLinkHandlers;
  #connection: Connection | undefined;
  #isUp = false;
  #isOver = false;
  #failures = 0;
  readonly #subscriptions: readonly Subscription[];
  #timer: ScheduledEvent;

  constructor(world: LinkWorld, options: MqttLinkOptions, handlers: MqttLinkHandlers) {
    this.#time = world.time;
    this.#path = world.path;
    this.#world = world;
    this.#options = options;
    this.#handlers = handlers;
    this.#subscriptions = options.subscriptions.map(({ filter, qos }) => ({ filter: levelsOf(filter), qos }));
    this.#timer = this.#here(milliseconds(0), "dial a broker", () => this.#dial());
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
    const copy = { topic: message.topic, payload: new Uint8Array(message.payload), retain: message.retain, qos };
    if (qos === 0) {
      if (this.#path.isOpen("to-broker")) this.#send(connection, copy, undefined);
      done?.();
      return;
    }
    const answered = (failure?: SkeinError) => {
      if (connection.unacknowledged.delete(answered)) done?.(failure);
    };
    connection.unacknowledged.add(answered);
    this.#path.whenOpen("to-broker", () => {
      if (this.#connection === connection) this.#send(connection, copy, answered);
    });
  }

  close(how: "clean" | "abrupt" = "clean"): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    const connection = this.#connection;
    this.#end();
    return new Promise((resolve) => {
      this.#here(this.#path.latency(), "close a link", () => {
        if (connection !== undefined && this.#path.isOpen("to-broker")) {
          this.#trace("to", how === "clean" ? "disconnect" : "reset");
          connection.broker.whenRunning(() =>
            connection.broker.drop(connection.session, how === "clean" ? "left" : "lost"),
          );
        }
        resolve();
      });
    });
  }

  /** The process is gone: nothing is ever told again; the broker notices, at the latest by the keep-alive. */
  kill(): void {
    const connection = this.#connection;
    this.#end();
    if (connection === undefined || !this.#path.isOpen("to-broker")) return;
    this.#time.schedule(this.#path.faults.noticeDelay, "notice a dead process", () => this.#lose(connection));
  }

  /** The process or link is over for good. */
  #end(): void {
    this.#isOver = true;
    this.#timer.cancel();
    this.#fall("the link was closed");
  }

  /** At the broker's end. */
  #lose({ broker, session }: Connection): void {
    broker.whenRunning(() => broker.drop(session, "lost"));
  }

  #dial(): void {
    const broker = this.#world.broker();
    const will = this.#options.will?.();
    const latency = this.#path.latency();
    if (broker === undefined || broker.state === "stopped") {
      this.#timer = this.#here(latency, "be refused by a port", () => this.#fail("nobody listens there"));
      return;
    }
    this.#timer = this.#here(this.#path.faults.attemptTimeout, "give up on a broker", () =>
      this.#fail("no answer in time"),
    );
    const attempt = this.#timer;
    if (!this.#path.isOpen("to-broker")) return;
    this.#time.schedule(latency, "reach a broker", () => {
      this.#trace("to", "connect");
      broker.whenRunning(() => {
        if (this.#timer !== attempt || attempt.isOver) return;
        if (broker.isRefusing) this.#refuse(attempt);
        else this.#admit(broker, will);
      });
    });
  }

  #refuse(attempt: ScheduledEvent): void {
    if (!this.#path.isOpen("from-broker")) return;
    this.#here(this.#path.latency(), "be turned away", () => {
      if (this.#timer === attempt && !attempt.isOver) this.#fail("it turned this client away", "broker-refused");
    });
  }

  #admit(broker: SimulatedBroker, will: MqttPublish | undefined): void {
    const { now } = this.#time;
    const connection: Connection = {
      broker,
      session: {
        device: this.#path.device,
        clientId: this.#options.clientId,
        will: will === undefined ? undefined : { ...will, payload: new Uint8Array(will.payload) },
        subscriptions: this.#subscriptions,
        deliver: (message, qos) => this.#deliver(connection, message, qos),
        ended: (why) => {
          if (!this.#path.isOpen("from-broker")) return;
          this.#here(this.#path.latency(), "be cut off", () => this.#cutOff(connection, why));
        },
      },
      toBroker: { last: now },
      fromBroker: { last: now },
      heardByBroker: now,
      heardByClient: now,
      pendingBytes: 0,
      unacknowledged: new Set(),
    };
    broker.admit(connection.session);
    this.#connection = connection;
    this.#watch(connection);
    if (!this.#path.isOpen("from-broker")) return;
    this.#arriveHere(this.#path.arrival(connection.fromBroker, 1), "be let in", () => {
      if (this.#connection !== connection || !broker.has(connection.session)) return;
      this.#trace("from", "up");
      this.#timer.cancel();
      this.#keepAliveLater(connection);
      this.#failures = 0;
      this.#isUp = true;
      this.#handlers.up();
      if (this.#connection === connection) broker.whenRunning(() => broker.sendStored(connection.session));
    });
  }

  get #patience(): Duration {
    return milliseconds(this.#options.keepAlive * keepAliveFactor);
  }

  /** The broker drops whom it did not hear within one and a half keep-alives [MQTT-3.1.2-24]. */
  #watch(connection: Connection): void {
    const { broker, session } = connection;
    const due = instant(connection.heardByBroker + this.#patience);
    this.#time.scheduleAt(due, "miss a keep-alive", () =>
      broker.whenRunning(() => {
        if (!broker.has(session)) return;
        if (this.#time.now < connection.heardByBroker + this.#patience) {
          this.#watch(connection);
          return;
        }
        broker.drop(session, "lost");
        session.ended("silent");
      }),
    );
  }

  #keepAliveLater(connection: Connection): void {
    const delay = milliseconds(this.#options.keepAlive / 2);
    this.#timer = this.#here(delay, "keep alive", () => this.#keepAlive(connection));
  }

  #keepAlive(connection: Connection): void {
    if (this.#connection !== connection) return;
    if (this.#time.now - connection.heardByClient >= this.#patience) {
      if (this.#path.isOpen("to-broker")) this.#lose(connection);
      this.#fail("no answer to a ping");
      return;
    }
    this.#ping(connection);
    this.#keepAliveLater(connection);
  }

  #ping(connection: Connection): void {
    if (!this.#path.isOpen("to-broker")) return;
    const { broker, session, toBroker, fromBroker } = connection;
    const sentAt = this.#time.now;
    this.#time.scheduleAt(this.#path.arrival(toBroker, 1), "ping", () =>
      broker.whenRunning(() => {
        connection.heardByBroker = this.#time.now;
        if (!this.#path.isOpen("from-broker")) return;
        const isKnown = broker.has(session);
        this.#arriveHere(this.#path.arrival(fromBroker, 1), "hear of a ping", () => {
          // Not known: the broker was started anew, or missed a keep-alive, while this link was cut.
          if (isKnown) connection.heardByClient = sentAt;
          else this.#cutOff(connection, "crashed");
        });
      }),
    );
  }

  #send(connection: Connection, message: MqttPublish, answered: ((failure?: SkeinError) => void) | undefined): void {
    const copies = this.#path.copies(message.qos, "to-broker");
    if (copies === 0) return;
    connection.pendingBytes += message.payload.length;
    let isPending = true;
    const arrive = (): void => {
      this.#trace("to", message.topic, message.payload);
      connection.broker.whenRunning(() => {
        if (isPending) connection.pendingBytes -= message.payload.length;
        isPending = false;
        this.#arrived(connection, message, answered);
      });
    };
    for (let copy = 0; copy < copies; copy++) {
      this.#time.scheduleAt(this.#path.arrival(connection.toBroker, message.qos), "arrive at a broker", arrive);
    }
  }

  /** At the broker. */
  #arrived(connection: Connection, message: MqttPublish, answered: ((failure?: SkeinError) => void) | undefined): void {
    const { broker, session } = connection;
    if (!broker.has(session)) return;
    connection.heardByBroker = this.#time.now;
    broker.publish(message, session);
    if (answered === undefined || !broker.acknowledges()) return;
    this.#path.whenOpen("from-broker", () =>
      this.#arriveHere(this.#path.arrival(connection.fromBroker, 1), "acknowledge a publish", () => {
        this.#trace("from", "acknowledge");
        answered();
      }),
    );
  }

  #deliver(connection: Connection, message: MqttMessage, qos: 0 | 1): void {
    const { broker, session, fromBroker } = connection;
    if (!this.#path.isOpen("from-broker")) {
      if (qos === 0 || !broker.has(session)) broker.missed(session, message, qos);
      else this.#path.whenOpen("from-broker", () => this.#deliver(connection, message, qos));
      return;
    }
    const arrive = (): void => {
      if (this.#connection !== connection || !this.#isUp) {
        broker.missed(session, message, qos);
        return;
      }
      this.#trace("from", message.topic, message.payload);
      this.#handlers.message(message);
    };
    for (let copies = this.#path.copies(qos, "from-broker"); copies > 0; copies--) {
      this.#arriveHere(this.#path.arrival(fromBroker, qos), "deliver a message", arrive);
    }
  }

  #cutOff(connection: Connection, why: "taken-over" | "crashed" | "silent"): void {
    if (this.#connection !== connection) return;
    if (why === "crashed") this.#fail("the connection was reset");
    else if (why === "silent") this.#fail("it did not hear from this client and hung up");
    else this.#fail("another client took over this one's name", "broker-refused");
  }

  #fail(why: string, code: "broker-refused" | "broker-unreachable" = "broker-unreachable"): void {
    this.#timer.cancel();
    this.#fall(why);
    const bound = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(this.#failures, 20));
    this.#failures += 1;
    const delay = milliseconds(this.#world.random.fraction() * bound);
    this.#timer = this.#here(delay, "dial a broker again", () => this.#dial());
    this.#trace("from", why);
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

  /** On the device. */
  #here(delay: Duration, name: string, task: () => void): ScheduledEvent {
    return this.#time.schedule(delay, name, task, this.#world.gate);
  }

  #arriveHere(at: Instant, name: string, task: () => void): void {
    this.#time.scheduleAt(at, name, task, this.#world.gate);
  }

  #trace(way: "to" | "from", kind: string, payload?: Uint8Array): void {
    const { trace } = this.#time;
    if (trace === undefined) return;
    const { device, url } = this.#path;
    if (way === "to") trace(device, url, kind, payload);
    else trace(url, device, kind, payload);
  }
}
