// MQTT 3.1.1 packets by hand, for what no proper client would send.

import { connect, type Socket } from "node:net";

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255), bytes]);
};

/** Remaining length (MQTT 3.1.1 §2.2.3). */
export function lengthField(length: number): Buffer {
  const bytes: number[] = [];
  for (let left = length; ; left = Math.floor(left / 128)) {
    bytes.push((left % 128) | (left >= 128 ? 128 : 0));
    if (left < 128) return Buffer.from(bytes);
  }
}

function packet(head: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(head), lengthField(body.length), body]);
}

export const connectPacket = (clientId: string, { keepAlive = 60, clean = true } = {}): Buffer =>
  packet(0x10, text("MQTT"), Buffer.of(4, clean ? 2 : 0, keepAlive >> 8, keepAlive & 255), text(clientId));

export const subscribePacket = (filters: readonly string[], qos: 0 | 1 = 0): Buffer =>
  packet(0x82, Buffer.of(0, 1), ...filters.flatMap((filter) => [text(filter), Buffer.of(qos)]));

export const publishPacket = (topic: string, payload: Uint8Array, retain = false): Buffer =>
  packet(retain ? 0x31 : 0x30, text(topic), Buffer.from(payload));

/** A socket that remembers what it got. */
export class RawClient {
  readonly socket: Socket;
  received: Buffer = Buffer.alloc(0);
  isClosed = false;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("data", (bytes) => {
      this.received = Buffer.concat([this.received, bytes]);
    });
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.isClosed = true;
    });
  }

  send(...packets: readonly Buffer[]): this {
    for (const each of packets) this.socket.write(each);
    return this;
  }
}
