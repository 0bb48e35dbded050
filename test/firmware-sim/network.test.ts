import { describe, expect, it } from "vitest";
import { SimulatedNetwork } from "../../firmware-sim/network.ts";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import type { MqttMessage } from "../../src/base/ports/mqtt-link.ts";
import { milliseconds, seconds } from "../../src/base/units.ts";
import { type LinkTestWorld, mqttLinkCompliance } from "../compliance/mqtt-link.ts";

const url = "mqtt://broker:1883";

mqttLinkCompliance("simulated", async (): Promise<LinkTestWorld> => {
  const time = new VirtualTime();
  const network = new SimulatedNetwork(time, new SeededRandom(7));
  const broker = network.addBroker(url);
  return {
    links: network.device("pi"),
    url,
    until: async (condition) => {
      for (let steps = 0; !condition(); steps++) {
        if (steps > 100_000) throw new Error(`It never became so: ${condition.toString()}`);
        time.run(milliseconds(1));
        await Promise.resolve();
      }
    },
    finish: async (promise) => {
      time.run(seconds(1));
      await promise;
    },
    settle: async () => time.run(seconds(2)),
    stopBroker: async () => broker.crash(),
    startBroker: async () => broker.restart(),
    dispose: async () => undefined,
  };
});

/** Two devices, one speaking to the other. */
function pair(faults: ConstructorParameters<typeof SimulatedNetwork>[2] = {}, seed = 1) {
  const time = new VirtualTime();
  const network = new SimulatedNetwork(time, new SeededRandom(seed), faults);
  const broker = network.addBroker(url);
  const heard: MqttMessage[] = [];
  const told: string[] = [];
  /** First the hearer, then the speaker. */
  const open = (device: string, filter: string | undefined) =>
    network.device(device).open(
      {
        url,
        clientId: device,
        keepAlive: seconds(10),
        subscriptions: filter === undefined ? [] : [{ filter, qos: 1 }],
        maxPendingBytes: 1_000,
        will: () => ({ topic: `will/${device}`, payload: Uint8Array.of(1), qos: 1, retain: false }),
      },
      {
        up: () => told.push(`${device} up`),
        down: () => told.push(`${device} down`),
        message: (message) => heard.push(message),
      },
    );
  const hearer = open("hearer", "#");
  time.run(seconds(1));
  const speaker = open("speaker", undefined);
  time.run(seconds(1));
  const say = (text: string, qos: 0 | 1 = 0) =>
    speaker.publish({ topic: "t", payload: Buffer.from(text), qos, retain: false });
  const texts = () => heard.map(({ payload }) => Buffer.from(payload).toString());
  return { time, network, broker, heard, told, hearer, speaker, say, texts };
}

describe("SimulatedNetwork", () => {
  it("keeps the order within a connection whatever the latency (QoS 0)", () => {
    const { time, say, texts } = pair({ latencyMin: milliseconds(1), latencyMax: milliseconds(400) });
    const all = Array.from({ length: 50 }, (_, i) => String(i));
    for (const text of all) say(text);
    time.run(seconds(10));
    expect(texts()).toEqual(all);
  });

  it("loses, repeats and reorders QoS 0 when asked to, and never QoS 1", () => {
    const { time, say, texts, heard } = pair({
      loss: 0.2,
      repetition: 0.2,
      reordering: 0.3,
      reorderDelay: milliseconds(50),
    });
    for (let i = 0; i < 200; i++) say(String(i));
    time.run(seconds(1));
    const numbers = texts().map(Number);
    expect(new Set(numbers).size).toBeLessThan(200);
    expect(new Set(numbers).size).toBeLessThan(numbers.length);
    expect(numbers.some((number, i) => number < (numbers[i - 1] ?? 0))).toBe(true);
    heard.length = 0;
    for (let i = 0; i < 200; i++) say(String(i), 1);
    time.run(seconds(5));
    expect(texts()).toEqual(Array.from({ length: 200 }, (_, i) => String(i)));
  });

  it("copies once per publish: what the speaker does to its bytes changes nothing, and all hearers share one copy", () => {
    const { time, speaker, heard, network } = pair();
    const others: MqttMessage[] = [];
    network.device("other").open(
      {
        url,
        clientId: "other",
        keepAlive: seconds(10),
        subscriptions: [{ filter: "t", qos: 0 }],
        maxPendingBytes: 9,
      },
      { up: () => undefined, down: () => undefined, message: (message) => others.push(message) },
    );
    time.run(seconds(1));
    const payload = Buffer.from("abc");
    speaker.publish({ topic: "t", payload, qos: 0, retain: false });
    payload.fill(0);
    time.run(seconds(1));
    expect(Buffer.from(others[0]?.payload ?? []).toString()).toBe("abc");
    expect(heard[0]?.payload).toBe(others[0]?.payload);
  });

  it("publishes the will of a killed device after the notice delay and tells the device nothing more", () => {
    const { time, network, heard, told } = pair({ noticeDelay: milliseconds(500) });
    network.kill("speaker");
    time.run(milliseconds(400));
    expect(heard).toEqual([]);
    time.run(milliseconds(200));
    expect(heard.map(({ topic }) => topic)).toEqual(["will/speaker"]);
    time.run(seconds(60));
    expect(told).toEqual(["hearer up", "speaker up"]);
  });

  it.each(["both", "to-broker", "from-broker"] as const)(
    "a cut is noticed at one and a half keep-alives, and healed by dialling again (%s)",
    (cut) => {
      const { time, network, say, texts, told } = pair();
      network.cut("speaker", url, cut);
      time.run(seconds(9));
      say("into the dark");
      expect(told).toEqual(["hearer up", "speaker up"]);
      time.run(seconds(12));
      expect(told).toContain("speaker down");
      network.heal("speaker", url);
      time.run(seconds(20));
      expect(told.at(-1)).toBe("speaker up");
      expect(texts().includes("into the dark")).toBe(cut === "from-broker");
      expect(texts().length).toBeGreaterThan(0);
    },
  );

  it("a hung broker holds what it got and delivers it when it thaws; the sender's bound is bytes", () => {
    const { time, broker, speaker, texts } = pair();
    broker.hang();
    const codes: unknown[] = [];
    for (let i = 0; i < 5; i++) {
      speaker.publish({ topic: "t", payload: Buffer.alloc(400, 48 + i), qos: 0, retain: false }, (failure) =>
        codes.push(failure?.code ?? "ok"),
      );
    }
    time.run(seconds(5));
    expect(texts()).toEqual([]);
    expect(codes).toEqual(["ok", "ok", "ok", "queue-full", "queue-full"]);
    broker.thaw();
    time.run(seconds(1));
    expect(texts().map((text) => text[0])).toEqual(["0", "1", "2"]);
  });

  it("a QoS 1 publish whose broker crashes ends as unknown, once", () => {
    const { time, broker, speaker } = pair();
    broker.hang();
    const codes: unknown[] = [];
    speaker.publish({ topic: "t", payload: Buffer.from("x"), qos: 1, retain: false }, (failure) =>
      codes.push(failure?.code),
    );
    time.run(seconds(1));
    broker.crash();
    time.run(seconds(1));
    expect(codes).toEqual(["broker-unreachable"]);
  });

  it("replays exactly from its seed, and differs with another", () => {
    const run = (seed: number) => {
      const { time, say, texts } = pair({ loss: 0.3, repetition: 0.3 }, seed);
      for (let i = 0; i < 100; i++) say(String(i));
      time.run(seconds(1));
      return texts().join();
    };
    expect(run(5)).toBe(run(5));
    expect(run(5)).not.toBe(run(6));
  });
});
