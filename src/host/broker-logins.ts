// User and password for brokers that the site's configuration names: the uplink, and brokers of other devices. They are this
// machine's secret, never in the replicated configuration, so they are filled in here, at the door to the network.

import type { MqttLinks } from "../base/ports/mqtt-link.ts";
import { parseMqttUrl } from "./mqtt-url.ts";

export interface BrokerLogin {
  readonly username: string;
  readonly password: string;
}

/** By `brokerKey`. */
export type BrokerLogins = ReadonlyMap<string, BrokerLogin>;

/** The same for all ways to write one broker's URL. Fails with `invalid-argument` on what is none. */
export function brokerKey(url: string): string {
  const { protocol, host, port } = parseMqttUrl(url);
  return `${protocol}://${host}:${port}`;
}

/** Links that log in where a login is known, unless whoever opens one brings its own. */
export function withLogins(links: MqttLinks, logins: BrokerLogins): MqttLinks {
  return {
    open: (options, handlers) => {
      const login = options.username === undefined ? logins.get(brokerKey(options.url)) : undefined;
      return links.open({ ...options, ...login }, handlers);
    },
  };
}
