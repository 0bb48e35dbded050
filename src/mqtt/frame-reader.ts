// From what a broker delivered to a message that its receiver may act upon, or to a counted reason why not.

import type { Generation, Member } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { MqttMessage } from "../base/ports/mqtt-link.ts";
import type { Authenticator } from "./authenticator.ts";
import { type DropReason, decodeFrame, type FrameHead } from "./frame.ts";
import { decodeMessage, type MessageKind, messageKind, messageKinds, type SiteMessage } from "./messages.ts";
import type { Topic, Topics } from "./topics.ts";
import type { Traffic } from "./traffic.ts";

/** A message that came, and from whom. */
export interface Heard {
  readonly from: Member;
  /** The sender's session and start. */
  readonly session: number;
  readonly start: number;
  /** Said to everyone, on the log topic. */
  readonly broadcast: boolean;
  readonly message: SiteMessage;
}

/** An authentic frame of a generation that is not ours; its body was not read. */
export interface HeardGeneration {
  readonly generation: Generation;
  readonly from: Member;
  readonly kind: MessageKind;
}

/** An authentic frame under this device's own name that this run of it did not send. */
export interface HeardOwnName {
  readonly from: Member;
  readonly session: number;
  readonly start: number;
  /** The broker's memory, not somebody who speaks now. */
  readonly isRetained: boolean;
  /** It answers what this run, and no other, said: so it lives. */
  readonly quotes: { readonly session: number; readonly start: number } | undefined;
}

export interface FrameReaderOptions {
  readonly topics: Topics;
  readonly self: Member;
  readonly session: number;
  readonly start: number;
  readonly generation: () => Generation | undefined;
  readonly authenticator: Authenticator;
  readonly traffic: Traffic;
  /** May adopt it, if there is none yet: then the message counts. */
  readonly heardGeneration: (heard: HeardGeneration) => void;
  /** An authentic frame under this device's name, of another incarnation, session or start. */
  readonly heardOwnName: (heard: HeardOwnName) => void;
}

type Reading =
  | { readonly kind: "heard"; readonly heard: Heard }
  /** One's own frame on the log topic, back from the broker. */
  | { readonly kind: "echo"; readonly sequence: number }
  | { readonly kind: "dropped" };

/** A topic, and who may speak on it. */
interface Place {
  readonly topic: Topic;
  readonly speaker: string;
}

const nothing: Reading = { kind: "dropped" };

export class FrameReader {
  readonly #options: FrameReaderOptions;
  /** Topics that were read before: they are few, and each is heard again and again. */
  readonly #places = new Map<string, Place>();

  constructor(options: FrameReaderOptions) {
    this.#options = options;
  }

  read({ topic: name, payload, retain }: MqttMessage): Reading {
    const { traffic, authenticator } = this.#options;
    const place = this.#places.get(name) ?? this.#placeOf(name);
    if (place === undefined) return this.#drop("wrong-topic");
    const { topic, speaker } = place;
    if (retain && topic.kind !== "presence") return this.#drop("retained");

    const decoded = decodeFrame(payload, authenticator, (head) => this.#judge(head, topic, speaker));
    if (decoded.kind === "dropped") return this.#drop(decoded.why);
    const { head, body } = decoded;
    if (this.#isUnderOwnName(head, topic)) {
      this.#options.heardOwnName({ ...head, isRetained: false, quotes: this.#quoteIn(head, body) });
      return this.#drop("own-name");
    }
    if (topic.kind === "log" && this.#isOwn(head.from)) return { kind: "echo", sequence: head.sequence };
    const kind = messageKind(head.kind);
    if (kind === undefined) return this.#drop("unknown-kind");
    if (!this.#isOfOurGeneration(kind, head)) return this.#drop("other-generation");
    const message = decodeMessage(kind, body);
    if (message === undefined) {
      traffic.malformed(kind);
      return nothing;
    }
    traffic.received(kind, payload.length);
    return {
      kind: "heard",
      heard: { from: head.from, session: head.session, start: head.start, broadcast: topic.kind === "log", message },
    };
  }

  #placeOf(name: string): Place | undefined {
    const topic = this.#options.topics.parse(name);
    const speaker = topic === undefined ? undefined : speakerOf(topic);
    if (topic === undefined || speaker === undefined) return undefined;
    if (this.#places.size >= limits.presences) this.#places.clear();
    const place = { topic, speaker };
    this.#places.set(name, place);
    return place;
  }

  #judge(head: FrameHead, topic: Topic, speaker: string): DropReason | undefined {
    const kind = messageKind(head.kind);
    if (kind === undefined) return "unknown-kind";
    if (!isSaidOn(kind, topic.kind)) return "wrong-topic";
    if (head.from.device !== speaker) return "other-sender";
    if (this.#isUnderOwnName(head, topic)) return undefined; // once it is known to be authentic, somebody is told
    const isToEveryone = topic.kind === "log" || topic.kind === "presence";
    if (isToEveryone) return head.to === undefined ? undefined : "other-receiver";
    return head.to !== undefined && this.#isOwn(head.to) ? undefined : "other-receiver";
  }

  /** Another life of this device speaks: an earlier one, late, or a copy. */
  #isUnderOwnName(head: FrameHead, topic: Topic): boolean {
    const { self, session, start } = this.#options;
    if (head.from.device !== self.device || topic.kind === "presence") return false;
    return !this.#isOwn(head.from) || head.session !== session || head.start !== start;
  }

  #quoteIn(head: FrameHead, body: Uint8Array): HeardOwnName["quotes"] {
    const isForMe = head.to !== undefined && this.#isOwn(head.to);
    const message = isForMe && messageKind(head.kind) === "copy" ? decodeMessage("copy", body) : undefined;
    return message?.kind === "copy" ? { session: message.session, start: message.start } : undefined;
  }

  #isOwn(member: Member): boolean {
    const { self } = this.#options;
    return member.device === self.device && member.incarnation === self.incarnation;
  }

  #isOfOurGeneration(kind: MessageKind, head: FrameHead): boolean {
    if (!messageKinds[kind].needsGeneration) return true;
    const { generation } = head;
    if (generation === undefined) return false;
    if (isSameGeneration(generation, this.#options.generation())) return true;
    this.#options.heardGeneration({ generation, from: head.from, kind });
    return isSameGeneration(generation, this.#options.generation());
  }

  #drop(why: DropReason): Reading {
    this.#options.traffic.dropped(why);
    return nothing;
  }
}

function isSameGeneration(a: Generation, b: Generation | undefined): boolean {
  return b !== undefined && a.number === b.number && a.nonce === b.nonce;
}

/** Who may speak on it; undefined where no frames are said. */
function speakerOf(topic: Topic): string | undefined {
  switch (topic.kind) {
    case "log":
    case "to":
    case "data":
      return topic.from;
    case "presence":
    case "answer":
      return topic.device;
    case "ask":
      return topic.client;
    case "aggregates":
    case "events":
    case "site":
      return undefined;
  }
}

function isSaidOn(kind: MessageKind, topic: Topic["kind"]): boolean {
  const { channel } = messageKinds[kind];
  return channel === "raft" ? topic === "log" || topic === "to" : topic === channel;
}
