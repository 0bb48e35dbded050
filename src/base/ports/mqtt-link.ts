import type { SkeinError } from "../errors.ts";
import type { Duration } from "../units.ts";

export interface MqttMessage {
  readonly topic: string;
  /** On delivery: others may have been given the same bytes; who receives them only reads. */
  readonly payload: Uint8Array;
  /** On delivery: the broker had it in store, it is not live. On publishing: the broker shall keep it. */
  readonly retain: boolean;
}

export interface MqttPublish extends MqttMessage {
  readonly qos: 0 | 1;
}

export interface MqttLinkOptions {
  /** `mqtt://host:port`, `mqtts://`, `ws://` or `wss://`; never logged with its password. */
  readonly url: string;
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  /** Asked before each attempt to connect, so that a will can say which connection it belongs to. */
  readonly will?: () => MqttPublish;
  readonly keepAlive: Duration;
  /** Subscribed, each time, before `up` is told. */
  readonly subscriptions: readonly { readonly filter: string; readonly qos: 0 | 1 }[];
  /** Bytes that may wait in the socket; beyond, QoS 0 publishes are refused with `queue-full`. */
  readonly maxPendingBytes: number;
}

/** None of these is called before `open` has returned, nor after `close` was called. */
export interface MqttLinkHandlers {
  /** Connected and subscribed. */
  up(): void;
  /**
   * Not connected (any more), once for each attempt that failed; it goes on trying, with full jitter. `broker-refused`: the
   * broker turned this client or a subscription away, or ended the connection itself, as it does when another client takes
   * over its id [MQTT-3.1.4-2]. Else `broker-unreachable`.
   */
  down(reason: SkeinError): void;
  message(message: MqttMessage): void;
}

/** One connection to one broker; clean session; nothing is queued while it is down. */
export interface MqttLink {
  readonly isUp: boolean;
  /**
   * `done` is called once, perhaps before `publish` returns: QoS 0 when handed to the socket, QoS 1 at the broker's PUBACK;
   * with `not-connected` or `queue-full` when it was not sent, with `broker-unreachable` when the link fell or was closed
   * before the PUBACK (outcome unknown).
   */
  publish(message: MqttPublish, done?: (failure?: SkeinError) => void): void;
  /** Idempotent. `abrupt`: drops the socket without DISCONNECT, so that the broker publishes the will. */
  close(how?: "clean" | "abrupt"): Promise<void>;
}

export interface MqttLinks {
  /** Begins to connect; never throws for an unreachable broker. Fails with `invalid-argument` on a URL that is none. */
  open(options: MqttLinkOptions, handlers: MqttLinkHandlers): MqttLink;
}
