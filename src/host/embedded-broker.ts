// The MQTT broker that an agent embeds: aedes, with every limit set. Clients of the site's own kind do not depend on its
// kindness: all sessions end with their connection, nothing is queued for who is away, and nothing survives a restart.

import type { RequestListener } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Aedes, type AedesOptions, type Client } from "aedes";
import type { Broker, BrokerOptions, BrokerStatistics, Brokers } from "../base/ports/broker.ts";
import type { Logger } from "../base/ports/logger.ts";
import {
  defaultBrokerLimits,
  type EmbeddedBrokerLimits,
  guardPacketSize,
  judgeDelivery,
  LimitBroken,
  RetainedBudget,
} from "./embedded-broker-limits.ts";
import { createTcpListener, createWebSocketListener, type Listener } from "./embedded-broker-listeners.ts";

export interface EmbeddedBrokersOptions {
  readonly log: Logger;
  readonly limits?: Partial<EmbeddedBrokerLimits>;
  /** Answers plain HTTP on the WebSocket port, e.g. with a page that then speaks MQTT to the same port. */
  readonly requests?: RequestListener;
}

export class EmbeddedBrokers implements Brokers {
  readonly #options: EmbeddedBrokersOptions;

  constructor(options: EmbeddedBrokersOptions) {
    this.#options = options;
  }

  async start(options: BrokerOptions): Promise<Broker> {
    const { log, limits, requests } = this.#options;
    const broker = new EmbeddedBroker(log, { ...defaultBrokerLimits, ...limits }, options, requests);
    try {
      await broker.start();
    } catch (error) {
      await broker.stop();
      throw error;
    }
    return broker;
  }
}

/** Errors of aedes's own limits have no type, only these words. */
const limitWords = /drain timeout|did not arrive in time|queue limit|maxInflightInbound|too many levels/;

class EmbeddedBroker implements Broker {
  readonly host: string;
  readonly #log: Logger;
  readonly #limits: EmbeddedBrokerLimits;
  readonly #options: BrokerOptions;
  readonly #aedes: Aedes;
  readonly #tcp: Listener;
  readonly #webSocket: Listener | undefined;
  readonly #retained: RetainedBudget;
  readonly #filters = new WeakMap<Client, Set<string>>();
  readonly #connections = new Set<Duplex>();
  /** Cut off already: aedes reports some ends twice. */
  readonly #offenders = new WeakSet<Client>();
  readonly #counts = { received: 0, delivered: 0, bytesReceived: 0, bytesDelivered: 0, dropped: 0, cutOff: 0 };

