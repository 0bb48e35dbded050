// The faults of the simulated network that a scenario may rely on: weather, brokers that misbehave, devices that are suspended.

import { beforeEach, describe, expect, it } from "vitest";
import { DeviceGate } from "../../firmware-sim/device-gate.ts";
import { SimulatedNetwork } from "../../firmware-sim/network.ts";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import type { SimulatedBroker } from "../../firmware-sim/simulated-broker.ts";
import { VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import type { SkeinError } from "../../src/base/errors.ts";
import { hours, milliseconds, minutes, seconds } from "../../src/base/units.ts";

const url = "mqtt://broker:1883";

/** A client that notes what it is told. */
class Client {
  readonly told: string[] = [];
  /** When each message came. */
  readonly arrivals: number[] = [];
  readonly failures: SkeinError[] = [];
  readonly #link: ReturnType<ReturnType<SimulatedNetwork["device"]>["open"]>;

  constructor(time: VirtualTime, network: SimulatedNetwork, name: string, gate?: DeviceGate) {
    this.#link = network.device(name, gate).open(
      {
        url,
        clientId: name,
        keepAlive: seconds(10),
        subscriptions: name === "speaker" ? [] : [{ filter: "#", qos: 1 }],
        maxPendingBytes: 1_000_000,
        will: () => ({ topic: "will", payload: Buffer.from(`will of ${name}`), qos: 1, retain: false }),
      },
      {
        up: () => this.told.push("up"),
        down: (reason) => {
          this.told.push("down");
          this.failures.push(reason);
        },
        message: ({ payload, retain }) => {
          this.told.push(`${Buffer.from(payload).toString()}${retain ? " (retained)" : ""}`);
          this.arrivals.push(time.now);
        },
      },
    );
  }

  get texts(): string[] {
    return this.told.filter((what) => what !== "up" && what !== "down");
  }

  /** The codes of those that ended so far. */
  say(text: string, { qos = 0, retain = false }: { qos?: 0 | 1; retain?: boolean } = {}): string[] {
    const codes: string[] = [];
    this.#link.publish({ topic: "t", payload: Buffer.from(text), qos, retain }, (failure) =>
      codes.push(failure?.code ?? "ok"),
    );
    return codes;
  }
}

let time: VirtualTime;
let network: SimulatedNetwork;
let broker: SimulatedBroker;
let speaker: Client;
let hearer: Client;
let gate: DeviceGate;

beforeEach(() => {
  time = new VirtualTime();
  network = new SimulatedNetwork(time, new SeededRandom(3));
  broker = network.addBroker(url);
  gate = new DeviceGate(time, "hearer");
  hearer = new Client(time, network, "hearer", gate);
  speaker = new Client(time, network, "speaker");
  time.run(seconds(1));
});

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

describe("the weather of one pair", () => {
  it("is that pair's alone, on top of everybody's, and ends when it is told so (loss between one device and the broker)", () => {
    const other = new Client(time, network, "other");
    time.run(seconds(1));
    const clear = network.beginPairWeather("hearer", url, { loss: 0.5 });
    network.setFaults({ latencyMin: milliseconds(300), latencyMax: milliseconds(300) });
    const sentAt = time.now;
    for (const text of numbers(200)) speaker.say(text);
    time.run(seconds(2));
    expect(other.texts).toEqual(numbers(200));
    expect(hearer.texts.length).toBeGreaterThan(60);
    expect(hearer.texts.length).toBeLessThan(140);
    expect((hearer.arrivals[0] ?? 0) - sentAt).toBeCloseTo(600, 6);
    clear();
    hearer.told.length = 0;
    for (const text of numbers(200)) speaker.say(text);
    time.run(seconds(2));
    expect(hearer.texts).toEqual(numbers(200));
  });

  it("has spikes: a message is late now and then, and what follows it waits (one in ten, up to 5 s)", () => {
    network.beginPairWeather("hearer", url, { spikes: 0.1, spikeDelay: seconds(5) });
    const sent: number[] = [];
    for (const text of numbers(300)) {
      sent.push(time.now);
      speaker.say(text);
      time.run(milliseconds(100));
    }
    time.run(seconds(10));
    const delays = hearer.arrivals.map((at, i) => at - (sent[i] ?? 0));
    expect(hearer.texts).toEqual(numbers(300));
    expect(delays.filter((delay) => delay > 1_000).length).toBeGreaterThan(20);
    expect(delays.filter((delay) => delay < 3).length).toBeGreaterThan(20);
  });

  it("repeats QoS 1 towards a subscriber (half of it), and never loses it", () => {
    network.setFaults({ redelivery: 0.5, loss: 0.5 });
    for (const text of numbers(100)) speaker.say(text, { qos: 1 });
    time.run(seconds(2));
    expect(new Set(hearer.texts).size).toBe(100);
    expect(hearer.texts.length).toBeGreaterThan(120);
  });

  it("that overlaps other weather of the pair, or of all, ends alone (three at once, the first ends first)", () => {
    const clears = [
      network.beginPairWeather("hearer", url, { loss: 0.3 }),
      network.beginWeather({ loss: 0.1, latencyMax: milliseconds(20) }),
      network.beginPairWeather("hearer", url, { loss: 0.7 }),
    ];
    const losses = () => ["hearer", "speaker"].map((name) => network.between(name, url).faults.loss);
    expect(losses()).toEqual([0.7, 0.1]);
    clears[0]?.();
    expect(losses()).toEqual([0.7, 0.1]);
    clears[2]?.();
    expect(losses()).toEqual([0.1, 0.1]);
    clears[1]?.();
    expect(losses()).toEqual([0, 0]);
    expect(network.between("hearer", url).faults.latencyMax).toBe(1);
  });
});

