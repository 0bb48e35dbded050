// Readings out of messages of other devices: a topic of any broker, and a place in its payload.
//
// Sensors that name the same broker share one link. A link's subscriptions are given when it is opened, so when sensors come or
// go it is opened anew, the old one closed first: a message in between is lost, as QoS 0 allows, and never taken twice. A
// retained delivery is what the broker remembers, not what is measured now: it is shown as the latest value and is no reading.

import { isSkeinError, SkeinError } from "../base/errors.ts";
import type { SensorId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Driver, DriverSink } from "../base/ports/driver.ts";
import type { MqttLink, MqttLinks, MqttMessage } from "../base/ports/mqtt-link.ts";
import { milliseconds, seconds } from "../base/units.ts";
import { type JsonPath, parseJsonPath } from "./json-path.ts";
import { messageValue } from "./message-value.ts";

export interface MqttSource {
  /** A broker's URL; credentials in it are used, never shown. */
  readonly broker: string;
  /** One topic, no wildcard: a sensor is one thing. */
  readonly topic: string;
  /** A JSON path; undefined: the whole payload is the value. */
  readonly path: string | undefined;
}

export interface MqttSourcePorts {
  readonly clock: Clock;
  readonly links: MqttLinks;
  /** Unique among everything that connects to these brokers. */
  readonly clientId: string;
}

interface Listener {
  readonly topic: string;
  readonly path: JsonPath | undefined;
  /** For messages: `sensor: topic at path`. */
  readonly where: string;
  readonly sink: DriverSink;
}

/** Sensors start and stop in groups when the configuration changes; one new link serves them all. */
const settleTime = milliseconds(50);

/** All the `mqtt` sensors of one device. */
export class MqttSources {
  readonly #ports: MqttSourcePorts;
  readonly #brokers = new Map<string, SharedLink>();

  constructor(ports: MqttSourcePorts) {
    this.#ports = ports;
  }

  driver(sensor: SensorId, source: MqttSource): Driver {
    let listener: Listener | undefined;
    return {
      start: (sink) => {
        const wrong = faultIn(sensor, source);
        if (wrong !== undefined) {
          this.#ports.clock.soon(() => sink.fault(wrong));
          return;
        }
        listener = listenerOf(sensor, source, sink);
        this.#linkTo(source.broker).add(listener);
      },
      stop: () => {
        if (listener !== undefined) this.#brokers.get(source.broker)?.remove(listener);
        listener = undefined;
      },
    };
  }

  #linkTo(broker: string): SharedLink {
    let link = this.#brokers.get(broker);
    if (link === undefined) {
      link = new SharedLink(broker, this.#ports, () => this.#brokers.delete(broker));
      this.#brokers.set(broker, link);
    }
    return link;
  }
}

class SharedLink {
  readonly #broker: string;
  readonly #ports: MqttSourcePorts;
  readonly #unused: () => void;
  readonly #listeners = new Set<Listener>();
  #link: MqttLink | undefined;
  #subscribed = "";
  #timer: Timer | undefined;

  constructor(broker: string, ports: MqttSourcePorts, unused: () => void) {
    this.#broker = broker;
    this.#ports = ports;
    this.#unused = unused;
  }

  add(listener: Listener): void {
    this.#listeners.add(listener);
    this.#settleSoon();
  }

  remove(listener: Listener): void {
    this.#listeners.delete(listener);
    this.#settleSoon();
  }

  #settleSoon(): void {
    this.#timer?.cancel();
    this.#timer = this.#ports.clock.after(settleTime, "subscribe sensors", () => this.#settle());
  }

  #settle(): void {
    const topics = [...new Set([...this.#listeners].map(({ topic }) => topic))].sort();
    const subscribed = topics.join("\n");
    if (subscribed === this.#subscribed) return;
    this.#subscribed = subscribed;
    this.#close();
    if (topics.length > 0) this.#open(topics);
    else this.#unused();
  }

  #open(topics: readonly string[]): void {
    try {
      const link: MqttLink = this.#ports.links.open(
        {
          ...credentialsOf(this.#broker),
          clientId: `${this.#ports.clientId}-sensors`,
          keepAlive: seconds(30),
          subscriptions: topics.map((filter) => ({ filter, qos: 0 })),
          maxPendingBytes: limits.linkPendingBytes,
        },
        {
          up: () => {},
          down: (reason) => this.#link === link && this.#fault(reason),
          message: (message) => this.#link === link && this.#message(message),
        },
      );
      this.#link = link;
    } catch (failure) {
      if (!isSkeinError(failure)) throw failure;
      this.#fault(failure);
    }
  }

  #close(): void {
    const link = this.#link;
    this.#link = undefined;
    // What a closing link still has to say concerns nobody.
    link?.close().catch(() => undefined);
  }

  #fault(failure: SkeinError): void {
    for (const { sink } of this.#listeners) sink.fault(failure);
  }

  #message({ topic, payload, retain }: MqttMessage): void {
    for (const listener of this.#listeners) {
      if (listener.topic !== topic) continue;
      const { sink, where, path } = listener;
      if (payload.byteLength > limits.sensorMessageBytes) {
        const fault = `${where}: a message of ${payload.byteLength} bytes; at most ${limits.sensorMessageBytes} are read`;
        sink.fault(new SkeinError("driver-failed", fault));
        continue;
      }
      const found = messageValue(payload, path);
      if (found.kind === "none") sink.fault(new SkeinError("driver-failed", `${where}: ${found.why}`));
      else if (retain) sink.latest(found.value);
      else sink.reading(found.value);
    }
  }
}

function faultIn(sensor: SensorId, { topic, path }: MqttSource): SkeinError | undefined {
  if (topic === "" || /[+#\0]/.test(topic)) {
    const why = `${sensor}: ${JSON.stringify(topic)} is not one topic; name one sensor for each`;
    return new SkeinError("invalid-configuration", why);
  }
  const parsed = path === undefined ? undefined : parseJsonPath(path);
  if (parsed?.kind !== "wrong") return undefined;
  const why = `${sensor}: ${JSON.stringify(path)} is no path: expected ${parsed.expected} at character ${parsed.at + 1}`;
  return new SkeinError("invalid-configuration", why);
}

function listenerOf(sensor: SensorId, { topic, path }: MqttSource, sink: DriverSink): Listener {
  const parsed = path === undefined ? undefined : parseJsonPath(path);
  return {
    topic,
    path: parsed?.kind === "path" ? parsed.path : undefined,
    where: `${sensor}: ${topic}${path === undefined ? "" : ` at ${path}`}`,
    sink,
  };
}

/** The URL without its user, and that user; a text that is no URL is left to the link to refuse. */
function credentialsOf(broker: string): { url: string; username?: string; password?: string } {
  const parts = /^([a-z]+:\/\/)([^:@/]*)(?::([^@/]*))?@(.*)$/i.exec(broker);
  if (parts === null) return { url: broker };
  const [, scheme = "", user = "", password, rest = ""] = parts;
  return {
    url: scheme + rest,
    username: decodeURIComponent(user),
    ...(password === undefined ? {} : { password: decodeURIComponent(password) }),
  };
}
