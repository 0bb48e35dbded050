import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import type { Broker, BrokerOptions } from "../../src/base/ports/broker.ts";
import type { MqttLink, MqttLinkOptions, MqttMessage } from "../../src/base/ports/mqtt-link.ts";
import { milliseconds, seconds } from "../../src/base/units.ts";
import { EmbeddedBrokers, type EmbeddedBrokersOptions } from "../../src/host/embedded-broker.ts";
import { RetainedBudget } from "../../src/host/embedded-broker-limits.ts";
import { MqttJsLinks } from "../../src/host/mqtt-link.ts";
import { type LinkTestWorld, mqttLinkCompliance } from "../compliance/mqtt-link.ts";
import { silentLog } from "../mqtt/site-of-devices.ts";
import { connectPacket, lengthField, publishPacket, RawClient, subscribePacket } from "./raw-mqtt.ts";
import { freePort, realClock, realRandom, until } from "./real-world.ts";

const links = new MqttJsLinks({ clock: realClock, random: realRandom }, { backoffMax: milliseconds(100) });
const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 50));

mqttLinkCompliance("MQTT.js over the embedded broker", async (): Promise<LinkTestWorld> => {
  const brokers = new EmbeddedBrokers({ log: silentLog });
  const options = { host: "127.0.0.1", port: await freePort() };
  let broker = await brokers.start(options);
  return {
    links,
    url: `mqtt://127.0.0.1:${options.port}`,
    until,
    finish: (promise) => promise,
    settle,
    stopBroker: () => broker.stop(),
    startBroker: async () => {
      broker = await brokers.start(options);
    },
    dispose: () => broker.stop(),
  };
});

