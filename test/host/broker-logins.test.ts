import { expect, it } from "vitest";
import type { MqttLinkOptions, MqttLinks } from "../../src/base/ports/mqtt-link.ts";
import { seconds } from "../../src/base/units.ts";
import { brokerKey, withLogins } from "../../src/host/broker-logins.ts";

const options = { clientId: "c", keepAlive: seconds(15), subscriptions: [], maxPendingBytes: 1024 };

function opened(change: Pick<MqttLinkOptions, "url"> & Partial<MqttLinkOptions>): MqttLinkOptions | undefined {
  let seen: MqttLinkOptions | undefined;
  const link = { isUp: false, publish: () => false, close: () => Promise.resolve() } as unknown as ReturnType<
    MqttLinks["open"]
  >;
  const links: MqttLinks = {
    open: (given) => {
      seen = given;
      return link;
    },
  };
  const login = { username: "farm", password: "s3cret" };
  const handlers = { up: () => {}, down: () => {}, message: () => {} };
  withLogins(links, new Map([[brokerKey("mqtts://cloud.example"), login]])).open({ ...options, ...change }, handlers);
  return seen;
}

it("logs in at the brokers that it knows, however their URL is written, and nowhere else", () => {
  const login = { username: "farm", password: "s3cret" };
  expect(opened({ url: "mqtts://cloud.example:8883" })).toEqual({
    ...options,
    url: "mqtts://cloud.example:8883",
    ...login,
  });
  expect(opened({ url: "mqtt://cloud.example" })).toEqual({ ...options, url: "mqtt://cloud.example" });
  expect(opened({ url: "mqtts://other.example" })).toEqual({ ...options, url: "mqtts://other.example" });
});

it("leaves alone who brings a login of its own", () => {
  const own = { url: "mqtts://cloud.example", username: "me", password: "mine" };
  expect(opened(own)).toEqual({ ...options, ...own });
});
