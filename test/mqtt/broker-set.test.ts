import { describe, expect, it } from "vitest";
import { deviceId } from "../../src/base/ids.ts";
import { logIndex, milliseconds, minutes, seconds, siteTime, term } from "../../src/base/units.ts";
import type { SiteMessage } from "../../src/mqtt/messages.ts";
import { memberNamed, silentLog, site, TestSite } from "./site-of-devices.ts";

const one = "mqtt://one:1883";
const two = "mqtt://two:1883";

const heartbeat = (beat: number): SiteMessage => ({
  kind: "append",
  term: term(1),
  beat,
  previousIndex: logIndex(0),
  previousTerm: term(0),
  commit: logIndex(0),
  siteTime: siteTime(0),
  entries: [],
});
const ack = (beat: number): SiteMessage => ({ kind: "append-ack", term: term(1), beat, match: logIndex(0) });

function start(urls: readonly string[]) {
  const world = new TestSite(urls);
  for (const url of urls) world.network.addBroker(url);
  return world;
}

describe("BrokerSet with one broker", () => {
  it("says a broadcast to everyone else once, and takes its own as the echo that measures the round trip (3 devices)", () => {
    const world = start([one]);
    const [a, b, c] = [world.device("a"), world.device("b"), world.device("c")];
    world.time.run(seconds(1));
    expect(a.brokerSet.broadcast(heartbeat(1))).toBe(true);
    world.time.run(seconds(1));
    for (const { received } of [b, c]) {
      expect(received).toEqual([
        { from: a.self, session: 1, start: 1, broadcast: true, message: heartbeat(1), via: one },
      ]);
    }
    expect(a.received).toEqual([]);
    expect(a.brokerSet.brokers()[0]?.roundTrip).toBeGreaterThan(0);
    expect(a.brokerSet.traffic().sent.append?.messages).toBe(1);
  });

  it("logs a broker that is away for an hour once, and again when it has been back", () => {
    const world = start([one]);
    const said: string[] = [];
    const say = (_: object, event: string) => void said.push(event);
    world.device("a", { log: { ...silentLog, info: say, warn: say } });
    world.time.run(seconds(1));
    for (let i = 0; i < 2; i++) {
      world.network.broker(one).crash();
      world.time.run(minutes(60));
      world.network.broker(one).restart();
      world.time.run(minutes(2));
    }
    const [up, down] = ["connected to broker", "no connection to broker"];
    expect([...new Set(said)]).toEqual([up, down]);
    expect(said.filter((event) => event === up)).toHaveLength(3);
    expect(said.filter((event) => event === down).length).toBeLessThanOrEqual(4); // the loss, and why it stays so
  });

  it("says a unicast to its receiver alone (3 devices)", () => {
    const world = start([one]);
    const [a, b, c] = [world.device("a"), world.device("b"), world.device("c")];
    world.time.run(seconds(1));
    expect(b.brokerSet.send(a.self, ack(7))).toBe(true);
    world.time.run(seconds(1));
    expect(a.received).toEqual([{ from: b.self, session: 1, start: 1, broadcast: false, message: ack(7), via: one }]);
    expect(c.received).toEqual([]);
  });

  it("tells who is connected, and who is gone after a kill; a stop says goodbye", async () => {
    const world = start([one]);
    const [a, b, c] = [world.device("a"), world.device("b"), world.device("c")];
    world.time.run(seconds(1));
    expect(a.brokerSet.brokers()[0]?.present).toEqual(["a", "b", "c"]);
    world.network.kill("b");
    world.time.run(seconds(1));
    expect(a.brokerSet.brokers()[0]?.present).toEqual(["a", "c"]);
    const stopped = c.brokerSet.stop();
    for (let i = 0; i < 10; i++) {
      world.time.run(seconds(1));
      await Promise.resolve();
    }
    await stopped;
    expect(a.brokerSet.isPresent(deviceId("c"))).toBe(false);
    expect(a.changes.filter((present) => present?.device === b.self.device)).toHaveLength(2);
  });

  it("a late will of an earlier life changes nothing, and does not stay in the broker's store", () => {
    const world = start([one]);
    const [a, b] = [world.device("a"), world.device("b", { session: 4 })];
    world.time.run(seconds(1));
    world.network.setFaults({ noticeDelay: milliseconds(5_000) });
    world.network.kill("b");
    world.device("b", { session: 5 });
    world.time.run(seconds(10));
    expect(a.brokerSet.isPresent(b.self.device)).toBe(true);
    const late = world.device("late");
    world.time.run(seconds(1));
    expect(late.brokerSet.isPresent(b.self.device)).toBe(true);
  });

  // Story: a card was copied, the copy was started beside the original, and thrown away. Its last will was the last word on the
  // device, so that senders took it for absent, clients did not find it, and the policy took it for a voter that is not there.
  it("the last will of a copy that was thrown away does not make the original absent", () => {
    const world = start([one]);
    const [a, b] = [world.device("a"), world.device("b")];
    world.time.run(seconds(1));
    const copy = world.device("b", { life: 2, machine: "copy of b" });
    world.time.run(seconds(1));
    world.network.kill("copy of b");
    world.time.run(seconds(1));
    expect(copy.brokerSet.isConnected).toBe(false);
    expect(a.brokerSet.isPresent(b.self.device)).toBe(true);
    const late = world.device("late");
    world.time.run(seconds(1));
    expect(late.changes).toContainEqual(expect.objectContaining({ ...b.self, isHere: true }));
  });

  it("never shows a broker's password", () => {
    const world = new TestSite(["mqtt://user:pass@word@one:1883"]);
    world.time.run(seconds(1));
    const [status] = world.device("a").brokerSet.brokers();
    expect(status?.url).toBe("mqtt://one:1883");
  });

  it("does not send while it is not connected, and says so", () => {
    const world = start([one]);
    const a = world.device("a");
    expect(a.brokerSet.send(memberNamed("b"), ack(1))).toBe(false);
    expect(a.brokerSet.broadcast(heartbeat(1))).toBe(false);
    expect(a.brokerSet.traffic().unsent).toEqual({ "not-connected": 2 });
  });

  it("Raft does not wait behind data: each has a topic of its own, on a connection of its own", () => {
    const world = start([one]);
    const { heard } = world.stranger(one, "#");
    const [a, b] = [world.device("a"), world.device("b")];
    world.time.run(seconds(1));
    expect(world.network.broker(one).clientIds()).toEqual([
      "skein-test-a-01010101-1-1-data",
      "skein-test-a-01010101-1-1-raft",
      "skein-test-b-01010101-1-1-data",
      "skein-test-b-01010101-1-1-raft",
      "stranger",
    ]);
    heard.length = 0;
    a.brokerSet.send(b.self, { kind: "propose", session: "0".repeat(32), serial: 1, command: new Uint8Array(1) });
    a.brokerSet.send(b.self, ack(1));
    world.time.run(seconds(1));
    expect(heard.map(({ topic }) => topic).sort()).toEqual(["skein/1/test/data/b/a", "skein/1/test/to/b/a"]);
    expect(b.received.map(({ message }) => message.kind).sort()).toEqual(["append-ack", "propose"]);
  });

  it("divides an append of very many tiny commands, and refuses what fits no frame", () => {
    const world = start([one]);
    const [a, b] = [world.device("a"), world.device("b")];
    world.time.run(seconds(1));
    const entries = Array.from({ length: 512 }, (_, i) => ({
      kind: "command" as const,
      index: logIndex(i + 1),
      term: term(1),
      siteTime: siteTime(1.7e12 + i),
      command: new Uint8Array(140).fill(i),
    }));
    expect(a.brokerSet.broadcast({ ...heartbeat(3), kind: "append", entries } as SiteMessage)).toBe(true);
    world.time.run(seconds(1));
    const heard = b.received.flatMap(({ message }) => (message.kind === "append" ? message.entries : []));
    expect(b.received.length).toBeGreaterThan(1);
    expect(heard).toEqual(entries);
    const huge = {
      kind: "api-answer",
      id: 1,
      part: 0,
      isLast: true,
      result: { isOk: true, value: "x".repeat(70_000) },
    };
    expect(a.brokerSet.send(b.self, huge as SiteMessage)).toBe(false);
    expect(a.brokerSet.traffic().unsent).toEqual({ "too-large": 1 });
  });
});

