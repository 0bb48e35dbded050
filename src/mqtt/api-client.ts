// A program's or the CLI's way to ask a device something, through one broker of its site.
//
// It finds devices by their retained presence, asks one by name, and gets the answer in numbered parts. No answer in time
// means that the outcome is unknown, not that it failed.

import { type DeviceId, deviceId, type Member, type SiteId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { MqttLink, MqttLinks, MqttMessage } from "../base/ports/mqtt-link.ts";
import type { Random } from "../base/ports/random.ts";
import { type Duration, seconds } from "../base/units.ts";
import { type Authenticator, publishedAuthenticator } from "./authenticator.ts";
import type { BrokerAddress } from "./broker-connection.ts";
import { FrameReader } from "./frame-reader.ts";
import { FrameWriter } from "./frame-writer.ts";
import { PresenceTable, type Present } from "./presence.ts";
import type { ApiAnswerMessage, ApiQuestionMessage } from "./site-codec.ts";
import { Topics } from "./topics.ts";
import { Traffic } from "./traffic.ts";

export interface ApiClientPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly links: MqttLinks;
}

export interface ApiClientOptions {
  readonly site: SiteId;
  readonly broker: BrokerAddress;
  /** What the client is called in topics, before some random digits; 1–20 of `a–z 0–9 -`. */
  readonly name: string;
  readonly authenticator?: Authenticator;
}

export interface ApiQuestion {
  readonly device: DeviceId;
  readonly name: string;
  readonly argument: unknown;
  /** Between the question and the first part, and between two parts. */
  readonly timeout: Duration;
}

export type ApiOutcome =
  /** Told once for each part, in order. */
  | { readonly kind: "answer"; readonly value: unknown; readonly isLast: boolean }
  /** The device refused; `code` is one of `base/errors.ts`, as far as this version knows. */
  | { readonly kind: "refused"; readonly code: string; readonly message: string }
  /** No device of that name is connected to this broker. */
  | { readonly kind: "absent" }
  | { readonly kind: "not-connected" }
  /** So many questions wait already, or this one fits no frame. */
  | { readonly kind: "too-much" }
  /** The outcome is unknown: no answer, or a part of it, came in time. */
  | { readonly kind: "timed-out" };

export interface ApiClientHandlers {
  /** The connection came or went, or a device did. */
  changed(): void;
}

interface Waiting {
  readonly question: ApiQuestion;
  readonly told: (outcome: ApiOutcome) => void;
  readonly from: Member;
  part: number;
  timer: Timer;
}

export class ApiClient {
  readonly #ports: ApiClientPorts;
  readonly #options: ApiClientOptions;
  readonly #handlers: ApiClientHandlers;
  readonly #self: Member;
  readonly #topics: Topics;
  readonly #writer: FrameWriter;
  readonly #reader: FrameReader;
  readonly #presence = new PresenceTable();
  readonly #waiting = new Map<number, Waiting>();
  #link: MqttLink | undefined;
  #lastError: string | undefined;
  #lastId = 0;

