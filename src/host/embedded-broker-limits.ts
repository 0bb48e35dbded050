// What a client may ask of the embedded broker. Each bound says what goes wrong without it.

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { AedesPublishPacket, Client } from "aedes";
import { assert } from "../base/errors.ts";
import { limits } from "../base/limits.ts";

export interface EmbeddedBrokerLimits {
  /** TCP and WebSocket together. Without: file descriptors end, and with them the agent's own files. */
  readonly connections: number;
  /** Bytes of one packet. Without: aedes buffers 150 MB for a stranger. */
  readonly packetBytes: number;
  /** The same before the client is let in: a CONNECT with a will. */
  readonly connectPacketBytes: number;
  /** Bytes that wait for one receiver. Without: one that does not read takes the memory of all. */
  readonly pendingBytes: number;
  /** Until a receiver that takes nothing is cut off, in ms. Without: its messages hold aedes's slots and stop everybody. */
  readonly drainTimeoutMs: number;
  /** Until CONNECT must have come, in ms. Without: silent sockets stay for ever. */
  readonly connectTimeoutMs: number;
  /** Longest keep-alive, in seconds; none at all is refused. Without: a dead client's will comes after hours. */
  readonly keepAliveSeconds: number;
  /** UTF-16 units of a client id. */
  readonly clientIdLength: number;
  /** Filters of one client. Without: each costs the matcher memory, and each match time. */
  readonly subscriptions: number;
  readonly topicBytes: number;
  readonly topicLevels: number;
  /** Retained messages; one too many is delivered, but not kept. Without: any client fills the memory. */
  readonly retainedMessages: number;
  readonly retainedBytes: number;
  /** QoS 2 handshakes half done, of one client. */
  readonly unreleased: number;
  /** Packets that a client sends before it is let in. */
  readonly earlyPackets: number;
}

export const defaultBrokerLimits: EmbeddedBrokerLimits = {
  connections: 2_500,
  packetBytes: limits.brokerPacketBytes,
  connectPacketBytes: 16 * 1024,
  pendingBytes: 256 * 1024,
  drainTimeoutMs: 2_000,
  connectTimeoutMs: 5_000,
  keepAliveSeconds: 600,
  clientIdLength: 256,
  subscriptions: 64,
  topicBytes: limits.topicBytes,
  topicLevels: 32,
  retainedMessages: 10_000,
  retainedBytes: 8 * 1024 * 1024,
  unreleased: 64,
  earlyPackets: 32,
};

/** A client broke a limit and is cut off. */
export class LimitBroken extends Error {}

/**
 * aedes 1.2.0 accepts packets of any size, from anybody. Its parser learns a packet's length before it buffers the packet,
 * so that is where it is looked at. Private API of mqtt-packet: a test fails when it changes.
 */
export function guardPacketSize(client: Client, { packetBytes, connectPacketBytes }: EmbeddedBrokerLimits): void {
  const { _parser: parser } = client as unknown as { readonly _parser: GuardedParser };
  const parseLength = parser._parseLength;
  assert(typeof parseLength === "function", "mqtt-packet's parser reads a packet's length in _parseLength");
  parser._parseLength = function guarded(this: GuardedParser) {
    const isRead = parseLength.call(this);
    const most = client.connected ? packetBytes : connectPacketBytes;
    if (!isRead || this.packet.length <= most) return isRead;
    client.emit("error", new LimitBroken(`a packet of ${this.packet.length} bytes; ${most} are allowed`));
    return false;
  };
}

interface GuardedParser {
  readonly packet: { readonly length: number };
  _parseLength: (this: GuardedParser) => boolean;
}

/**
 * What becomes of a delivery to a client that does not read: QoS 0 is left out; a higher one may not be, so its connection
 * ends. (What waits is measured in Node's buffer, behind the one of the system.)
 */
export function judgeDelivery(
  connection: Duplex | Socket,
  packet: AedesPublishPacket,
): "deliver" | "leave-out" | "cut-off" {
  if (!connection.writableNeedDrain) return "deliver";
  return packet.qos === 0 ? "leave-out" : "cut-off";
}

/** How much is retained, by topic, within bounds. */
export class RetainedBudget {
  readonly #limits: Pick<EmbeddedBrokerLimits, "retainedMessages" | "retainedBytes">;
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  constructor(bounds: Pick<EmbeddedBrokerLimits, "retainedMessages" | "retainedBytes">) {
    this.#limits = bounds;
  }

  /** Whether the broker may keep it; if so, it counts. An empty payload deletes. */
  admits(topic: string, payloadBytes: number): boolean {
    const before = this.#sizes.get(topic) ?? 0;
    if (payloadBytes === 0) {
      this.#sizes.delete(topic);
      this.#bytes -= before;
      return true;
    }
    const size = payloadBytes + topic.length;
    const isFull = before === 0 && this.#sizes.size >= this.#limits.retainedMessages;
    if (isFull || this.#bytes - before + size > this.#limits.retainedBytes) return false;
    this.#sizes.set(topic, size);
    this.#bytes += size - before;
    return true;
  }
}