describe("BrokerSet and who may speak", () => {
  it("drops frames for another life of this device (one that was wiped)", () => {
    const world = start([one]);
    const [a, b] = [world.device("a", { life: 2 }), world.device("b")];
    world.time.run(seconds(1));
    b.brokerSet.send(memberNamed("a", 1), ack(1));
    world.time.run(seconds(1));
    expect(a.received).toEqual([]);
    expect(a.brokerSet.traffic().dropped).toEqual({ "other-receiver": 1 });
  });

  it("drops frames of another generation, and tells of it", () => {
    const world = start([one]);
    const other = { number: 2, nonce: "cd".repeat(16) };
    const [a, b] = [world.device("a"), world.device("b", { generation: other })];
    world.time.run(seconds(1));
    b.brokerSet.broadcast(heartbeat(1));
    world.time.run(seconds(1));
    expect(a.received).toEqual([]);
    expect(a.generations).toEqual([{ generation: other, from: b.self, kind: "append" }]);
    expect(a.brokerSet.traffic().dropped).toEqual({ "other-generation": 1 });
  });

  it("a device of no generation takes the first that a coordinator's append brings, and that append counts", () => {
    const world = start([one]);
    const [a, joiner] = [world.device("a"), world.device("joiner", { generation: undefined, adopt: true })];
    world.time.run(seconds(1));
    a.brokerSet.send(joiner.self, ack(1));
    world.time.run(seconds(1));
    expect(joiner.received).toEqual([]);
    a.brokerSet.broadcast(heartbeat(1));
    world.time.run(seconds(1));
    expect(joiner.received.map(({ message }) => message.kind)).toEqual(["append"]);
    expect(joiner.brokerSet.traffic().dropped).toEqual({ "other-generation": 1 });
  });

  it("hears what another life says under this device's name, and drops it by name", () => {
    const world = start([one]);
    const [a, twin] = [world.device("a"), world.device("a", { session: 2 })];
    world.time.run(seconds(1));
    twin.brokerSet.broadcast(heartbeat(1));
    world.time.run(seconds(1));
    expect(a.received).toEqual([]);
    expect(a.brokerSet.traffic().dropped["own-name"]).toBe(1);
  });

  it("drops a retained frame, one under another's topic, and one that was changed on the way; none is fatal", () => {
    const world = start([one]);
    const [a, b] = [world.device("a"), world.device("b")];
    const { link, heard } = world.stranger(one, `skein/1/${site}/to/#`);
    world.time.run(seconds(1));
    b.brokerSet.send(a.self, ack(9));
    world.time.run(seconds(1));
    const frame = heard[0]?.payload ?? new Uint8Array(0);
    const changed = Uint8Array.from(frame).fill(255, frame.length - 20, frame.length - 18);
    const say = (topic: string, payload: Uint8Array, retain = false) =>
      link.publish({ topic: `skein/1/${site}/${topic}`, payload, qos: 0, retain });
    say("to/a/c", frame);
    say("to/a/b", changed);
    say("log/b", frame);
    say("to/a/b", new Uint8Array(0));
    say("to/a/b", new Uint8Array(100_000));
    say("to/late/b", frame, true);
    world.time.run(seconds(1));
    expect(a.received).toHaveLength(1);
    expect(a.brokerSet.traffic().dropped).toEqual({
      "other-sender": 1,
      "not-authentic": 1,
      "other-receiver": 1,
      "too-short": 1,
      "too-large": 1,
    });
    const late = world.device("late");
    world.time.run(seconds(1));
    expect(late.brokerSet.traffic().dropped).toEqual({ retained: 1 });
  });
});

