// How a device speaks to its site: all its brokers as one.
//
// Each frame goes out on the fewest brokers that together reach its receivers: to one member on the broker where it was last
// heard, else where it is present; to everyone on a cover of all who are present (greedy, and nearly always one broker). No
// frame is kept or repeated here: whoever needs an answer asks again (PROTOCOLS, "Repeats").

import { type DeviceId, type Generation, type Member, memberKey, type SiteId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Logger } from "../base/ports/logger.ts";
import type { MqttLinks, MqttMessage } from "../base/ports/mqtt-link.ts";
import type { Duration } from "../base/units.ts";
import { type Authenticator, publishedAuthenticator } from "./authenticator.ts";
import { type BrokerAddress, BrokerConnection, type BrokerStatus, type Purpose } from "./broker-connection.ts";
import { FrameReader, type Heard, type HeardGeneration, type HeardOwnName } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import { messageKinds, type SiteMessage } from "./messages.ts";
import type { Present } from "./presence.ts";
import type { PresenceMessage } from "./site-codec.ts";
import { type Topic, Topics } from "./topics.ts";
import { Traffic, type TrafficReport } from "./traffic.ts";

export interface BrokerSetPorts {
  readonly clock: Clock;
  readonly links: MqttLinks;
  readonly log: Logger;
}

export interface BrokerSetOptions {
  readonly site: SiteId;
  readonly self: Member;
  readonly session: number;
  /** Drawn at this start (frame.ts). */
  readonly start: number;
  /** At most `limits.brokers`. */
  readonly brokers: readonly BrokerAddress[];
  readonly keepAlive: Duration;
  /** Asked for each frame; undefined while this device belongs to none. */
  readonly generation: () => Generation | undefined;
  readonly authenticator?: Authenticator;
}

export interface Delivery extends Heard {
  /** URL of the broker that it came through. */
  readonly via: string;
}

/** None is called before `start`, nor after `stop`. */
export interface BrokerSetHandlers {
  received(delivery: Delivery): void;
  /** An authentic frame of another generation; while there is none, taking it here lets the frame count. */
  heardGeneration(heard: HeardGeneration): void;
  /** An authentic frame of another life of this device: an earlier one's, late, or a copy's. It is dropped. */
  heardOwnName(heard: HeardOwnName): void;
  /** A connection came or went, or somebody's presence on a broker changed (then it says whose). */
  changed(via: string, present: Present | undefined): void;
  /** Others may take this device for gone: a connection came or went, or a will of this very run was heard, which lives. */
  doubted(): void;
}

export class BrokerSet {
  readonly #options: BrokerSetOptions;
  readonly #handlers: BrokerSetHandlers;
  readonly #log: Logger;
  readonly #topics: Topics;
  readonly #traffic = new Traffic();
  readonly #writer: FrameWriter;
  readonly #reader: FrameReader;
  readonly #connections: readonly BrokerConnection[];
  /** Where each device was last heard. */
  readonly #lastHeard = new Map<DeviceId, BrokerConnection>();
  /** A broker that is away is dialled again and again, and was lost once. */
  readonly #wasUp = new Set<BrokerConnection>();
  /** By URL, what was logged last: why there is no connection; undefined: that there is one. */
  readonly #logged = new Map<string, string | undefined>();
  /** The brokers that together reach everyone; undefined: to be found anew. */
  #cover: readonly BrokerConnection[] | undefined;
  #isRunning = false;

