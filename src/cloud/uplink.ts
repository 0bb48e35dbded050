// The link to the cloud's broker, held by whoever is coordinator (DESIGN §9).
//
// Problem: a deposed coordinator that has not noticed may overwrite newer values. Idea: the uplink has one client id for the
// whole site, so a broker cuts the predecessor off when the successor connects [MQTT-3.1.4-2]; and whoever was cut off, or
// lost its link for any reason, confirms its authority with a quorum before it connects again. So every connection belongs to
// a coordinator that was one when it connected, and the last one that connects stays.

import { SkeinError } from "../base/errors.ts";
import type { SiteId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Logger } from "../base/ports/logger.ts";
import type { MqttLink, MqttLinks } from "../base/ports/mqtt-link.ts";
import type { Random } from "../base/ports/random.ts";
import { type Duration, milliseconds, seconds } from "../base/units.ts";
import { CursorCommit } from "./cursor-commit.ts";
import { ItemStream, type OutboxSource } from "./item-stream.ts";
import { RoomEstimate } from "./room-estimate.ts";

export interface UplinkPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly links: MqttLinks;
  readonly log: Logger;
}

export interface UplinkOptions {
  readonly site: SiteId;
  /** Tried in turn, the first one first. Without credentials. */
  readonly urls: readonly string[];
  readonly username?: string;
  readonly password?: string;
  readonly keepAlive: Duration;
}

/** What the uplink needs of this device's replica. */
export interface UplinkReplica {
  readonly outbox: OutboxSource;
  /** By this device's own clock it is coordinator still; asked before anything is published. */
  hasAuthority(): boolean;
  /** Asks a quorum whether this device is coordinator; `done` is called once, perhaps much later. */
  confirmAuthority(done: (isConfirmed: boolean) => void): void;
  /** May be lost, or refused. */
  proposeCursor(upTo: number): void;
}

export interface UplinkStatus {
  readonly isConnected: boolean;
  /** The broker that is used or tried, and what was wrong with it last. */
  readonly url: string;
  readonly problem: string | undefined;
  /** Items handed to the broker since `start`, repeats included. */
  readonly sent: number;
  /** Number of the last item that the broker has. */
  readonly acknowledged: number;
  readonly waiting: number;
  readonly bytesWaiting: number;
  /** Until older windows must become coarser if the broker stays away; undefined: not known yet. */
  readonly daysOfRoom: number | undefined;
}

/** Unacknowledged items: enough for 100 items a second over a link of 150 ms. */
export const itemsInFlight = 16;
/** A question to the quorum that has got lost is asked again. */
const confirmTimeout = seconds(10);
/** MQTT repeats nothing over a connection that lives: a PUBACK that has not come by then needs another one. */
const answerWithin = seconds(60);
const retryMin = milliseconds(250);
const retryMax = seconds(30);
const retainedTopicsMax = 16;

export class Uplink {
  readonly #ports: UplinkPorts;
  readonly #options: UplinkOptions;
  readonly #replica: UplinkReplica;
  readonly #stream: ItemStream;
  readonly #cursor: CursorCommit;
  readonly #room = new RoomEstimate();
  readonly #prefix: string;
  /** What the broker shall keep beside items: said again on each connection. */
  readonly #kept = new Map<string, Uint8Array>();
  #isStarted = false;
  /** Grows with each link; what belongs to an earlier one is not listened to. */
  #attempt = 0;
  #link: MqttLink | undefined;
  #timer: Timer | undefined;
  #retries = 0;
  #place = 0;
  #problem: string | undefined;

