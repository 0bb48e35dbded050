// What a broker keeps for clients that are away, as for a persistent session [MQTT-3.1.2-5]: an agent asks for clean sessions,
// but a broker may be set up otherwise, and then delivers what is long out of date as if it were live.

import type { MqttMessage } from "../src/base/ports/mqtt-link.ts";
import { hours, type Instant } from "../src/base/units.ts";
import type { BrokerSession, Receiver, Subscription } from "./broker-session.ts";

interface Kept {
  readonly message: MqttMessage;
  readonly qos: 0 | 1;
  readonly at: Instant;
}

/** Older messages are thrown away. */
const keptFor = hours(1);
/** Per client; the oldest gives way. */
const keptMessagesMax = 1_000;

class KeptClient implements Receiver {
  readonly subscriptions: readonly Subscription[];
  readonly #now: () => Instant;
  #kept: Kept[] = [];
  /** Not connected. What does not get through to one who is connected is kept, too. */
  isAway = false;

  constructor(subscriptions: readonly Subscription[], now: () => Instant) {
    this.subscriptions = subscriptions;
    this.#now = now;
  }

  deliver(message: MqttMessage, qos: 0 | 1): void {
    if (this.#kept.length >= keptMessagesMax) this.#kept.shift();
    this.#kept.push({ message, qos, at: this.#now() });
  }

  /** Oldest first. */
  stillKept(): readonly Kept[] {
    const oldest = this.#now() - keptFor;
    return this.#kept.filter(({ at }) => at >= oldest);
  }
}

export class KeptMessages {
  readonly #now: () => Instant;
  readonly #clients = new Map<string, KeptClient>();

  constructor(now: () => Instant) {
    this.#now = now;
  }

  /** Everybody who is away, and would receive. */
  receivers(): readonly Receiver[] {
    return [...this.#clients.values()].filter(({ isAway }) => isAway);
  }

  left(session: BrokerSession): void {
    this.#clientOf(session).isAway = true;
  }

  /** A message did not get through to the client of this session. */
  missed(session: BrokerSession, message: MqttMessage, qos: 0 | 1): void {
    this.#clientOf(session).deliver(message, qos);
  }

  /** What was kept for a client that is here again. */
  returned(clientId: string): readonly Kept[] {
    const kept = this.#clients.get(clientId)?.stillKept() ?? [];
    this.#clients.delete(clientId);
    return kept;
  }

  clear(): void {
    this.#clients.clear();
  }

  #clientOf({ clientId, subscriptions }: BrokerSession): KeptClient {
    let client = this.#clients.get(clientId);
    if (client === undefined) {
      client = new KeptClient(subscriptions, this.#now);
      this.#clients.set(clientId, client);
    }
    return client;
  }
}
