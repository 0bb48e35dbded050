// The complete topic tree (DESIGN §5). `docs/topics.md` is checked against `topicTable` by a test.
//
// The sender stands in the topic, so that a broker's access rule can enforce who speaks; the frame says it again, under
// authentication, and a receiver compares the two.

import { type DeviceId, isDeviceId, type SiteId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";

export type Topic =
  /** Raft appends, heartbeats and questions to everyone. */
  | { readonly kind: "log"; readonly from: DeviceId }
  /** Raft, to one device. */
  | { readonly kind: "to"; readonly device: DeviceId; readonly from: DeviceId }
  /** Everything else to one device: on a connection of its own, so that Raft never waits behind it. */
  | { readonly kind: "data"; readonly device: DeviceId; readonly from: DeviceId }
  | { readonly kind: "presence"; readonly device: DeviceId }
  | { readonly kind: "ask"; readonly device: DeviceId; readonly client: DeviceId }
  | { readonly kind: "answer"; readonly client: DeviceId; readonly device: DeviceId }
  /** The dashboard topic, on the uplink: JSON, one series each. */
  | { readonly kind: "aggregates"; readonly name: string; readonly group: readonly string[] }
  | { readonly kind: "events"; readonly event: string }
  | { readonly kind: "site" };

export interface TopicRow {
  readonly pattern: string;
  readonly publisher: string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

/** Patterns after the prefix `skein/1/{site}/`. */
export const topicTable: Readonly<Record<Topic["kind"], TopicRow>> = {
  log: { pattern: "log/{from}", publisher: "a device eligible to vote, as itself", qos: 0, retain: false },
  to: { pattern: "to/{device}/{from}", publisher: "`from`", qos: 0, retain: false },
  data: { pattern: "data/{device}/{from}", publisher: "`from`", qos: 0, retain: false },
  presence: { pattern: "presence/{device}", publisher: "that device, and its last will", qos: 1, retain: true },
  ask: { pattern: "api/ask/{device}/{client}", publisher: "`client`", qos: 0, retain: false },
  answer: { pattern: "api/answer/{client}/{device}", publisher: "`device`", qos: 0, retain: false },
  aggregates: {
    pattern: "aggregates/{name}/{group…}",
    publisher: "the coordinator, on the uplink",
    qos: 1,
    retain: true,
  },
  events: { pattern: "events/{event}", publisher: "the coordinator, on the uplink", qos: 1, retain: false },
  site: { pattern: "site", publisher: "the coordinator, on the uplink", qos: 1, retain: true },
};

/** Builds and reads the topics of one site. */
export class Topics {
  readonly prefix: string;

  constructor(site: SiteId) {
    this.prefix = `skein/1/${site}/`;
  }

  build(topic: Topic): string {
    switch (topic.kind) {
      case "log":
        return `${this.prefix}log/${topic.from}`;
      case "to":
      case "data":
        return `${this.prefix}${topic.kind}/${topic.device}/${topic.from}`;
      case "presence":
        return `${this.prefix}presence/${topic.device}`;
      case "ask":
        return `${this.prefix}api/ask/${topic.device}/${topic.client}`;
      case "answer":
        return `${this.prefix}api/answer/${topic.client}/${topic.device}`;
      case "aggregates":
        return `${this.prefix}aggregates/${[topic.name, ...topic.group].map(topicLevel).join("/")}`;
      case "events":
        return `${this.prefix}events/${topicLevel(topic.event)}`;
      case "site":
        return `${this.prefix}site`;
    }
  }

  /** Undefined for a topic that is not in the tree, of another site, or with a name that none can have. */
  parse(text: string): Topic | undefined {
    if (text.length > limits.topicBytes || !text.startsWith(this.prefix)) return undefined;
    const [head, first, second, third, ...rest] = text.slice(this.prefix.length).split("/");
    if (head === "aggregates") return parseAggregates(first, second, third, rest);
    if (rest.length > 0) return undefined;
    if (head === "api") return third === undefined ? undefined : parseApi(first, second, third);
    if (third !== undefined) return undefined;
    if (head === "to" || head === "data") {
      return isDeviceId(first) && isDeviceId(second) ? { kind: head, device: first, from: second } : undefined;
    }
    if (second !== undefined) return undefined;
    if (head === "log") return isDeviceId(first) ? { kind: "log", from: first } : undefined;
    if (head === "presence") return isDeviceId(first) ? { kind: "presence", device: first } : undefined;
    if (head === "events") return isTopicLevel(first) ? { kind: "events", event: first } : undefined;
    return head === "site" && first === undefined ? { kind: "site" } : undefined;
  }

  /** What a device subscribes to on its Raft connection. */
  raftFilters(device: DeviceId): readonly string[] {
    return [`${this.prefix}log/+`, `${this.prefix}to/${device}/+`, `${this.prefix}presence/+`];
  }

  /** What a device subscribes to on its data connection. */
  dataFilters(device: DeviceId): readonly string[] {
    return [`${this.prefix}data/${device}/+`, `${this.prefix}api/ask/${device}/+`];
  }

  /** What a client of the API subscribes to. */
  clientFilters(client: DeviceId): readonly string[] {
    return [`${this.prefix}api/answer/${client}/+`, `${this.prefix}presence/+`];
  }
}

function parseApi(word: string | undefined, first: string | undefined, second: string): Topic | undefined {
  if (!isDeviceId(first) || !isDeviceId(second)) return undefined;
  if (word === "ask") return { kind: "ask", device: first, client: second };
  return word === "answer" ? { kind: "answer", client: first, device: second } : undefined;
}

function parseAggregates(
  name: string | undefined,
  second: string | undefined,
  third: string | undefined,
  rest: readonly string[],
): Topic | undefined {
  if (!isTopicLevel(name)) return undefined;
  const group = [second, third, ...rest].filter((level) => level !== undefined);
  return group.every(isTopicLevel) ? { kind: "aggregates", name, group } : undefined;
}

// MQTT 3.1.1 §4.7: wildcards and NUL are not allowed in a topic name; control characters may end a connection [MQTT-1.5.3-2].
const forbiddenInLevel = /[+#/\p{Cc}\p{Cs}\ufffe\uffff]/gu;

const isTopicLevel = (level: string | undefined): level is string =>
  level !== undefined && level !== "" && topicLevel(level) === level;

/** One level of a topic out of any text: what a topic may not have becomes `_`, what is too long is cut. */
export function topicLevel(text: string): string {
  const clean = text.replace(forbiddenInLevel, "_");
  const cut = clean.length > limits.topicLevelLength ? cutText(clean, limits.topicLevelLength) : clean;
  return cut === "" ? "_" : cut;
}

/** Cuts without leaving half of a surrogate pair. */
function cutText(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
