// The byte stream under an MQTT connection. TCP_NODELAY is set from the first packet: with Nagle's algorithm a QoS 1 hop
// takes 44 ms instead of 0.2.

import { connect as connectTcp, isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { createWebSocketStream, WebSocket } from "ws";
import { limits } from "../base/limits.ts";
import type { MqttUrl } from "./mqtt-url.ts";

export interface MqttStream {
  readonly duplex: Duplex;
  /** Bytes written and not yet taken by the system. */
  pendingBytes(): number;
}

export function openStream({ protocol, host, port, path }: MqttUrl): MqttStream {
  if (protocol === "ws" || protocol === "wss") {
    const address = `${protocol}://${host.includes(":") ? `[${host}]` : host}:${port}${path}`;
    const socket = new WebSocket(address, ["mqtt"], { maxPayload: limits.linkPacketBytes, perMessageDeflate: false });
    const duplex = createWebSocketStream(socket);
    return { duplex, pendingBytes: () => duplex.writableLength + socket.bufferedAmount };
  }
  const socket =
    protocol === "mqtt"
      ? connectTcp({ host, port, noDelay: true })
      : connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }) }).setNoDelay(true);
  return { duplex: socket, pendingBytes: () => socket.writableLength };
}