  constructor(ports: ApiClientPorts, options: ApiClientOptions, handlers: ApiClientHandlers) {
    this.#ports = ports;
    this.#options = options;
    this.#handlers = handlers;
    const digits = Buffer.from(ports.random.bytes(16)).toString("hex");
    this.#self = {
      device: deviceId(`${options.name}-${digits.slice(0, 10)}`),
      incarnation: digits as Member["incarnation"],
    };
    this.#topics = new Topics(options.site);
    const { authenticator = publishedAuthenticator } = options;
    const common = { self: this.#self, session: 0, start: 0, generation: () => undefined, authenticator };
    this.#writer = new FrameWriter(common);
    this.#reader = new FrameReader({
      ...common,
      topics: this.#topics,
      traffic: new Traffic(),
      heardGeneration: () => undefined,
      heardOwnName: () => undefined,
    });
  }

  get isUp(): boolean {
    return this.#link?.isUp === true;
  }

  /** Why it is not up, as far as it is known. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** Begins to connect. Idempotent. */
  start(): void {
    this.#link ??= this.#ports.links.open(
      {
        ...this.#options.broker,
        clientId: `skein-${this.#options.site}-${this.#self.device}`,
        keepAlive: seconds(15),
        subscriptions: this.#topics.clientFilters(this.#self.device).map((filter) => ({ filter, qos: 0 })),
        maxPendingBytes: limits.linkPendingBytes,
      },
      {
        up: () => {
          this.#lastError = undefined;
          this.#handlers.changed();
        },
        down: (reason) => {
          this.#lastError = reason.message;
          this.#presence.clear();
          this.#handlers.changed();
        },
        message: (message) => this.#arrived(message),
      },
    );
  }

  /** Idempotent. Questions that wait end as timed out. */
  async stop(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    for (const id of [...this.#waiting.keys()]) this.#end(id, { kind: "timed-out" });
    await link?.close();
  }

  /** Devices that are connected to this broker, by name; known a moment after it is up. */
  devices(): readonly DeviceId[] {
    return this.#presence.here().map(({ device }) => device);
  }

  /** `told` is called at least once: for each part of an answer, or once with why there is none. Never before this returns. */
  ask(question: ApiQuestion, told: (outcome: ApiOutcome) => void): void {
    const failure = this.#send(question, told);
    if (failure !== undefined) this.#ports.clock.soon(() => told(failure));
  }

  #send(question: ApiQuestion, told: (outcome: ApiOutcome) => void): ApiOutcome | undefined {
    const present = this.#presence.get(question.device);
    if (this.#link?.isUp !== true) return { kind: "not-connected" };
    if (present?.isHere !== true) return { kind: "absent" };
    if (this.#waiting.size >= limits.apiQuestions) return { kind: "too-much" };
    const id = ++this.#lastId;
    const { name, argument, device } = question;
    const message: ApiQuestionMessage = { kind: "api-question", id, name, argument };
    const [frame] = this.#writer.write(message, memberOf(present));
    if (frame === undefined) return { kind: "too-much" };
    this.#waiting.set(id, {
      question,
      told,
      from: memberOf(present),
      part: 0,
      timer: this.#expire(id, question.timeout),
    });
    const topic = this.#topics.build({ kind: "ask", device, client: this.#self.device });
    this.#link.publish({ topic, payload: frame.bytes, qos: 0, retain: false });
    return undefined;
  }

  #arrived(message: MqttMessage): void {
    if (this.#link === undefined) return;
    const reading = this.#reader.read(message);
    if (reading.kind !== "heard") return;
    const { heard } = reading;
    if (heard.message.kind === "api-answer") this.#answered(heard.from, heard.message);
    else if (heard.message.kind === "presence") {
      const news = this.#presence.heard(heard.from, heard.session, heard.message);
      if (news !== undefined) this.#handlers.changed();
    }
  }

  #answered(from: Member, { id, part, isLast, result }: ApiAnswerMessage): void {
    const waiting = this.#waiting.get(id);
    const isExpected = waiting?.from.device === from.device && waiting.from.incarnation === from.incarnation;
    if (waiting === undefined || !isExpected || part < waiting.part) return;
    if (part > waiting.part) this.#end(id, { kind: "timed-out" });
    else if (!result.isOk) this.#end(id, { kind: "refused", code: result.code, message: result.message });
    else if (isLast) this.#end(id, { kind: "answer", value: result.value, isLast });
    else {
      waiting.part += 1;
      waiting.timer.cancel();
      waiting.timer = this.#expire(id, waiting.question.timeout);
      waiting.told({ kind: "answer", value: result.value, isLast });
    }
  }

  #expire(id: number, timeout: Duration): Timer {
    return this.#ports.clock.after(timeout, "give up on an answer", () => this.#end(id, { kind: "timed-out" }));
  }

  #end(id: number, outcome: ApiOutcome): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    waiting.timer.cancel();
    waiting.told(outcome);
  }
}

const memberOf = ({ device, incarnation }: Present): Member => ({ device, incarnation });