  constructor(
    log: Logger,
    bounds: EmbeddedBrokerLimits,
    options: BrokerOptions,
    requests: RequestListener | undefined,
  ) {
    this.host = options.host;
    this.#log = log;
    this.#limits = bounds;
    this.#options = options;
    this.#retained = new RetainedBudget(bounds);
    this.#aedes = new Aedes(this.#aedesOptions());
    this.#aedes.on("publish", ({ payload }, client) => {
      if (client === null) return;
      this.#counts.received += 1;
      this.#counts.bytesReceived += payload.length;
    });
    this.#aedes.on("unsubscribe", (filters, client) => {
      for (const filter of filters) this.#filters.get(client)?.delete(filter);
    });
    this.#aedes.on("clientError", (client, error) => this.#clientFailed(client, error));
    this.#aedes.on("connectionError", (client, error) => this.#clientFailed(client, error));
    (this.#aedes as NodeJS.EventEmitter).on("error", (error: Error) => log.error({ error }, "embedded broker failed"));
    this.#tcp = createTcpListener({ ...bounds, connected: (socket) => this.#connected(socket) });
    if (options.webSocketPort === undefined) return;
    this.#webSocket = createWebSocketListener({
      ...bounds,
      requests,
      accepts: () => this.#hasRoom(),
      connected: (stream, request) => this.#handle(stream, request),
    });
  }

  get port(): number {
    return this.#tcp.port;
  }

  get webSocketPort(): number | undefined {
    return this.#webSocket?.port;
  }

  async start(): Promise<void> {
    await this.#aedes.listen();
    await this.#tcp.listen(this.host, this.#options.port);
    await this.#webSocket?.listen(this.host, this.#options.webSocketPort ?? 0);
  }

  statistics(): BrokerStatistics {
    return { clients: this.#aedes.connectedClients, ...this.#counts };
  }

  async stop(): Promise<void> {
    const tcp = this.#tcp.close();
    const webSocket = this.#webSocket?.close();
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
    for (const connection of this.#connections) connection.destroy();
    await tcp;
    await webSocket;
  }

  #aedesOptions(): AedesOptions {
    const bounds = this.#limits;
    return {
      concurrency: 256,
      heartbeatInterval: 60_000,
      connectTimeout: bounds.connectTimeoutMs,
      drainTimeout: bounds.drainTimeoutMs,
      keepaliveLimit: bounds.keepAliveSeconds,
      queueLimit: bounds.earlyPackets,
      maxInflightInbound: bounds.unreleased,
      maxClientsIdLength: bounds.clientIdLength,
      maxTopicLevels: bounds.topicLevels,
      trustProxy: false,
      preConnect: (_client, packet, done) => {
        if (packet.clientId.length > bounds.clientIdLength) {
          done(new LimitBroken("the client id is too long"), false);
          return;
        }
        // A session that outlived its connection would be a queue without a bound.
        packet.clean = true;
        done(null, true);
      },
      authorizePublish: (_client, packet, done) => {
        // aedes reads orders of a cluster from $SYS; whoever may write there throws others out (aedes issue 597).
        if (packet.topic.startsWith("$")) done(new LimitBroken("topics that begin with $ are the broker's"));
        else if (packet.topic.length > bounds.topicBytes) done(new LimitBroken("the topic is too long"));
        else {
          if (packet.retain && !this.#retained.admits(packet.topic, packet.payload.length)) {
            packet.retain = false;
            this.#log.warn({ topic: packet.topic }, "embedded broker keeps no more retained messages");
          }
          done(null);
        }
      },
      authorizeSubscribe: (client, subscription, done) => {
        const filters = this.#filters.get(client) ?? new Set();
        this.#filters.set(client, filters);
        // aedes grants shared subscriptions of MQTT 3.1.1 clients, and never delivers.
        const isRefused =
          subscription.topic.startsWith("$") ||
          subscription.topic.length > bounds.topicBytes ||
          (filters.size >= bounds.subscriptions && !filters.has(subscription.topic));
        if (!isRefused) filters.add(subscription.topic);
        done(null, isRefused ? null : subscription);
      },
      authorizeForward: (client, packet) => {
        const judgement = judgeDelivery(client.conn, packet);
        if (judgement === "deliver") {
          this.#counts.delivered += 1;
          this.#counts.bytesDelivered += packet.payload.length;
          return packet;
        }
        this.#counts.dropped += 1;
        if (judgement === "cut-off") client.conn.destroy(new LimitBroken("it does not read what it subscribed to"));
        return null;
      },
    };
  }

  #connected(socket: Socket): void {
    if (this.#hasRoom()) this.#handle(socket, undefined);
    else socket.destroy();
  }

  #hasRoom(): boolean {
    if (this.#connections.size < this.#limits.connections) return true;
    this.#counts.cutOff += 1;
    return false;
  }

  #handle(connection: Duplex, request: Parameters<Aedes["handle"]>[1]): void {
    this.#connections.add(connection);
    connection.once("close", () => this.#connections.delete(connection));
    guardPacketSize(this.#aedes.handle(connection, request), this.#limits);
  }

  #clientFailed(client: Client, error: Error): void {
    if (!(error instanceof LimitBroken) && !limitWords.test(error.message)) return;
    if (this.#offenders.has(client)) return;
    this.#offenders.add(client);
    this.#counts.cutOff += 1;
    this.#log.warn({ client: client.id, why: error.message }, "embedded broker cut a client off");
  }
}