  constructor(ports: BrokerSetPorts, options: BrokerSetOptions, handlers: BrokerSetHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#log = ports.log;
    this.#topics = new Topics(options.site);
    const { self, session, start, generation } = options;
    const authenticator = options.authenticator ?? publishedAuthenticator;
    this.#writer = new FrameWriter({ self, session, start, generation, authenticator });
    this.#reader = new FrameReader({
      topics: this.#topics,
      self,
      session,
      start,
      generation,
      authenticator,
      traffic: this.#traffic,
      heardGeneration: (heard) => handlers.heardGeneration(heard),
      heardOwnName: (heard) => handlers.heardOwnName(heard),
    });
    this.#connections = options.brokers.slice(0, limits.brokers).map((address) => this.#connect(ports, address));
  }

  /** Begins to connect to every broker. Idempotent. */
  start(): void {
    this.#isRunning = true;
    for (const connection of this.#connections) connection.start();
  }

  /** Idempotent. `abrupt`: as a power cut, so that the last wills speak. */
  async stop(how: "clean" | "abrupt" = "clean"): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#connections.map((connection) => connection.stop(how)));
  }

  /**
   * To one member (or client of the API). `via`: the broker on which its question came, tried first. False when no broker
   * was there to take it; true means nothing more than that.
   */
  send(to: Member, message: SiteMessage, via?: string): boolean {
    const candidates = this.#routes(to.device, via);
    const topic = this.#topics.build(topicFor(message, to.device, this.#options.self.device));
    const purpose: Purpose = messageKinds[message.kind].channel === "raft" ? "raft" : "data";
    const frames = this.#write(message, to);
    let isSent = frames.length > 0;
    for (const frame of frames) {
      const publish = { topic, payload: frame.bytes, qos: 0, retain: false } as const;
      const isTaken = candidates.some((candidate) => candidate.publish(purpose, publish, this.#refused));
      this.#count(message, frame.bytes, isTaken);
      isSent &&= isTaken;
    }
    return isSent;
  }

  /** To everyone, on the log topic. */
  broadcast(message: SiteMessage): boolean {
    this.#cover ??= this.#findCover();
    const topic = this.#topics.build({ kind: "log", from: this.#options.self.device });
    const frames = this.#write(message, undefined);
    let isSent = frames.length > 0;
    for (const frame of frames) {
      const publish = { topic, payload: frame.bytes, qos: 0, retain: false } as const;
      let isTaken = false;
      for (const connection of this.#cover) {
        connection.expectEcho(frame.sequence);
        isTaken = connection.publish("raft", publish, this.#refused) || isTaken;
      }
      this.#count(message, frame.bytes, isTaken);
      isSent &&= isTaken;
    }
    return isSent;
  }

  brokers(): readonly BrokerStatus[] {
    return this.#connections.map((connection) => connection.status());
  }

  get isConnected(): boolean {
    return this.#connections.some(({ isUp }) => isUp);
  }

  /** Whether any broker has it as present: a hint. */
  isPresent(device: DeviceId): boolean {
    return this.#connections.some((connection) => connection.isUp && connection.presence.isHere(device));
  }

  /**
   * The wills of this run came on every broker that is up and on which it was seen (and there is one): a hint that it is gone.
   */
  hasLeft(member: Member, session: number): boolean {
    const seen = this.#connections
      .filter(({ isUp }) => isUp)
      .map(({ presence }) => presence.whereabouts(member, session))
      .filter((where) => where !== undefined);
    return seen.length > 0 && seen.every((where) => where === "left");
  }

  traffic(): TrafficReport {
    return this.#traffic.report();
  }

  #connect(ports: BrokerSetPorts, address: BrokerAddress): BrokerConnection {
    const { site, self, session, start, keepAlive } = this.#options;
    const connection: BrokerConnection = new BrokerConnection({
      address,
      device: self.device,
      // Names one run: its own half-open connection is taken over, a copy elsewhere is not (they would fight for ever).
      clientId: `skein-${site}-${self.device}-${self.incarnation.slice(0, 8)}-${session}-${start.toString(36)}`,
      keepAlive,
      topics: this.#topics,
      clock: ports.clock,
      links: ports.links,
      write: (message) => this.#writer.write(message, undefined)[0]?.bytes ?? new Uint8Array(0),
      arrived: (message) => this.#arrived(connection, message),
      changed: () => this.#changed(connection, undefined),
    });
    return connection;
  }

  #arrived(connection: BrokerConnection, message: MqttMessage): void {
    if (!this.#isRunning) return;
    const reading = this.#reader.read(message);
    if (reading.kind === "echo") connection.echoed(reading.sequence);
    if (reading.kind !== "heard") return;
    const { heard } = reading;
    if (heard.message.kind === "presence") {
      if (heard.from.device === this.#options.self.device) {
        this.#heardOwnPresence(connection, heard, heard.message, message.retain);
      }
      const news = connection.presence.heard(heard.from, heard.session, heard.message);
      if (news !== undefined) this.#changed(connection, news);
      return;
    }
    this.#noteWhere(heard.from.device, connection);
    this.#handlers.received({ ...heard, via: connection.url });
  }

  /** What the broker keeps of another run of this very incarnation counts too: its session may be one that is yet to come here. */
  #heardOwnPresence(connection: BrokerConnection, heard: Heard, said: PresenceMessage, isRetained: boolean): void {
    const { self, session, start } = this.#options;
    const { from } = heard;
    const isSame = memberKey(from) === memberKey(self);
    connection.heardOwnPresence(said, isRetained);
    const isOtherRun = isSame ? heard.session !== session || heard.start !== start : said.isHere && !isRetained;
    if (isSame && heard.session === session && !said.isHere && !isRetained) this.#handlers.doubted();
    if (!isOtherRun) return;
    this.#handlers.heardOwnName({
      from,
      session: heard.session,
      start: heard.start,
      isRetained: isRetained || !said.isHere,
      quotes: undefined,
    });
  }

  #noteWhere(device: DeviceId, connection: BrokerConnection): void {
    if (this.#connections.length < 2 || this.#lastHeard.get(device) === connection) return;
    if (this.#lastHeard.size >= limits.presences) this.#lastHeard.clear();
    this.#lastHeard.set(device, connection);
  }

  #changed(connection: BrokerConnection, present: Present | undefined): void {
    this.#cover = undefined;
    if (!this.#isRunning) return;
    const { isUp, lastError } = connection.status();
    const isSwitched = present === undefined && isUp !== this.#wasUp.has(connection);
    if (isUp) this.#wasUp.add(connection);
    else this.#wasUp.delete(connection);
    if (present !== undefined) this.#log.debug({ broker: connection.url, ...present }, "presence changed");
    else this.#logConnection(connection.url, isUp ? undefined : (lastError ?? "closed"));
    this.#handlers.changed(connection.url, present);
    if (isSwitched) this.#handlers.doubted();
  }

  /** A broker that is away for days is tried every few seconds, and is logged once for each reason. */
  #logConnection(broker: string, why: string | undefined): void {
    const isNews = !this.#logged.has(broker) || this.#logged.get(broker) !== why;
    this.#logged.set(broker, why);
    if (why === undefined) this.#log.info({ broker }, "connected to broker");
    else this.#log[isNews ? "warn" : "debug"]({ broker, why }, "no connection to broker");
  }

  /** The brokers to try for one receiver, best first. */
  #routes(device: DeviceId, via: string | undefined): readonly BrokerConnection[] {
    if (this.#connections.length < 2) return this.#connections;
    const last = this.#lastHeard.get(device);
    const rank = (connection: BrokerConnection): number => {
      if (connection.url === via) return 0;
      if (connection === last) return 1;
      return connection.presence.isHere(device) ? 2 : 3;
    };
    return this.#connections.filter(({ isUp }) => isUp).sort((a, b) => rank(a) - rank(b));
  }

  /** Fewest brokers that reach all who are present somewhere: greedy set cover; ties go to the first in the list. */
  #findCover(): readonly BrokerConnection[] {
    const up = this.#connections.filter(({ isUp }) => isUp);
    const [first] = up;
    if (first === undefined || up.length === 1) return up;
    const others = (connection: BrokerConnection) =>
      connection.presence.here().filter(({ device }) => device !== this.#options.self.device);
    const missing = new Set(up.flatMap(others).map(({ device }) => device));
    const cover: BrokerConnection[] = [];
    while (missing.size > 0) {
      const gain = (connection: BrokerConnection) =>
        others(connection).filter(({ device }) => missing.has(device)).length;
      const best = up.reduce((winner, connection) => (gain(connection) > gain(winner) ? connection : winner), first);
      for (const { device } of others(best)) missing.delete(device);
      cover.push(best);
    }
    return cover.length > 0 ? cover : [first];
  }

  #write(message: SiteMessage, to: Member | undefined): ReturnType<FrameWriter["write"]> {
    const frames = this.#writer.write(message, to);
    if (frames.length === 0) {
      this.#traffic.unsent("too-large");
      this.#log.error({ kind: message.kind, limit: limits.frameBytes }, "a message fits no frame and was not sent");
    }
    return frames;
  }

  #count(message: SiteMessage, bytes: Uint8Array, isTaken: boolean): void {
    if (isTaken) this.#traffic.sent(message.kind, bytes.length);
    else this.#traffic.unsent("not-connected");
  }

  readonly #refused = (): void => this.#traffic.unsent("queue-full");
}

function topicFor(message: SiteMessage, device: DeviceId, self: DeviceId): Topic {
  switch (messageKinds[message.kind].channel) {
    case "raft":
      return { kind: "to", device, from: self };
    case "data":
      return { kind: "data", device, from: self };
    case "ask":
      return { kind: "ask", device, client: self };
    case "answer":
      return { kind: "answer", client: device, device: self };
    case "presence":
      return { kind: "presence", device: self };
  }
}
