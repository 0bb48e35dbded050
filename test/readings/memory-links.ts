// MQTT links to brokers that exist in memory alone: they hand each message to the links that are subscribed to its topic.

import { SkeinError } from "../../src/base/errors.ts";
import type { MqttLink, MqttLinkHandlers, MqttLinkOptions, MqttLinks } from "../../src/base/ports/mqtt-link.ts";

interface OpenLink {
  readonly options: MqttLinkOptions;
  readonly handlers: MqttLinkHandlers;
}

export class MemoryLinks implements MqttLinks {
  readonly current = new Set<OpenLink>();
  opened = 0;

  open(options: MqttLinkOptions, handlers: MqttLinkHandlers): MqttLink {
    if (!options.url.includes("://")) throw new SkeinError("invalid-argument", `${options.url} is no broker's URL`);
    const link: OpenLink = { options, handlers };
    this.current.add(link);
    this.opened += 1;
    return {
      isUp: true,
      publish: () => {},
      close: () => {
        this.current.delete(link);
        return Promise.resolve();
      },
    };
  }

  /** To all links, closed ones that the caller still holds included: a late delivery. */
  deliver(topic: string, payload: string, retain = false, to: Iterable<OpenLink> = this.current): void {
    for (const { options, handlers } of to) {
      const isSubscribed = options.subscriptions.some(({ filter }) => filter === topic);
      if (isSubscribed) handlers.message({ topic, payload: Buffer.from(payload), retain });
    }
  }
}
