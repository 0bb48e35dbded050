import { describe, expect, it } from "vitest";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { SkeinError } from "../../src/base/errors.ts";
import { sensorId } from "../../src/base/ids.ts";
import type { Driver, DriverSink } from "../../src/base/ports/driver.ts";
import { seconds } from "../../src/base/units.ts";
import { messageValue } from "../../src/readings/message-value.ts";
import { type MqttSource, MqttSources } from "../../src/readings/mqtt-driver.ts";
import { MemoryLinks } from "./memory-links.ts";

class Bench {
  readonly time = new VirtualTime();
  readonly links = new MemoryLinks();
  readonly said: string[] = [];
  readonly sources = new MqttSources({ clock: new VirtualClock(this.time), links: this.links, clientId: "house-pi" });

  start(name: string, source: Partial<MqttSource>): Driver {
    const whole = { broker: "mqtt://hub:1883", topic: "room/1", path: undefined, ...source };
    const driver = this.sources.driver(sensorId(name), whole);
    const sink: DriverSink = {
      reading: (value) => void this.said.push(`${name} = ${value}`),
      latest: (value) => void this.said.push(`${name} was ${value}`),
      fault: ({ message }) => void this.said.push(message),
    };
    driver.start(sink);
    return driver;
  }

  settle(): void {
    this.time.run(seconds(1));
  }
}

describe("readings out of messages of other devices", () => {
  it("come by topic and path", () => {
    const bench = new Bench();
    bench.start("t", { topic: "zigbee2mqtt/hall", path: "$.temperature" });
    bench.settle();
    bench.links.deliver("zigbee2mqtt/hall", '{"temperature": 21.5, "battery": 80}');
    expect(bench.said).toEqual(["t = 21.5"]);
  });

  it("are not what the broker remembers: a retained delivery is the latest value only", () => {
    const bench = new Bench();
    bench.start("t", {});
    bench.settle();
    bench.links.deliver("room/1", "20", true);
    expect(bench.said).toEqual(["t was 20"]);
  });

  it("share one link to one broker, and one message may serve many sensors", () => {
    const bench = new Bench();
    bench.start("t", { path: "t" });
    bench.start("h", { path: "h" });
    bench.start("x", { broker: "mqtt://attic" });
    bench.settle();
    expect(bench.links.opened).toBe(2);
    bench.links.deliver("room/1", '{"t": 1, "h": 2}');
    expect(bench.said.sort()).toEqual(["h = 2", "t = 1", 'x: room/1: no number: {"t": 1, "h": 2}']);
  });

  it("name topic and path and show what came instead, shortened", () => {
    const bench = new Bench();
    bench.start("t", { path: "$.a.b" });
    bench.settle();
    const long = JSON.stringify({ c: "x".repeat(500) });
    for (const payload of [
      "{",
      '{"a":{"b":"warm"}}',
      '{"a":{"b":null}}',
      '{"a":{"b":[1]}}',
      '{"a":{"b":1e999}}',
      long,
    ]) {
      bench.links.deliver("room/1", payload);
    }
    expect(bench.said).toEqual([
      't: room/1 at $.a.b: no JSON: "{"',
      't: room/1 at $.a.b: no number: "warm"',
      "t: room/1 at $.a.b: no number: null",
      "t: room/1 at $.a.b: no number: [1]",
      "t: room/1 at $.a.b: no number: null",
      `t: room/1 at $.a.b: nothing there in ${long.slice(0, 60)}…`,
    ]);
  });

  it("of more bytes than the bound are not even parsed", () => {
    const bench = new Bench();
    bench.start("t", { path: "$.a" });
    bench.settle();
    bench.links.deliver("room/1", `{"a": 1, "b": "${"x".repeat(70_000)}"}`);
    expect(bench.said).toEqual([expect.stringContaining("at most 65536 are read")]);
  });

  it("go on over a new link when sensors come or go; what the old one still delivers is dropped", () => {
    const bench = new Bench();
    const first = bench.start("t", { topic: "a" });
    bench.settle();
    const old = [...bench.links.current];
    bench.start("u", { topic: "b" });
    bench.settle();
    expect(bench.links.current.size).toBe(1);
    bench.links.deliver("a", "1", false, old);
    expect(bench.said).toEqual([]);
    bench.links.deliver("a", "2");
    bench.links.deliver("b", "3");
    first.stop();
    first.stop();
    bench.links.deliver("a", "4");
    expect(bench.said).toEqual(["t = 2", "u = 3"]);
  });

  it("let go of a broker that no sensor names any more, and come back to it", () => {
    const bench = new Bench();
    const driver = bench.start("t", {});
    bench.settle();
    driver.stop();
    bench.settle();
    expect(bench.links.current.size).toBe(0);
    bench.start("t", {});
    bench.settle();
    bench.links.deliver("room/1", "1");
    expect(bench.said).toEqual(["t = 1"]);
  });

  it("fail by name while the broker is away", () => {
    const bench = new Bench();
    bench.start("t", {});
    bench.start("u", {});
    bench.settle();
    for (const { handlers } of bench.links.current)
      handlers.down(new SkeinError("broker-unreachable", "hub:1883 is gone"));
    expect(bench.said).toEqual(["hub:1883 is gone", "hub:1883 is gone"]);
  });

  it("fail by name where the configuration makes no sense", () => {
    const bench = new Bench();
    bench.start("t", { topic: "room/+" });
    bench.start("u", { path: "a..b" });
    bench.start("v", { broker: "hub" });
    bench.settle();
    expect(bench.said).toEqual([
      't: "room/+" is not one topic; name one sensor for each',
      'u: "a..b" is no path: expected .key, [index] or ["key"] at character 2',
      "hub is no broker's URL",
    ]);
  });

  it("use the credentials in a broker's URL without showing them to the link's URL", () => {
    const bench = new Bench();
    bench.start("t", { broker: "mqtts://me:p%40ss@hub:8883" });
    bench.settle();
    const [link] = bench.links.current;
    expect(link?.options).toMatchObject({ url: "mqtts://hub:8883", username: "me", password: "p@ss" });
  });
});

describe("the number in a message", () => {
  const value = (text: string) => {
    const found = messageValue(Buffer.from(text), undefined);
    return found.kind === "value" ? found.value : undefined;
  };

  it("is a number, a text that is one, or a switch", () => {
    const some = [" 21.5\n", "-3", "1e3", "+.5", "5.", "ON", "off", "True", "FALSE"].map(value);
    expect(some).toEqual([21.5, -3, 1000, 0.5, 5, 1, 0, 1, 0]);
    const found = messageValue(Buffer.from('{"a": [true, "7", "on"]}'), ["a", 1]);
    expect(found).toEqual({ kind: "value", value: 7 });
  });

  it("is nothing else", () => {
    for (const text of ["", " ", "21,5", "21 °C", "0x10", "NaN", "Infinity", "1e999", "open", "--1", "1_000", "null"]) {
      expect(value(text), text).toBeUndefined();
    }
  });
});