describe("the path of a device to the broker that it embeds", () => {
  it("knows neither weather nor cuts: there is no radio in between", () => {
    const own = "mqtt://own:1883";
    network.addBroker(own, "host");
    network.setFaults({ loss: 1 });
    network.beginWeather({ latencyMin: seconds(1), latencyMax: seconds(1) });
    network.beginPairWeather("host", own, { spikes: 1, spikeDelay: seconds(9) });
    network.cut("host", own);
    network.cut("guest", own);
    const told: string[] = [];
    const open = (device: string) =>
      network.device(device).open(
        {
          url: own,
          clientId: device,
          keepAlive: seconds(10),
          subscriptions: [{ filter: "#", qos: 0 }],
          maxPendingBytes: 1_000,
        },
        {
          up: () => told.push(`${device} up`),
          down: () => told.push(`${device} down`),
          message: ({ topic }) => told.push(`${device} heard ${topic}`),
        },
      );
    const link = open("host");
    open("guest");
    time.run(milliseconds(10));
    link.publish({ topic: "t", payload: Buffer.from("x"), qos: 0, retain: false });
    time.run(milliseconds(10));
    expect(told).toEqual(["host up", "host heard t"]);
    time.run(seconds(30));
    expect(told).toEqual(["host up", "host heard t", "guest down", "guest down"]);
  });
});

