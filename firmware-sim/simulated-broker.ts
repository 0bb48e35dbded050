// An MQTT broker in virtual time: sessions, subscriptions, retained messages, last wills. It can crash (and forget all, or
// not), hang with its sockets open and on thawing deliver what is an hour old, be slow, turn clients away, lose the
// acknowledgements of what it accepted, and replay to a client what that missed while it was away.

import type { MqttMessage, MqttPublish } from "../src/base/ports/mqtt-link.ts";
import { type Duration, instant } from "../src/base/units.ts";
import type { BrokerSession, Publisher, Receiver } from "./broker-session.ts";
import { KeptMessages } from "./kept-messages.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { levelsOf, matchesFilter } from "./topic-filter.ts";
import type { VirtualTime } from "./virtual-clock.ts";

export interface SimulatedBrokerStatistics {
  readonly received: number;
  readonly delivered: number;
  readonly wills: number;
}

export interface BrokerTroubles {
  /** In ms. */
  readonly delay: number;
  readonly isRefusing: boolean;
  readonly isReplaying: boolean;
  /** A fraction. */
  readonly lostAcknowledgements: number;
}

/** What a hung or slow broker holds in its sockets at most; what comes later is lost. */
const heldMax = 100_000;
const routesMax = 10_000;

type Route = { readonly receiver: Receiver; readonly qos: 0 | 1 };

export class SimulatedBroker {
  readonly url: string;
  /** Called for every publish that it accepts, wills included, in order. */
  accepted: ((message: MqttPublish, by: Publisher) => void) | undefined;
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #sessions = new Map<string, BrokerSession>();
  readonly #retained = new Map<string, MqttPublish>();
  /** Who gets a topic; found once, until a session comes or goes. */
  readonly #routes = new Map<string, readonly Route[]>();
  readonly #kept: KeptMessages;
  #held: (() => void)[] = [];
  #state: "running" | "hung" | "stopped" = "running";
  /** Raised by each crash: what was under way in an earlier life is lost. */
  #life = 0;
  #delay = 0;
  #lastDue = 0;
  #backlog = 0;
  #isRefusing = false;
  #isReplaying = false;
  #lostAcknowledgements = 0;
  #received = 0;
  #delivered = 0;
  #wills = 0;

  constructor(url: string, time: VirtualTime, random: SeededRandom) {
    this.url = url;
    this.#time = time;
    this.#random = random;
    this.#kept = new KeptMessages(() => time.now);
  }

  get state(): "running" | "hung" | "stopped" {
    return this.#state;
  }

  get isRefusing(): boolean {
    return this.#isRefusing;
  }

  /** What it was told to do badly, for who looks. */
  get troubles(): BrokerTroubles {
    return {
      delay: this.#delay,
      isRefusing: this.#isRefusing,
      isReplaying: this.#isReplaying,
      lostAcknowledgements: this.#lostAcknowledgements,
    };
  }