  constructor(ports: UplinkPorts, options: UplinkOptions, replica: UplinkReplica) {
    this.#ports = ports;
    this.#options = options;
    this.#replica = replica;
    this.#prefix = `skein/1/${options.site}/`;
    const { outbox } = replica;
    this.#cursor = new CursorCommit(
      ports.clock,
      () => outbox.first - 1,
      (upTo) => replica.proposeCursor(upTo),
    );
    this.#stream = new ItemStream(outbox, itemsInFlight, {
      publish: (item, done) => this.#publishItem(item, done),
      acknowledged: (upTo) => this.#cursor.acknowledged(upTo),
      stopped: (failure) => this.#retryItems(failure),
    });
  }

  /** This device has become coordinator. Idempotent. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#room.sample(this.#ports.clock.now(), this.#replica.outbox.next);
    this.#connect();
  }

  /** This device is coordinator no longer. Idempotent; nothing is published afterwards. */
  stop(): Promise<void> {
    this.#isStarted = false;
    this.#cursor.stop();
    return this.#disconnect();
  }

  /** Items came or went. */
  outboxChanged(): void {
    this.#room.sample(this.#ports.clock.now(), this.#replica.outbox.next);
    this.#stream.more();
  }

  /**
   * Something beside the items, below the site's prefix: `site`, `events/…`. Best effort: without a link it is dropped, but what
   * the broker shall keep is remembered and said on the next connection.
   */
  publishStatus(topic: string, payload: Uint8Array, retain: boolean): void {
    if (retain && (this.#kept.has(topic) || this.#kept.size < retainedTopicsMax)) this.#kept.set(topic, payload);
    if (this.#link?.isUp !== true || !this.#replica.hasAuthority()) return;
    this.#link.publish({ topic: this.#prefix + topic, payload, retain, qos: 1 });
  }

  status(): UplinkStatus {
    const { first, next, count, bytes } = this.#replica.outbox;
    return {
      isConnected: this.#link?.isUp ?? false,
      url: this.#url,
      problem: this.#problem,
      sent: this.#stream.sent,
      acknowledged: Math.max(this.#stream.acknowledged, first - 1),
      waiting: count,
      bytesWaiting: bytes,
      daysOfRoom: this.#room.days(this.#ports.clock.now(), { count, next, bytes }),
    };
  }

  get #url(): string {
    const { urls } = this.#options;
    return urls[this.#place % Math.max(1, urls.length)] ?? "";
  }

  #connect(): void {
    const attempt = ++this.#attempt;
    this.#timer?.cancel();
    this.#timer = this.#ports.clock.after(confirmTimeout, "ask the site again", () => this.#connect());
    this.#replica.confirmAuthority((isConfirmed) => {
      if (attempt !== this.#attempt || !this.#isStarted) return;
      this.#timer?.cancel();
      if (isConfirmed) this.#open(attempt);
      else this.#connectLater("the site does not confirm that this device is coordinator");
    });
  }

  #open(attempt: number): void {
    const { site, username, password, keepAlive } = this.#options;
    const isCurrent = () => attempt === this.#attempt && this.#isStarted;
    const options = {
      url: this.#url,
      clientId: `skein-${site}-uplink`,
      keepAlive,
      subscriptions: [],
      maxPendingBytes: limits.linkPendingBytes,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    };
    try {
      this.#link = this.#ports.links.open(options, {
        up: () => {
          if (isCurrent()) this.#isUp();
        },
        down: (reason) => {
          if (isCurrent()) this.#isDown(reason);
        },
        message: () => undefined,
      });
    } catch (failure) {
      if (!(failure instanceof SkeinError)) throw failure;
      this.#isDown(failure);
    }
  }

  #isUp(): void {
    this.#retries = 0;
    this.#problem = undefined;
    this.#ports.log.info({ url: this.#url }, "uplink connected");
    for (const [topic, payload] of this.#kept) this.publishStatus(topic, payload, true);
    this.#stream.begin();
  }

  /** The link would connect again by itself; but first the site is asked whether this device still may. */
  #isDown(reason: SkeinError): void {
    const isNews = this.#retries === 0; // an uplink that is away for days says so once
    this.#ports.log[isNews ? "warn" : "debug"](
      { url: this.#url, code: reason.code, reason: reason.message },
      "no uplink",
    );
    this.#disconnect().catch((failure: unknown) => this.#ports.log.debug({ failure }, "uplink not closed"));
    this.#place += 1;
    this.#connectLater(reason.message);
  }

  #connectLater(problem: string): void {
    this.#problem = problem;
    const longest = Math.min(retryMax, retryMin * 2 ** this.#retries);
    this.#retries += 1;
    // Jitter over the whole of a bound that doubles: a broker that comes back is not met by all sites at one moment.
    const delay = milliseconds(retryMin / 2 + this.#ports.random.fraction() * longest);
    this.#timer?.cancel();
    this.#timer = this.#ports.clock.after(delay, "connect the uplink", () => this.#connect());
  }

  #disconnect(): Promise<void> {
    this.#attempt += 1;
    this.#timer?.cancel();
    this.#stream.end();
    const link = this.#link;
    this.#link = undefined;
    return link?.close() ?? Promise.resolve();
  }

  #publishItem(
    item: { topic: string; retain: boolean; payload: Uint8Array },
    done: (failure?: SkeinError) => void,
  ): void {
    if (this.#link === undefined || !this.#replica.hasAuthority()) {
      done(new SkeinError("not-connected", "This device is not coordinator, or has no uplink"));
      return;
    }
    const topic = this.#prefix + item.topic;
    this.#room.sawItem(topic.length + item.payload.length);
    const attempt = this.#attempt;
    const patience = this.#ports.clock.after(answerWithin, "give up on an item's PUBACK", () => {
      if (attempt !== this.#attempt) return;
      const why = `The broker has not acknowledged an item for ${answerWithin / 1000} s`;
      this.#isDown(new SkeinError("broker-unreachable", why));
    });
    this.#link.publish({ topic, payload: item.payload, retain: item.retain, qos: 1 }, (failure) => {
      patience.cancel();
      done(failure);
    });
  }

  /** The link may be up all the same: its socket is full, or the store could not read. */
  #retryItems(failure: SkeinError): void {
    this.#problem = failure.message;
    this.#timer?.cancel();
    this.#timer = this.#ports.clock.after(seconds(1), "send items again", () => {
      if (this.#isStarted && this.#link?.isUp === true) this.#stream.begin();
    });
  }
}