describe("a simulated broker", () => {
  it("that resets a device's connections publishes its will at once, and lets it in again (both ends notice)", () => {
    broker.reset("speaker");
    time.run(milliseconds(20));
    expect(hearer.texts).toEqual(["will of speaker"]);
    expect(speaker.told).toEqual(["up", "down"]);
    expect(speaker.failures.map(({ message }) => message)).toEqual([
      expect.stringContaining("the connection was reset"),
    ]);
    time.run(seconds(1));
    expect(speaker.told).toEqual(["up", "down", "up"]);
    expect(hearer.told.filter((what) => what === "down")).toEqual([]);
  });

  it("that is slow handles everything late, in order, and then catches up in order (2 s, then 0)", () => {
    broker.slow(seconds(2));
    const sentAt = time.now;
    for (const text of numbers(20)) speaker.say(text);
    time.run(seconds(1));
    broker.slow(milliseconds(0));
    speaker.say("after");
    expect(hearer.texts).toEqual([]);
    time.run(seconds(5));
    expect(hearer.texts).toEqual([...numbers(20), "after"]);
    expect((hearer.arrivals[0] ?? 0) - sentAt).toBeGreaterThan(2_000);
    hearer.told.length = 0;
    speaker.say("at once");
    time.run(milliseconds(5));
    expect(hearer.texts).toEqual(["at once"]);
  });

  it("that is slower than the keep-alive is given up by its clients (40 s)", () => {
    broker.slow(seconds(40));
    time.run(seconds(39));
    expect(hearer.told.at(-1)).toBe("down");
    broker.slow(milliseconds(0));
    time.run(minutes(2));
    expect(hearer.told.at(-1)).toBe("up");
  });

  it("that is slow and hangs, or crashes, keeps the order, or forgets", () => {
    broker.slow(seconds(1));
    speaker.say("before");
    time.run(milliseconds(500));
    broker.hang();
    speaker.say("while hung");
    time.run(seconds(3));
    broker.thaw();
    time.run(seconds(1));
    expect(hearer.texts).toEqual(["before", "while hung"]);
    speaker.say("lost");
    time.run(milliseconds(500));
    broker.crash();
    broker.restart();
    time.run(seconds(30));
    expect(hearer.texts).toEqual(["before", "while hung"]);
  });

  it.each([true, false])(
    "that crashes keeps its retained messages only with its state (keepsState: %s)",
    (keepsState) => {
      speaker.say("kept", { qos: 1, retain: true });
      time.run(seconds(1));
      broker.crash({ keepsState });
      time.run(seconds(1));
      broker.restart();
      time.run(seconds(30));
      expect(hearer.texts).toEqual(keepsState ? ["kept", "kept (retained)"] : ["kept"]);
    },
  );

  it("that refuses clients turns new ones away, keeps those it has, and lets them in later", () => {
    broker.refuseClients();
    const late = new Client(time, network, "late");
    time.run(seconds(5));
    expect(new Set(late.failures.map(({ code }) => code))).toEqual(new Set(["broker-refused"]));
    expect(late.failures.length).toBeGreaterThan(2);
    expect(hearer.told).toEqual(["up"]);
    broker.admitClients();
    time.run(seconds(20));
    expect(late.told.at(-1)).toBe("up");
  });

  it("that loses acknowledgements has accepted what the publisher never hears of (all, then none)", () => {
    const accepted: string[] = [];
    broker.accepted = ({ payload }, { clientId }) => accepted.push(`${clientId}: ${Buffer.from(payload).toString()}`);
    broker.loseAcknowledgements(1);
    const codes = speaker.say("one", { qos: 1 });
    time.run(minutes(5));
    expect(codes).toEqual([]);
    broker.loseAcknowledgements(0);
    const later = speaker.say("two", { qos: 1 });
    time.run(seconds(1));
    expect(later).toEqual(["ok"]);
    broker.crash();
    time.run(seconds(1));
    expect(codes).toEqual(["broker-unreachable"]);
    expect(accepted).toEqual(["speaker: one", "speaker: two"]);
  });

  it("tells whose publish it accepted, the will of a dead client included, in order", () => {
    const accepted: string[] = [];
    broker.accepted = ({ payload }, { clientId }) => accepted.push(`${clientId}: ${Buffer.from(payload).toString()}`);
    for (const text of numbers(3)) speaker.say(text);
    time.run(seconds(1));
    network.kill("speaker");
    time.run(seconds(1));
    expect(accepted).toEqual(["speaker: 0", "speaker: 1", "speaker: 2", "speaker: will of speaker"]);
  });

  describe("that replays on reconnect", () => {
    beforeEach(() => broker.replayOnReconnect(true));

    it("delivers, as if live, what a client missed while it was away, once (30 min)", () => {
      network.kill("hearer");
      time.run(seconds(1));
      for (const text of numbers(3)) speaker.say(text);
      time.run(minutes(30));
      const again = new Client(time, network, "hearer");
      time.run(seconds(1));
      expect(again.told).toEqual(["up", "will of hearer", "0", "1", "2"]);
      network.kill("hearer");
      time.run(seconds(1));
      const third = new Client(time, network, "hearer");
      time.run(seconds(1));
      expect(third.texts).toEqual(["will of hearer"]);
    });

    it("throws away what is older than an hour, and more than 1,000 messages", () => {
      network.kill("hearer");
      time.run(seconds(1));
      speaker.say("too old");
      time.run(hours(1.01));
      for (const text of numbers(1_200)) speaker.say(text);
      time.run(seconds(1));
      const again = new Client(time, network, "hearer");
      time.run(seconds(1));
      expect(again.texts).toEqual(numbers(1_200).slice(200));
    });

    it("includes what was sent into a cut", () => {
      network.cut("hearer", url);
      speaker.say("into the dark");
      time.run(seconds(30));
      network.heal("hearer", url);
      time.run(seconds(30));
      expect(hearer.texts).toEqual(["into the dark", "will of hearer"]);
    });

    it.each([true, false])("through a crash only with its state (keepsState: %s)", (keepsState) => {
      network.kill("hearer");
      time.run(seconds(1));
      speaker.say("missed");
      time.run(seconds(1));
      broker.crash({ keepsState });
      broker.restart();
      const again = new Client(time, network, "hearer");
      time.run(seconds(1));
      expect(again.texts).toEqual(keepsState ? ["will of hearer", "missed"] : []);
    });
  });
});