describe("BrokerSet and last wills", () => {
  const both = () => {
    const world = start([one, two]);
    const [a, b] = [world.device("a"), world.device("b", { session: 5 })];
    world.time.run(seconds(1));
    return { world, a, b };
  };

  it("a run has left once it left every broker on which it was seen (2 brokers)", () => {
    const { world, a, b } = both();
    expect(a.brokerSet.hasLeft(b.self, 5)).toBe(false);
    world.network.kill("b");
    world.time.run(seconds(1));
    expect(a.brokerSet.hasLeft(b.self, 5)).toBe(true);
    expect(a.brokerSet.hasLeft(b.self, 4)).toBe(false);
    expect(a.brokerSet.hasLeft(memberNamed("stranger"), 5)).toBe(false);
  });

  it("one broker's will is not enough (the connection to the other stands)", () => {
    const { world, a, b } = both();
    world.network.cut("b", one);
    world.network.broker(one).reset("b");
    world.time.run(seconds(1));
    expect(a.brokerSet.brokers().map(({ present }) => present.includes(b.self.device))).toEqual([false, true]);
    expect(a.brokerSet.hasLeft(b.self, 5)).toBe(false);
  });

  it("a broker to which there is no connection has no say", () => {
    const { world, a, b } = both();
    world.network.cut("b", one);
    world.network.broker(one).reset("b");
    world.time.run(seconds(1));
    world.network.broker(two).crash();
    world.time.run(seconds(1));
    expect(a.brokerSet.hasLeft(b.self, 5)).toBe(true);
    world.network.broker(one).crash();
    world.time.run(seconds(1));
    expect(a.brokerSet.hasLeft(b.self, 5)).toBe(false);
  });

  it("says that others may doubt this device when it loses or finds a broker", () => {
    const { world, b } = both();
    const before = b.doubts.count;
    world.network.broker(one).crash();
    world.time.run(minutes(5));
    expect(b.doubts.count).toBe(before + 1); // not at each attempt to come back
    world.network.broker(one).restart();
    world.time.run(seconds(20));
    expect(b.doubts.count).toBe(before + 2);
  });
});

