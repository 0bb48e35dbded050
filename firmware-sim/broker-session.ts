// What a simulated broker knows of those whom it serves.

import type { MqttMessage, MqttPublish } from "../src/base/ports/mqtt-link.ts";

export interface Subscription {
  /** Levels of the filter. */
  readonly filter: readonly string[];
  readonly qos: 0 | 1;
}

/** Whom messages go to. */
export interface Receiver {
  readonly subscriptions: readonly Subscription[];
  /** All receivers of a message are given the same one: nobody changes it. */
  deliver(message: MqttMessage, qos: 0 | 1): void;
}

export interface Publisher {
  readonly clientId: string;
  /** Of the network: several may use one client id, one after the other. */
  readonly device: string;
}

/** The broker's end of one connection. */
export interface BrokerSession extends Receiver, Publisher {
  readonly will: MqttPublish | undefined;
  /** The broker ended it. `taken-over`: by a client of the same id. `silent`: nothing was heard for too long. */
  ended(why: "taken-over" | "crashed" | "silent"): void;
}