  /** Of the clients that are connected, in order. */
  clientIds(): readonly string[] {
    return [...this.#sessions.keys()].sort();
  }

  statistics(): SimulatedBrokerStatistics {
    return { received: this.#received, delivered: this.#delivered, wills: this.#wills };
  }

  /**
   * Power cut of the broker: connections break, wills are forgotten. Retained messages, and what is kept for clients that
   * are away, are forgotten unless it `keepsState`.
   */
  crash({ keepsState = false }: { readonly keepsState?: boolean } = {}): void {
    this.#state = "stopped";
    this.#life += 1;
    this.#backlog = 0;
    this.#lastDue = 0;
    this.#held = [];
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    this.#routes.clear();
    if (!keepsState) {
      this.#retained.clear();
      this.#kept.clear();
    } else if (this.#isReplaying) {
      for (const session of sessions) this.#kept.left(session);
    }
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

  /** Handles everything that arrives from now on this much later, in order, pings and new clients included; 0: no more. */
  slow(delay: Duration): void {
    this.#delay = delay;
  }

  /** New clients are turned away, until `admitClients`; who is connected stays so. */
  refuseClients(): void {
    this.#isRefusing = true;
  }

  admitClients(): void {
    this.#isRefusing = false;
  }

  /** This fraction of QoS 1 publishes is accepted, and the publisher never hears so. */
  loseAcknowledgements(fraction: number): void {
    this.#lostAcknowledgements = fraction;
  }

  /** Whether what cannot be delivered to a client is kept for an hour, and delivered when it connects again. */
  replayOnReconnect(isReplaying: boolean): void {
    this.#isReplaying = isReplaying;
    this.#routes.clear();
    if (!isReplaying) this.#kept.clear();
  }

  /** Drawn for each publish. */
  acknowledges(): boolean {
    return this.#lostAcknowledgements === 0 || this.#random.fraction() >= this.#lostAcknowledgements;
  }

  /** Does `work` now, or when it gets round to it, or when it thaws; never if it is stopped. */
  whenRunning(work: () => void): void {
    if (this.#state === "stopped") return;
    if (this.#delay === 0 && this.#backlog === 0) {
      this.#work(work);
      return;
    }
    if (this.#backlog >= heldMax) return;
    const life = this.#life;
    this.#backlog += 1;
    this.#lastDue = Math.max(this.#time.now + this.#delay, this.#lastDue);
    this.#time.scheduleAt(instant(this.#lastDue), "a slow broker gets round to it", () => {
      if (life !== this.#life) return;
      this.#backlog -= 1;
      this.#work(work);
    });
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

  /** What was kept for this client, and retained messages, for a session that has just subscribed. */
  sendStored(session: BrokerSession): void {
    for (const { message, qos } of this.#kept.returned(session.clientId)) this.#deliver(session, message, qos);
    for (const message of this.#retained.values()) {
      const qos = grantedQos(session, levelsOf(message.topic));
      if (qos !== undefined) this.#deliver(session, message, lower(qos, message.qos));
    }
  }

  /** The message, which nobody changes any more, is handed to all receivers as it is. */
  publish(message: MqttPublish, by: Publisher): void {
    this.#received += 1;
    this.accepted?.(message, by);
    if (message.retain) {
      if (message.payload.length === 0) this.#retained.delete(message.topic);
      else this.#retained.set(message.topic, message);
    }
    const live = message.retain ? { ...message, retain: false } : message;
    for (const { receiver, qos } of this.#routesOf(message.topic)) {
      this.#deliver(receiver, live, lower(qos, message.qos));
    }
  }

  /** What was sent to this client did not get there. */
  missed(session: BrokerSession, message: MqttMessage, qos: 0 | 1): void {
    if (this.#isReplaying && this.#state !== "stopped") this.#kept.missed(session, message, qos);
  }

  /** The connection is over: `left` with a DISCONNECT, or `lost`, so that its will is published. */
  drop(session: BrokerSession, how: "left" | "lost"): void {
    if (this.#sessions.get(session.clientId) !== session) return;
    this.#sessions.delete(session.clientId);
    this.#routes.clear();
    if (this.#isReplaying) this.#kept.left(session);
    if (how === "left" || session.will === undefined) return;
    this.#wills += 1;
    this.publish(session.will, session);
  }

  /** The connections of one device are reset, at both ends: its wills are published at once. It dials again. */
  reset(device: string): void {
    if (this.#state !== "running") return;
    for (const session of [...this.#sessions.values()]) {
      if (session.device !== device) continue;
      this.drop(session, "lost");
      session.ended("crashed");
    }
  }

  has(session: BrokerSession): boolean {
    return this.#sessions.get(session.clientId) === session;
  }

  #work(work: () => void): void {
    if (this.#state === "running") work();
    else if (this.#state === "hung" && this.#held.length < heldMax) this.#held.push(work);
  }

  #routesOf(topic: string): readonly Route[] {
    const known = this.#routes.get(topic);
    if (known !== undefined) return known;
    const routes: Route[] = [];
    const levels = levelsOf(topic);
    for (const receiver of [...this.#sessions.values(), ...this.#kept.receivers()]) {
      const qos = grantedQos(receiver, levels);
      if (qos !== undefined) routes.push({ receiver, qos });
    }
    if (this.#routes.size >= routesMax) this.#routes.clear();
    this.#routes.set(topic, routes);
    return routes;
  }

  #deliver(receiver: Receiver, message: MqttMessage, qos: 0 | 1): void {
    this.#delivered += 1;
    receiver.deliver(message, qos);
  }
}

const lower = (a: 0 | 1, b: 0 | 1): 0 | 1 => (a === 1 && b === 1 ? 1 : 0);

function grantedQos({ subscriptions }: Receiver, topic: readonly string[]): 0 | 1 | undefined {
  let granted: 0 | 1 | undefined;
  for (const { filter, qos } of subscriptions) {
    if (matchesFilter(filter, topic)) granted = granted === 1 ? 1 : qos;
  }
  return granted;
}
