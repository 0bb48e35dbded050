// An ordinary MQTT subscriber on the dashboard topic, with the plain client library and none of the agents' code. On a broker
// that outlives the run its session is kept, so that what is published while it is cut off still reaches it.

import mqtt from "mqtt";
import { withoutLogin } from "../../base/broker-url.ts";
import { SkeinError } from "../../base/errors.ts";
import type { SiteId } from "../../base/ids.ts";
import { dashboardFilters } from "./reader.ts";

/** One delivery of the dashboard topic. */
export interface Delivery {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly isRetained: boolean;
}

export interface DashboardTap {
  close(): Promise<void>;
}

export interface TapOptions {
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  readonly site: SiteId;
  readonly clientId: string;
  /** The broker keeps the session: false when it dies with the broker anyway. */
  readonly isSessionKept: boolean;
  received(delivery: Delivery): void;
}

/** Resolves once subscribed for the first time. Fails with `broker-unreachable` or `broker-refused`. */
export async function tapDashboard(options: TapOptions): Promise<DashboardTap> {
  const client = mqtt.connect(options.url, {
    clientId: options.clientId,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    clean: !options.isSessionKept,
    reconnectPeriod: 20, // ms: it must be back before the first item after a broker's restart
    connectTimeout: 5_000,
    queueQoSZero: false,
    resubscribe: true,
  });
  client.on("message", (topic, payload, packet) => options.received({ topic, payload, isRetained: packet.retain }));
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: Error): void => {
      client.end(true);
      reject(new SkeinError("broker-unreachable", `No MQTT broker answers at ${withoutLogin(options.url)}`, cause));
    };
    client.once("error", failed);
    client.once("connect", () => {
      client.subscribe([...dashboardFilters(options.site)], { qos: 1 }, (failure, granted) => {
        client.off("error", failed);
        client.on("error", () => undefined); // it goes on trying
        const refused = granted?.find(({ qos }) => qos > 2);
        if (failure === null && refused === undefined) return resolve();
        client.end(true);
        reject(
          new SkeinError(
            "broker-refused",
            `The broker refuses to subscribe ${refused?.topic ?? options.site}`,
            failure,
          ),
        );
      });
    });
  });
  return { close: () => client.endAsync(true) };
}
