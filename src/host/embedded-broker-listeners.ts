// The two doors of the embedded broker: MQTT over TCP, and over WebSocket for browsers.

import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createWebSocketStream, WebSocketServer } from "ws";

import { SkeinError } from "../base/errors.ts";

/** A server that listens, and what else is open because of it. */
export class Listener {
  readonly #server: Server;
  readonly #closing: () => void;

  constructor(server: Server, closing: () => void = () => undefined) {
    this.#server = server;
    this.#closing = closing;
  }

  /** The port that it listens on; 0 while it does not. */
  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === "object" ? address.port : 0;
  }

  /** Fails with `port-in-use` or `invalid-argument`, naming the port. */
  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", (error: NodeJS.ErrnoException) => {
        const isTaken = error.code === "EADDRINUSE";
        const taken = " is taken by another program: stop that one or choose another port";
        const what = `Port ${port} on ${host}${isTaken ? taken : `: ${error.message}`}`;
        reject(new SkeinError(isTaken ? "port-in-use" : "invalid-argument", what, error));
      });
      this.#server.listen(port, host, resolve);
    });
  }

  /** Also one that never listened. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#closing();
    });
  }
}

export interface TcpListenerOptions {
  /** Bytes that may wait for a receiver before its connection counts as blocked. */
  readonly pendingBytes: number;
  readonly connected: (socket: Socket) => void;
}

/** TCP_NODELAY on each accepted socket: with Nagle's algorithm a QoS 1 hop takes 44 ms. */
export function createTcpListener({ pendingBytes, connected }: TcpListenerOptions): Listener {
  return new Listener(createTcpServer({ noDelay: true, keepAlive: true, highWaterMark: pendingBytes }, connected));
}

export interface WebSocketListenerOptions {
  readonly pendingBytes: number;
  readonly packetBytes: number;
  readonly connections: number;
  /** Until an HTTP request must have come, in ms. */
  readonly connectTimeoutMs: number;
  /** What plain HTTP gets; 426 "Upgrade Required" when there is nothing to serve. */
  readonly requests: RequestListener | undefined;
  readonly accepts: () => boolean;
  readonly connected: (stream: Duplex, request: IncomingMessage) => void;
}

/** WebSocket with the subprotocol `mqtt` [MQTT-6.0.0-3], beside plain HTTP on the same port. */
export function createWebSocketListener(options: WebSocketListenerOptions): Listener {
  const { pendingBytes, packetBytes, requests = sayUpgrade, accepts, connected } = options;
  const server = createHttpServer({ headersTimeout: options.connectTimeoutMs, noDelay: true }, requests);
  server.maxConnections = options.connections;
  const sockets = new WebSocketServer({
    server,
    maxPayload: packetBytes,
    perMessageDeflate: false,
    verifyClient: ({ req }: { readonly req: IncomingMessage }) => isForMqtt(req) && accepts(),
    handleProtocols: () => "mqtt",
  });
  // A port that is taken is told by the HTTP server.
  sockets.on("error", () => undefined);
  sockets.on("connection", (socket, request) => {
    connected(createWebSocketStream(socket, { highWaterMark: pendingBytes }), request);
  });
  return new Listener(server, () => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
    server.closeAllConnections();
  });
}

const sayUpgrade: RequestListener = (_request, response) => {
  response.writeHead(426, { "content-type": "text/plain", upgrade: "websocket" });
  response.end("This port speaks MQTT over WebSocket.\n");
};

const isForMqtt = (request: IncomingMessage): boolean =>
  (request.headers["sec-websocket-protocol"] ?? "").split(/, */).includes("mqtt");
