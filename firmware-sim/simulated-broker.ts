// An MQTT broker in virtual time: sessions, subscriptions, retained messages, last wills; it can crash (and forget all) or
// hang with its sockets open, and on thawing delivers what is an hour old.

import type { MqttPublish } from "../src/base/ports/mqtt-link.ts";
import { matchesFilter } from "./topic-filter.ts";

/** The broker's end of one connection. */
export interface BrokerSession {
  readonly clientId: string;
  readonly will: MqttPublish | undefined;
  readonly subscriptions: readonly { readonly filter: string; readonly qos: 0 | 1 }[];
  /** Towards the client. */
  deliver(message: MqttPublish): void;
  /** The broker ended it. `taken-over`: by a client of the same id. */
  ended(why: "taken-over" | "crashed"): void;
}

export interface SimulatedBrokerStatistics {
  readonly received: number;
  readonly delivered: number;
  readonly wills: number;
}

/** What a hung broker holds in its sockets at most; what comes later is lost. */
const heldWhileHungMax = 100_000;
const routesMax = 10_000;

type Route = { readonly session: BrokerSession; readonly qos: 0 | 1 };

export class SimulatedBroker {
  readonly url: string;
  readonly #sessions = new Map<string, BrokerSession>();
  readonly #retained = new Map<string, MqttPublish>();
  /** Who gets a topic; found once, until a session comes or goes. */
  readonly #routes = new Map<string, readonly Route[]>();
  #held: (() => void)[] = [];
  #state: "running" | "hung" | "stopped" = "running";
  #received = 0;
  #delivered = 0;
  #wills = 0;

  constructor(url: string) {
    this.url = url;
  }

  get state(): "running" | "hung" | "stopped" {
    return this.#state;
  }

  /** Of the clients that are connected, in order. */
  clientIds(): readonly string[] {
    return [...this.#sessions.keys()].sort();
  }

  statistics(): SimulatedBrokerStatistics {
    return { received: this.#received, delivered: this.#delivered, wills: this.#wills };
  }

  /** Power cut of the broker: connections break, retained messages and wills are forgotten. */
  crash(): void {
    this.#state = "stopped";
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    this.#retained.clear();
    this.#routes.clear();
    this.#held = [];
    for (const session of sessions) session.ended("crashed");
  }

  restart(): void {
    if (this.#state === "stopped") this.#state = "running";
  }

  /** Stops working without closing anything. */
  hang(): void {
    if (this.#state === "running") this.#state = "hung";
  }

  /** Goes on, beginning with everything that arrived meanwhile. */
  thaw(): void {
    if (this.#state !== "hung") return;
    this.#state = "running";
    const held = this.#held;
    this.#held = [];
    for (const work of held) work();
  }

  /** Does `work` now, or when it thaws; never if it is stopped. */
  whenRunning(work: () => void): void {
    if (this.#state === "running") work();
    else if (this.#state === "hung" && this.#held.length < heldWhileHungMax) this.#held.push(work);
  }

  /** A client is let in, and takes over one of the same id [MQTT-3.1.4-2]. */
  admit(session: BrokerSession): void {
    const before = this.#sessions.get(session.clientId);
    if (before !== undefined) {
      this.drop(before, "lost");
      before.ended("taken-over");
    }
    this.#sessions.set(session.clientId, session);
    this.#routes.clear();
  }

  /** Retained messages for a session that has just subscribed. */
  sendRetained(session: BrokerSession): void {
    for (const message of this.#retained.values()) {
      const qos = grantedQos(session, message.topic);
      if (qos !== undefined) this.#deliver({ session, qos }, message, true);
    }
  }

  publish(message: MqttPublish): void {
    this.#received += 1;
    if (message.retain) {
      if (message.payload.length === 0) this.#retained.delete(message.topic);
      else this.#retained.set(message.topic, message);
    }
    for (const route of this.#routesOf(message.topic)) this.#deliver(route, message, false);
  }

  /** The connection is over: `left` with a DISCONNECT, or `lost`, so that its will is published. */
  drop(session: BrokerSession, how: "left" | "lost"): void {
    if (this.#sessions.get(session.clientId) !== session) return;
    this.#sessions.delete(session.clientId);
    this.#routes.clear();
    if (how === "left" || session.will === undefined) return;
    this.#wills += 1;
    this.publish(session.will);
  }

  has(session: BrokerSession): boolean {
    return this.#sessions.get(session.clientId) === session;
  }

  #routesOf(topic: string): readonly Route[] {
    const known = this.#routes.get(topic);
    if (known !== undefined) return known;
    const routes: Route[] = [];
    for (const session of this.#sessions.values()) {
      const qos = grantedQos(session, topic);
      if (qos !== undefined) routes.push({ session, qos });
    }
    if (this.#routes.size >= routesMax) this.#routes.clear();
    this.#routes.set(topic, routes);
    return routes;
  }

  #deliver({ session, qos }: Route, message: MqttPublish, retain: boolean): void {
    this.#delivered += 1;
    session.deliver({ ...message, qos: qos === 1 && message.qos === 1 ? 1 : 0, retain });
  }
}

function grantedQos(session: BrokerSession, topic: string): 0 | 1 | undefined {
  const matching = session.subscriptions.filter(({ filter }) => matchesFilter(filter, topic));
  if (matching.length === 0) return undefined;
  return matching.some(({ qos }) => qos === 1) ? 1 : 0;
}