describe("the embedded broker", () => {
  const started: Broker[] = [];
  const opened: MqttLink[] = [];
  const raw: RawClient[] = [];

  afterEach(async () => {
    for (const client of raw.splice(0)) client.socket.destroy();
    await Promise.all(opened.splice(0).map((link) => link.close("abrupt")));
    await Promise.all(started.splice(0).map((broker) => broker.stop()));
  });

  async function start(limits: EmbeddedBrokersOptions["limits"] = {}, options: Partial<BrokerOptions> = {}, more = {}) {
    const brokers = new EmbeddedBrokers({ log: silentLog, limits, ...more });
    const broker = await brokers.start({ host: "127.0.0.1", port: 0, ...options });
    started.push(broker);
    return broker;
  }

  async function client(
    url: string,
    clientId: string,
    filters: readonly string[] = [],
    options: Partial<MqttLinkOptions> = {},
  ) {
    const messages: MqttMessage[] = [];
    const downs: string[] = [];
    const subscriptions = filters.map((filter) => ({ filter, qos: 1 }) as const);
    const link = links.open(
      { url, clientId, keepAlive: seconds(60), subscriptions, maxPendingBytes: 1e6, ...options },
      {
        up: () => undefined,
        down: (reason) => downs.push(reason.message),
        message: (message) => messages.push(message),
      },
    );
    opened.push(link);
    await until(() => link.isUp || downs.length > 0);
    return { link, messages, downs };
  }

  const urlOf = (broker: Broker) => `mqtt://127.0.0.1:${broker.port}`;

  function rawClient(broker: Broker): RawClient {
    const one = new RawClient(broker.port);
    raw.push(one);
    return one;
  }

  /** A raw client that was let in. */
  async function rawConnected(broker: Broker, clientId: string): Promise<RawClient> {
    const one = rawClient(broker).send(connectPacket(clientId));
    await until(() => one.received.length >= 4);
    return one;
  }

  it("names the port that is taken (TCP and WebSocket), and leaves nothing open then", async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, "127.0.0.1", () => resolve((taken.address() as { port: number }).port));
    });
    const expected = { code: "port-in-use", message: expect.stringContaining(`Port ${port} on 127.0.0.1`) };
    await expect(start({}, { port })).rejects.toMatchObject(expected);
    const other = await freePort();
    await expect(start({}, { port: other, webSocketPort: port })).rejects.toMatchObject(expected);
    await start({}, { port: other });
    await new Promise((resolve) => taken.close(resolve));
  });

  it("counts clients, messages and bytes, and stops twice without harm", async () => {
    const broker = await start();
    const { messages } = await client(urlOf(broker), "hearer", ["a"]);
    const { link } = await client(urlOf(broker), "speaker");
    link.publish({ topic: "a", payload: new Uint8Array(100), qos: 1, retain: false });
    await until(() => messages.length === 1);
    expect(broker.statistics()).toEqual({
      clients: 2,
      received: 1,
      delivered: 1,
      bytesReceived: 100,
      bytesDelivered: 100,
      dropped: 0,
      cutOff: 0,
    });
    await broker.stop();
    await broker.stop();
  });

  // Nagle's algorithm holds a second small write until the first is acknowledged, which a receiver with nothing to say does
  // 40 ms later; a young connection acknowledges at once, so only the later rounds count.
  describe("does not wait for Nagle (half of the rounds take less than 20 ms)", () => {
    const rounds = async (round: () => Promise<unknown>) => {
      const times: number[] = [];
      for (let i = 0; i < 80; i++) {
        const before = performance.now();
        await round();
        times.push(performance.now() - before);
      }
      return times.slice(40).sort((x, y) => x - y)[20];
    };

    it("at the broker's end: PUBACK and delivery to the same client", async () => {
      const broker = await start();
      const { link, messages } = await client(urlOf(broker), "both", [], { subscriptions: [{ filter: "a", qos: 0 }] });
      let heard = 0;
      const median = await rounds(() => {
        link.publish({ topic: "a", payload: new Uint8Array(20), qos: 1, retain: false });
        heard += 1;
        return until(() => messages.length === heard);
      });
      expect(median).toBeLessThan(20);
    });

    it("at the client's end: two publishes one after the other, on a connection that goes both ways", async () => {
      const broker = await start();
      const { messages } = await client(urlOf(broker), "hearer", ["a"]);
      const { link } = await client(urlOf(broker), "speaker");
      const say = (qos: 0 | 1) =>
        new Promise<void>((resolve) => {
          link.publish({ topic: "a", payload: new Uint8Array(20), qos, retain: false }, () => setImmediate(resolve));
        });
      let heard = 0;
      const median = await rounds(async () => {
        for (const qos of [1, 0, 0] as const) await say(qos);
        heard += 3;
        await until(() => messages.length === heard);
      });
      expect(median).toBeLessThan(20);
    });
  });

  describe("over WebSocket", () => {
    it("speaks MQTT to links and to TCP clients alike, and serves plain HTTP on the same port", async () => {
      const requests: EmbeddedBrokersOptions["requests"] = (_request, response) => response.end("the page");
      const broker = await start({}, { webSocketPort: 0 }, { requests });
      const url = `ws://127.0.0.1:${broker.webSocketPort}`;
      const { messages } = await client(url, "browser", ["a"]);
      const { link } = await client(urlOf(broker), "speaker");
      link.publish({ topic: "a", payload: Buffer.from("hello"), qos: 0, retain: false });
      await until(() => messages.length === 1);
      expect(await (await fetch(`http://127.0.0.1:${broker.webSocketPort}/`)).text()).toBe("the page");
    });

    it("says what the port is for when there is no page, refuses another subprotocol and too large messages", async () => {
      const broker = await start({ packetBytes: 1_000 }, { webSocketPort: 0 });
      const url = `127.0.0.1:${broker.webSocketPort}`;
      expect((await fetch(`http://${url}/`)).status).toBe(426);
      const other = new WebSocket(`ws://${url}`, ["chat"]);
      const refused = await new Promise<string>((resolve) => other.once("error", ({ message }) => resolve(message)));
      expect(refused).toMatch(/401/);
      const large = new WebSocket(`ws://${url}`, ["mqtt"]);
      large.on("error", () => undefined);
      await new Promise((resolve) => large.once("open", resolve));
      large.send(Buffer.alloc(5_000, 0x10));
      await new Promise((resolve) => large.once("close", resolve));
    });
  });

  describe("cuts off who breaks a limit", () => {
    it("a packet larger than allowed, from a stranger, as soon as its length is known", async () => {
      const broker = await start();
      const stranger = rawClient(broker).send(Buffer.of(0x10), lengthField(20_000_000));
      await until(() => stranger.isClosed);
      expect(broker.statistics().cutOff).toBe(1);
    });

    it("a publish larger than allowed, from a client; one of just the allowed size gets through", async () => {
      const broker = await start({ packetBytes: 50_000 });
      const { messages } = await client(urlOf(broker), "hearer", ["a"]);
      const speaker = await rawConnected(broker, "speaker");
      speaker.send(publishPacket("a", new Uint8Array(50_000 - 3)));
      await until(() => messages.length === 1);
      speaker.send(publishPacket("a", new Uint8Array(50_000 - 2)));
      await until(() => speaker.isClosed);
      expect(messages).toHaveLength(1);
      expect(broker.statistics().cutOff).toBe(1);
    });

    it.each([
      ["says nothing", { connectTimeoutMs: 30 }, (one: RawClient) => one],
      ["has a too long client id", { clientIdLength: 10 }, (one: RawClient) => one.send(connectPacket("a".repeat(11)))],
    ])("one that %s before it is let in", async (_what, limits, act) => {
      const broker = await start(limits);
      const stranger = act(rawClient(broker));
      await until(() => stranger.isClosed);
      expect(broker.statistics()).toMatchObject({ clients: 0, cutOff: 1 });
    });

    it.each([
      ["writes to $SYS", publishPacket("$SYS/x/new/clients", Buffer.from("victim"))],
      ["publishes on a too long topic", publishPacket("t".repeat(1_025), Buffer.of(1))],
      ["publishes on a topic of too many levels", publishPacket("a/".repeat(40), Buffer.of(1))],
    ])("one that %s; the others stay", async (_what, packet) => {
      const broker = await start();
      const victim = await client(urlOf(broker), "victim");
      const offender = (await rawConnected(broker, "offender")).send(packet);
      await until(() => offender.isClosed);
      await settle();
      expect(victim.downs).toEqual([]);
      expect(broker.statistics().cutOff).toBe(1);
    });

    it("connections beyond their number", async () => {
      const broker = await start({ connections: 2 });
      await rawConnected(broker, "a");
      await rawConnected(broker, "b");
      const third = rawClient(broker).send(connectPacket("c"));
      await until(() => third.isClosed);
      expect(broker.statistics()).toMatchObject({ clients: 2, cutOff: 1 });
    });

    it.each([0, 700])("one whose keep-alive would never find it dead (%i s)", async (keepAlive) => {
      const broker = await start();
      const sleeper = rawClient(broker).send(connectPacket("sleeper", { keepAlive }));
      await until(() => sleeper.received.length >= 4);
      expect(sleeper.received[3]).not.toBe(0);
    });
  });

  it("goes on for everyone else while 300 strangers send garbage, some of it after a proper CONNECT", async () => {
    const broker = await start();
    const hearer = await client(urlOf(broker), "hearer", ["a"]);
    const speaker = await client(urlOf(broker), "speaker");
    const random = new SeededRandom(11);
    for (let i = 0; i < 300; i++) {
      const garbage = Buffer.from(random.bytes(1 + random.below(60)));
      const packets = random.below(2) === 0 ? [garbage] : [connectPacket(`stranger-${i}`), garbage];
      rawClient(broker).send(...packets);
      if (i % 30 === 0) speaker.link.publish({ topic: "a", payload: Buffer.of(i), qos: 0, retain: false });
    }
    await until(() => hearer.messages.length === 10);
    expect([...hearer.downs, ...speaker.downs]).toEqual([]);
  });

  it("refuses subscriptions beyond their number, to $ topics and too long ones, and grants the rest", async () => {
    const broker = await start({ subscriptions: 3 });
    const one = await rawConnected(broker, "one");
    const filters = ["a", "b", "$SYS/#", "$share/g/a", "t".repeat(1_025), "c", "d"];
    one.send(subscribePacket(filters));
    await until(() => one.received.length >= 4 + 4 + filters.length);
    expect([...one.received.subarray(8)]).toEqual([0, 0, 0x80, 0x80, 0x80, 0, 0x80]);
  });

  it("keeps no session beyond its connection: nothing is queued for who is away", async () => {
    const broker = await start();
    const away = rawClient(broker).send(connectPacket("away", { clean: false }), subscribePacket(["a"], 1));
    await until(() => away.received.length >= 9);
    away.socket.destroy();
    const { link } = await client(urlOf(broker), "speaker");
    await new Promise<void>((resolve) => {
      link.publish({ topic: "a", payload: Buffer.of(1), qos: 1, retain: false }, () => resolve());
    });
    const back = rawClient(broker).send(connectPacket("away", { clean: false }));
    await until(() => back.received.length >= 4);
    await settle();
    expect([...back.received]).toEqual([0x20, 2, 0, 0]);
  });

  it("delivers a retained message beyond the bound, and does not keep it", async () => {
    const broker = await start({ retainedMessages: 1 });
    const early = await client(urlOf(broker), "early", ["r/#"]);
    const { link } = await client(urlOf(broker), "speaker");
    for (const topic of ["r/1", "r/2"]) link.publish({ topic, payload: Buffer.of(1), qos: 1, retain: true });
    await until(() => early.messages.length === 2);
    const late = await client(urlOf(broker), "late", ["r/#"]);
    await until(() => late.messages.length > 0);
    await settle();
    expect(late.messages.map(({ topic }) => topic)).toEqual(["r/1"]);
  });

  describe("with a subscriber that does not read", () => {
    async function frozen(broker: Broker, qos: 0 | 1): Promise<RawClient> {
      const one = await rawConnected(broker, "frozen");
      one.send(subscribePacket(["bulk"], qos));
      await until(() => one.received.length >= 9);
      one.socket.pause();
      return one;
    }

    it("leaves out its QoS 0 messages, and everyone else's arrive at once", async () => {
      const broker = await start({ drainTimeoutMs: 60_000 });
      await frozen(broker, 0);
      const hearer = await client(urlOf(broker), "hearer", ["heartbeat"]);
      const { link } = await client(urlOf(broker), "speaker", [], { maxPendingBytes: 1e9 });
      const payload = new Uint8Array(60_000);
      await until(() => {
        for (let i = 0; i < 10; i++) link.publish({ topic: "bulk", payload, qos: 0, retain: false });
        return broker.statistics().dropped > 1_000;
      });
      const other = await client(urlOf(broker), "other");
      const before = performance.now();
      for (let i = 0; i < 200; i++)
        other.link.publish({ topic: "heartbeat", payload: Buffer.of(i), qos: 0, retain: false });
      await until(() => hearer.messages.length === 200);
      expect(performance.now() - before).toBeLessThan(1_500);
    });

    it("cuts it off rather than leave out a QoS 1 message", async () => {
      const broker = await start({ drainTimeoutMs: 60_000 });
      const one = await frozen(broker, 1);
      const { link } = await client(urlOf(broker), "speaker", [], { maxPendingBytes: 1e9 });
      const payload = new Uint8Array(60_000);
      await until(() => {
        link.publish({ topic: "bulk", payload, qos: 1, retain: false });
        return broker.statistics().clients === 1;
      });
      one.socket.resume();
      await until(() => one.isClosed);
      expect(broker.statistics()).toMatchObject({ dropped: 1, cutOff: 1 });
    });

    it("cuts it off after the drain timeout", async () => {
      const broker = await start({ drainTimeoutMs: 100 });
      await frozen(broker, 0);
      const { link } = await client(urlOf(broker), "speaker", [], { maxPendingBytes: 1e9 });
      const payload = new Uint8Array(60_000);
      await until(() => {
        link.publish({ topic: "bulk", payload, qos: 0, retain: false });
        return broker.statistics().clients === 1;
      });
      expect(broker.statistics().cutOff).toBe(1);
    });
  });
});

describe("RetainedBudget", () => {
  it("counts each topic once, by its newest size, and gives room back when a topic is emptied", () => {
    const budget = new RetainedBudget({ retainedMessages: 2, retainedBytes: 100 });
    expect(budget.admits("aa", 40)).toBe(true);
    expect(budget.admits("aa", 60)).toBe(true);
    expect(budget.admits("bb", 37)).toBe(false);
    expect(budget.admits("bb", 36)).toBe(true);
    expect(budget.admits("cc", 1)).toBe(false);
    expect(budget.admits("aa", 0)).toBe(true);
    expect(budget.admits("cc", 60)).toBe(true);
    expect(budget.admits("never", 0)).toBe(true);
  });
});
