// One connection of MQTT.js, from dialling to its end: connected and subscribed, or not, and why not.

import { type ErrorWithReasonCode, MqttClient } from "mqtt";
import { SkeinError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { MqttLinkHandlers, MqttLinkOptions, MqttPublish } from "../base/ports/mqtt-link.ts";
import { PacketLengthWatcher } from "./mqtt-packet-length.ts";
import { type MqttStream, openStream } from "./mqtt-stream.ts";
import type { MqttUrl } from "./mqtt-url.ts";

/** How long a clean close waits for its DISCONNECT to go out. */
const closeTimeoutMs = 500;
/** A fault of the broker's SUBACK: refused (MQTT 3.1.1 §3.9.3). */
const refusedQos = 0x80;

export class MqttAttempt {
  readonly #client: MqttClient;
  readonly #stream: MqttStream;
  readonly #handlers: MqttLinkHandlers;
  readonly #name: string;
  #isConnected = false;
  #isOver = false;

  constructor(url: MqttUrl, options: MqttLinkOptions, handlers: MqttLinkHandlers) {
    this.#handlers = handlers;
    this.#name = `The broker at ${url.host}:${url.port}`;
    this.#stream = openStream(url);
    const { username = url.username, password = url.password } = options;
    const will = options.will?.();
    this.#client = new MqttClient(() => this.#stream.duplex, {
      clientId: options.clientId,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(will !== undefined && { will: { ...will, payload: asBuffer(will.payload) } }),
      keepalive: Math.max(1, Math.ceil(options.keepAlive / 1_000)),
      clean: true,
      protocolVersion: 4,
      reconnectPeriod: 0,
      queueQoSZero: false,
      resubscribe: false,
      // A ping that waits while messages go out would never find a broker that hangs with its socket open.
      reschedulePings: false,
    });
    this.#client.on("error", (error) => this.#ended(this.#failure(error)));
    this.#client.on("close", () => this.#ended(this.#failure(undefined)));
    this.#stream.duplex.once("end", () => {
      const why = this.#isConnected
        ? "ended the connection: it stops, or another client took over this one's name"
        : "closed the connection without a word";
      this.#ended(new SkeinError(this.#isConnected ? "broker-refused" : "broker-unreachable", `${this.#name} ${why}`));
    });
    const lengths = new PacketLengthWatcher(limits.linkPacketBytes);
    this.#stream.duplex.on("data", (bytes: Buffer) => {
      const length = lengths.tooLong(bytes);
      if (length === undefined) return;
      const what = `sent a packet of at least ${length} bytes; ${limits.linkPacketBytes} are allowed`;
      this.#ended(new SkeinError("broker-unreachable", `${this.#name} ${what}`));
    });
    this.#client.on("message", (topic, payload, { retain }) => {
      if (!this.#isOver) handlers.message({ topic, payload, retain });
    });
    this.#client.on("connect", () => this.#subscribe(options));
  }

  pendingBytes(): number {
    return this.#stream.pendingBytes();
  }

  /** `answered`: at the PUBACK, of QoS 1. */
  publish(message: MqttPublish, answered?: (failure?: SkeinError) => void): void {
    const { topic, payload, qos, retain } = message;
    this.#client.publish(topic, asBuffer(payload), { qos, retain }, (error) => {
      answered?.(error === undefined || error === null ? undefined : this.#failure(error));
    });
  }

  /** Ends it without a word. Idempotent. */
  destroy(): void {
    this.#isOver = true;
    this.#client.end(true);
    this.#stream.duplex.destroy();
  }

  close(how: "clean" | "abrupt"): Promise<void> {
    const wasConnected = this.#isConnected && !this.#isOver;
    this.#isOver = true;
    const { duplex } = this.#stream;
    if (duplex.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.destroy(), closeTimeoutMs);
      duplex.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
      if (how === "clean" && wasConnected) this.#client.end(false);
      else this.destroy();
    });
  }

  #subscribe({ subscriptions }: MqttLinkOptions): void {
    this.#isConnected = true;
    if (subscriptions.length === 0) {
      this.#handlers.up();
      return;
    }
    const filters = Object.fromEntries(subscriptions.map(({ filter, qos }) => [filter, { qos }]));
    this.#client.subscribe(filters, (error, granted) => {
      if (this.#isOver) return;
      const refused = granted?.find(({ qos }) => qos === refusedQos);
      if (error === null && refused === undefined) this.#handlers.up();
      else {
        const what = refused === undefined ? "" : ` to ${refused.topic}`;
        const why = error === null ? "refused" : error.message;
        this.#ended(new SkeinError("broker-refused", `${this.#name} refused the subscription${what}: ${why}`));
      }
    });
  }

  #ended(reason: SkeinError): void {
    if (this.#isOver) return;
    this.destroy();
    this.#handlers.down(reason);
  }

  #failure(error: Error | ErrorWithReasonCode | undefined): SkeinError {
    if (error === undefined) return new SkeinError("broker-unreachable", `${this.#name} was lost`);
    const isRefused = "code" in error && typeof error.code === "number" && error.code > 0;
    const code = isRefused ? "broker-refused" : "broker-unreachable";
    return new SkeinError(code, `${this.#name}: ${error.message || describe(error)}`, error);
  }
}

/** An error of several addresses has no message of its own. */
const describe = (error: object): string => ("code" in error ? String(error.code) : "no connection");

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