describe("a suspended device", () => {
  it("hears what was sent to it when it goes on, in order (5 s, shorter than the keep-alive)", () => {
    gate.pause();
    for (const text of numbers(5)) {
      speaker.say(text);
      time.run(seconds(1));
    }
    expect(hearer.texts).toEqual([]);
    gate.resume();
    time.run(milliseconds(1));
    expect(hearer.texts).toEqual(numbers(5));
    time.run(minutes(1));
    expect(hearer.told.filter((what) => what === "down")).toEqual([]);
  });

  it("misses its keep-alive at the broker, which publishes its will; it hears so when it goes on, and dials again (60 s)", () => {
    const witness = new Client(time, network, "witness");
    time.run(seconds(1));
    gate.pause();
    time.run(seconds(21));
    expect(witness.texts).toEqual(["will of hearer"]);
    speaker.say("missed");
    time.run(seconds(40));
    expect(hearer.told).toEqual(["up"]);
    gate.resume();
    time.run(seconds(1));
    expect(hearer.told).toEqual(["up", "down", "up"]);
  });
});

describe("the trace of the network", () => {
  it("has each message that arrives, with where from and where to, in order", () => {
    const seen: string[] = [];
    time.trace = (source, target, kind, payload) =>
      seen.push(`${source} > ${target} ${kind} ${Buffer.from(payload ?? []).toString()}`);
    speaker.say("hello", { qos: 1 });
    time.run(seconds(1));
    expect(seen.filter((line) => line.includes("hello"))).toEqual([
      `speaker > ${url} t hello`,
      `${url} > hearer t hello`,
    ]);
    expect(seen.some((line) => line.startsWith(`${url} > speaker acknowledge`))).toBe(true);
  });
});

// Seed 48 of the world: items 63 to 65 of the outbox vanished in a cut, 66 came on the very same connection.
describe("a connection that stalls in a cut without ending", () => {
  it.each(["both", "to-broker", "from-broker"] as const)(
    "leaves nothing of QoS 1 out, and keeps the order (cut: %s)",
    (cut) => {
      const accepted: string[] = [];
      broker.accepted = ({ payload }) => accepted.push(Buffer.from(payload).toString());
      network.cut("speaker", url, cut);
      const codes = numbers(3).map((text) => speaker.say(text, { qos: 1 }));
      time.run(seconds(3));
      expect(codes.flat()).toEqual([]);
      network.heal("speaker", url);
      codes.push(speaker.say("3", { qos: 1 }));
      time.run(seconds(1));
      expect(accepted).toEqual(["0", "1", "2", "3"]);
      expect(codes.flat()).toEqual(["ok", "ok", "ok", "ok"]);
      expect(hearer.texts).toEqual(["0", "1", "2", "3"]);
    },
  );

  it("forgets what it held once it has ended, and says that the outcome is unknown", () => {
    network.cut("speaker", url);
    const codes = speaker.say("lost", { qos: 1 });
    time.run(minutes(1));
    expect(codes).toEqual(["broker-unreachable"]);
    network.heal("speaker", url);
    time.run(seconds(30));
    speaker.say("later", { qos: 1 });
    time.run(seconds(1));
    expect(hearer.texts.filter((text) => !text.startsWith("will"))).toEqual(["later"]);
  });

  it("goes on when the last of several cuts is over, and in each direction when none keeps it back", () => {
    const ends = [network.cut("speaker", url), network.cut("speaker", url, "to-broker")];
    const isOpen = () =>
      (["to-broker", "from-broker"] as const).map((way) => network.between("speaker", url).isOpen(way));
    const codes = speaker.say("kept back", { qos: 1 });
    ends[0]?.();
    time.run(seconds(1));
    expect([isOpen(), codes]).toEqual([[false, true], []]);
    ends[0]?.(); // over is over
    ends[1]?.();
    time.run(seconds(1));
    expect([isOpen(), codes]).toEqual([[true, true], ["ok"]]);
  });

  it("is cut off with everybody where everybody is, also who comes later, and goes on with them", () => {
    const end = network.cutFromAll(url);
    const other = new Client(time, network, "other");
    speaker.say("unheard");
    time.run(seconds(5));
    expect([other.told, hearer.texts]).toEqual([[], []]);
    const own = network.cut("hearer", url);
    end();
    time.run(seconds(30));
    const isOpen = (name: string) => network.between(name, url).isOpen("from-broker");
    expect(["other", "hearer", "newcomer"].map(isOpen)).toEqual([true, false, true]);
    expect(other.told).toContain("up");
    own();
    expect(isOpen("hearer")).toBe(true);
  });

  it("delivers to a subscriber when it goes on", () => {
    network.cut("hearer", url, "from-broker");
    for (const text of numbers(2)) speaker.say(text, { qos: 1 });
    time.run(seconds(2));
    expect(hearer.texts).toEqual([]);
    network.heal("hearer", url);
    time.run(seconds(1));
    expect(hearer.texts).toEqual(["0", "1"]);
  });
});