describe("BrokerSet with a list of brokers", () => {
  it("uses one broker when it reaches everyone, and the other when that one dies (3 devices)", () => {
    const world = start([one, two]);
    const [a, b, c] = [world.device("a"), world.device("b"), world.device("c")];
    world.time.run(seconds(1));
    a.brokerSet.broadcast(heartbeat(1));
    b.brokerSet.send(a.self, ack(1));
    world.time.run(seconds(1));
    expect([...b.received, ...c.received, ...a.received].map(({ via }) => via)).toEqual([one, one, one]);
    world.network.broker(one).crash();
    world.time.run(seconds(1));
    a.brokerSet.broadcast(heartbeat(2));
    b.brokerSet.send(a.self, ack(2));
    world.time.run(seconds(1));
    expect(b.received.at(-1)?.via).toBe(two);
    expect(a.received.at(-1)?.via).toBe(two);
  });

  it("a broker that hangs with its sockets open costs one missed keep-alive (3 devices)", () => {
    const world = start([one, two]);
    const [a, b] = [world.device("a"), world.device("b"), world.device("c")];
    world.time.run(seconds(1));
    world.network.broker(one).hang();
    a.brokerSet.broadcast(heartbeat(1));
    world.time.run(seconds(20));
    expect(b.received).toEqual([]);
    a.brokerSet.broadcast(heartbeat(2));
    world.time.run(seconds(1));
    expect(b.received.map(({ message, via }) => [message, via])).toEqual([[heartbeat(2), two]]);
  });

  it("covers devices that are on different brokers with two publishes, and answers where the question came", () => {
    const world = start([one, two]);
    const a = world.device("a");
    const b = world.device("b", { urls: [one] });
    const c = world.device("c", { urls: [two] });
    world.time.run(seconds(1));
    a.brokerSet.broadcast(heartbeat(1));
    world.time.run(seconds(1));
    expect(b.received.map(({ via }) => via)).toEqual([one]);
    expect(c.received.map(({ via }) => via)).toEqual([two]);
    c.brokerSet.send(a.self, ack(1));
    world.time.run(seconds(1));
    a.brokerSet.send(c.self, ack(2), a.received.at(-1)?.via);
    a.brokerSet.send(b.self, ack(3));
    world.time.run(seconds(1));
    expect(c.received.at(-1)?.message).toEqual(ack(2));
    expect(b.received.at(-1)?.message).toEqual(ack(3));
    expect(a.brokerSet.traffic().sent["append-ack"]?.messages).toBe(2);
  });
});
