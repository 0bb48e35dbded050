// The set of brokers over real sockets: two brokers at once, Mosquitto and the embedded one.

import { afterEach, expect, it } from "vitest";
import type { Broker } from "../../src/base/ports/broker.ts";
import { logIndex, milliseconds, seconds, term } from "../../src/base/units.ts";
import { EmbeddedBrokers } from "../../src/host/embedded-broker.ts";
import { MqttJsLinks } from "../../src/host/mqtt-link.ts";
import { BrokerSet, type Delivery } from "../../src/mqtt/broker-set.ts";
import { firstGeneration, memberNamed, silentLog, site } from "../mqtt/site-of-devices.ts";
import { freePort, Mosquitto, realClock, realRandom, until } from "./real-world.ts";

const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function brokers() {
  const mosquitto = new Mosquitto(await freePort());
  stops.push(() => mosquitto.dispose());
  await mosquitto.start();
  const embedded: Broker = await new EmbeddedBrokers({ log: silentLog }).start({ host: "127.0.0.1", port: 0 });
  stops.push(() => embedded.stop());
  return { mosquitto, embedded, urls: [mosquitto.url, `mqtt://127.0.0.1:${embedded.port}`] };
}

function device(name: string, urls: readonly string[], session = 1) {
  const self = memberNamed(name);
  const received: Delivery[] = [];
  const brokerSet = new BrokerSet(
    {
      clock: realClock,
      log: silentLog,
      links: new MqttJsLinks({ clock: realClock, random: realRandom }, { backoffMax: milliseconds(50) }),
    },
    {
      site,
      self,
      session,
      start: session,
      brokers: urls.map((url) => ({ url })),
      keepAlive: seconds(5),
      generation: () => firstGeneration,
    },
    {
      received: (delivery) => received.push(delivery),
      doubted: () => undefined,
      heardOwnName: () => undefined,
      heardGeneration: () => undefined,
      changed: () => undefined,
    },
  );
  stops.push(() => brokerSet.stop("abrupt"));
  brokerSet.start();
  return { self, brokerSet, received };
}

const ack = (beat: number) => ({ kind: "append-ack", term: term(1), beat, match: logIndex(0) }) as const;
const isUpOn = (count: number) => (one: ReturnType<typeof device>) =>
  one.brokerSet.brokers().filter(({ isUp, isDataUp, present }) => isUp && isDataUp && present.length === count).length;

it("speaks over the first of two brokers, and over the other within a moment when that one is killed", async () => {
  const { mosquitto, urls } = await brokers();
  const [a, b] = [device("a", urls), device("b", urls)];
  await until(() => [a, b].every((one) => isUpOn(2)(one) === 2));
  expect(a.brokerSet.send(b.self, ack(1))).toBe(true);
  await until(() => b.received.length === 1);
  expect(b.received[0]?.via).toBe(mosquitto.url);
  await mosquitto.stop();
  await until(() => [a, b].every((one) => isUpOn(2)(one) === 1));
  a.brokerSet.send(b.self, ack(2));
  await until(() => b.received.length === 2);
  expect(b.received.at(-1)).toMatchObject({ via: urls[1], message: ack(2) });
  await mosquitto.start();
  await until(() => [a, b].every((one) => isUpOn(2)(one) === 2));
});

it("tells a kill by the will, and a clean stop by a farewell, on both brokers", async () => {
  const { urls } = await brokers();
  const [a, b, c] = [device("a", urls), device("b", urls), device("c", urls)];
  await until(() => [a, b, c].every((one) => isUpOn(3)(one) === 2));
  await b.brokerSet.stop("abrupt");
  await until(() => isUpOn(2)(a) === 2);
  await c.brokerSet.stop();
  await until(() => isUpOn(1)(a) === 2);
  const back = device("b", urls, 2);
  await until(() => isUpOn(2)(a) === 2 && isUpOn(2)(back) === 2);
});
