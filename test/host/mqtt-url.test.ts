import { describe, expect, it } from "vitest";
import { SkeinError } from "../../src/base/errors.ts";
import { parseMqttUrl } from "../../src/host/mqtt-url.ts";

describe("parseMqttUrl", () => {
  it.each([
    ["mqtt://pi.local", "mqtt", "pi.local", 1883, "/"],
    ["mqtts://pi.local", "mqtts", "pi.local", 8883, "/"],
    ["ws://pi.local", "ws", "pi.local", 80, "/"],
    ["wss://pi.local/mqtt?x=1", "wss", "pi.local", 443, "/mqtt?x=1"],
    ["mqtt://[::1]:99", "mqtt", "::1", 99, "/"],
  ])("%s", (text, protocol, host, port, path) => {
    expect(parseMqttUrl(text)).toEqual({ protocol, host, port, path, username: undefined, password: undefined });
  });

  it("takes name and password out of the URL, decoded", () => {
    expect(parseMqttUrl("mqtt://us%40er:p%2Fw@host")).toMatchObject({
      username: "us@er",
      password: "p/w",
      host: "host",
    });
  });

  it.each(["", "host:1883", "http://host", "mqtt://", "mqtt://host:99999", "mqtt:host"])(
    "%j names no broker",
    (text) => {
      expect(() => parseMqttUrl(text)).toThrow(SkeinError);
    },
  );

  it("says what is allowed, and never the password", () => {
    const say = () => parseMqttUrl("amqp://user:secret@host");
    expect(say).toThrow('"amqp://host" is not a broker\'s URL: use mqtt://host:port, mqtts://, ws:// or wss://');
  });
});
