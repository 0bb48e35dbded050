// What every MqttLinks must do, the real and the simulated ones alike. Each world gives its own links, its own broker, and a
// way to wait: by virtual time, or by looking again until it is so.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isSkeinError, type SkeinError } from "../../src/base/errors.ts";
import type { MqttLink, MqttLinkOptions, MqttLinks, MqttMessage } from "../../src/base/ports/mqtt-link.ts";
import { seconds } from "../../src/base/units.ts";

export interface LinkTestWorld {
  readonly links: MqttLinks;
  readonly url: string;
  /** Returns once `condition` holds; fails the test if it does not within a few seconds. */
  until(condition: () => boolean): Promise<void>;
  /** Waits for a promise of a port. */
  finish(promise: Promise<void>): Promise<void>;
  /** Long enough for a message that would come to have come. */
  settle(): Promise<void>;
  stopBroker(): Promise<void>;
  startBroker(): Promise<void>;
  dispose(): Promise<void>;
}

/** A link and what it was told, in order. */
class Recorder {
  readonly told: string[] = [];
  readonly messages: MqttMessage[] = [];
  readonly reasons: SkeinError[] = [];
  readonly link: MqttLink;
  isOpened = false;
  wills = 0;

  constructor(world: LinkTestWorld, clientId: string, options: Partial<MqttLinkOptions> & { willTopic?: string } = {}) {
    const { willTopic, ...rest } = options;
    const tell = (what: string) => this.told.push(this.isOpened ? what : `${what} before open returned`);
    this.link = world.links.open(
      {
        url: world.url,
        clientId,
        keepAlive: seconds(30),
        subscriptions: [],
        maxPendingBytes: 1_000_000,
        ...(willTopic !== undefined && {
          will: () => ({ topic: willTopic, payload: Uint8Array.of(++this.wills), qos: 1, retain: false }) as const,
        }),
        ...rest,
      },
      {
        up: () => tell("up"),
        down: (reason) => {
          this.reasons.push(reason);
          tell("down");
        },
        message: (message) => {
          this.messages.push(message);
          tell(`${message.topic}=${Buffer.from(message.payload).toString()}${message.retain ? " (retained)" : ""}`);
        },
      },
    );
    this.isOpened = true;
  }
}

const subscribeTo = (...filters: string[]) => ({
  subscriptions: filters.map((filter) => ({ filter, qos: 1 }) as const),
});
const said = (topic: string, text: string, retain = false) =>
  ({ topic, payload: Buffer.from(text), qos: 1, retain }) as const;

export function mqttLinkCompliance(name: string, createWorld: () => Promise<LinkTestWorld>): void {
  describe(`MqttLinks: ${name}`, () => {
    let world: LinkTestWorld;
    const recorders: Recorder[] = [];

    beforeEach(async () => {
      world = await createWorld();
    });

    afterEach(async () => {
      for (const { link } of recorders.splice(0)) await world.finish(link.close("abrupt"));
      await world.dispose();
    });

    const open = (clientId: string, options?: Partial<MqttLinkOptions> & { willTopic?: string }): Recorder => {
      const recorder = new Recorder(world, clientId, options);
      recorders.push(recorder);
      return recorder;
    };
    const openUp = async (clientId: string, options?: Partial<MqttLinkOptions> & { willTopic?: string }) => {
      const recorder = open(clientId, options);
      await world.until(() => recorder.link.isUp);
      return recorder;
    };

    it("tells nothing before open has returned, then up once", async () => {
      const one = open("one");
      expect(one.told).toEqual([]);
      await world.until(() => one.link.isUp);
      expect(one.told).toEqual(["up"]);
    });

    it("delivers to subscribers, in order, byte for byte (QoS 0 and 1, one level of wildcard)", async () => {
      const hearer = await openUp("hearer", subscribeTo("a/+/c"));
      const speaker = await openUp("speaker");
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      speaker.link.publish({ topic: "a/b/c", payload: bytes, qos: 0, retain: false });
      speaker.link.publish(said("a/b/d", "elsewhere"));
      speaker.link.publish(said("a/b2/c", "second"));
      await world.until(() => hearer.messages.length === 2);
      await world.settle();
      expect(hearer.messages.map(({ topic, payload }) => [topic, Buffer.from(payload).toString("hex")])).toEqual([
        ["a/b/c", Buffer.from(bytes).toString("hex")],
        ["a/b2/c", Buffer.from("second").toString("hex")],
      ]);
    });

    it("acknowledges QoS 0 when it is handed over and QoS 1 when the broker has it, each once", async () => {
      const speaker = await openUp("speaker");
      const done: string[] = [];
      speaker.link.publish({ ...said("t", "x"), qos: 0 }, (failure) => done.push(`0 ${failure?.code ?? "ok"}`));
      speaker.link.publish(said("t", "y"), (failure) => done.push(`1 ${failure?.code ?? "ok"}`));
      expect(done).not.toContain("1 ok");
      await world.until(() => done.length === 2);
      await world.settle();
      expect(done.sort()).toEqual(["0 ok", "1 ok"]);
    });

    it("delivers what was retained as retained, and the same live as not; an empty one deletes it", async () => {
      const early = await openUp("early", subscribeTo("r/#"));
      const speaker = await openUp("speaker");
      speaker.link.publish(said("r/1", "kept", true));
      await world.until(() => early.messages.length === 1);
      const late = await openUp("late", subscribeTo("r/#"));
      await world.until(() => late.messages.length === 1);
      expect(early.told).toEqual(["up", "r/1=kept"]);
      expect(late.told).toEqual(["up", "r/1=kept (retained)"]);
      speaker.link.publish(said("r/1", "", true));
      await world.until(() => late.messages.length === 2);
      const latest = await openUp("latest", subscribeTo("r/#"));
      await world.settle();
      expect(latest.messages).toEqual([]);
    });

    it("queues nothing: what is published while it is down is refused and never arrives", async () => {
      const hearer = await openUp("hearer", subscribeTo("t"));
      const speaker = open("speaker");
      const codes: unknown[] = [];
      for (const qos of [0, 1] as const) {
        speaker.link.publish({ ...said("t", "too early"), qos }, (failure) => codes.push(failure?.code));
      }
      await world.until(() => speaker.link.isUp);
      speaker.link.publish(said("t", "now"));
      await world.until(() => hearer.messages.length > 0);
      expect(codes).toEqual(["not-connected", "not-connected"]);
      expect(hearer.told).toEqual(["up", "t=now"]);
    });

    it("has its will published after an abrupt end, and not after a clean one", async () => {
      const hearer = await openUp("hearer", subscribeTo("will/#"));
      const clean = await openUp("clean", { willTopic: "will/clean" });
      const abrupt = await openUp("abrupt", { willTopic: "will/abrupt" });
      await world.finish(clean.link.close("clean"));
      await world.finish(abrupt.link.close("abrupt"));
      await world.until(() => hearer.messages.length > 0);
      await world.settle();
      expect(hearer.messages.map(({ topic }) => topic)).toEqual(["will/abrupt"]);
    });

    it("has its will published when another client takes over its name [MQTT-3.1.4-2, MQTT-3.1.2-8]", async () => {
      const hearer = await openUp("hearer", subscribeTo("will/#"));
      await openUp("same", { willTopic: "will/first" });
      const second = await openUp("same");
      await world.until(() => hearer.messages.length > 0);
      await world.finish(second.link.close());
      expect(hearer.messages[0]?.topic).toBe("will/first");
    });

    it("asks for its will before each connection", async () => {
      const hearer = await openUp("hearer", subscribeTo("will/#"));
      const one = await openUp("one", { willTopic: "will/one" });
      await world.stopBroker();
      await world.until(() => one.told.includes("down"));
      await world.startBroker();
      await world.until(() => one.link.isUp && hearer.link.isUp);
      await world.finish(one.link.close("abrupt"));
      await world.until(() => hearer.messages.length > 0);
      expect(one.wills).toBeGreaterThan(1);
      expect([...(hearer.messages.at(-1)?.payload ?? [])]).toEqual([one.wills]);
    });

    it("is told that another client took over its name, and dials again", async () => {
      const first = await openUp("same");
      const second = await openUp("same");
      await world.until(() => first.told.includes("down"));
      await world.finish(second.link.close());
      expect(first.reasons[0]?.code).toBe("broker-refused");
      expect(first.reasons[0]?.message).toMatch(/took over/);
      await world.until(() => first.link.isUp);
    });

    it("goes on trying while nobody listens, and is subscribed again when the broker is back", async () => {
      const one = await openUp("one", subscribeTo("t"));
      await world.stopBroker();
      await world.until(() => one.told.filter((what) => what === "down").length >= 3);
      expect(one.link.isUp).toBe(false);
      expect(one.reasons.slice(1).every((reason) => isSkeinError(reason, "broker-unreachable"))).toBe(true);
      await world.startBroker();
      await world.until(() => one.link.isUp);
      one.link.publish(said("t", "again"));
      await world.until(() => one.messages.length === 1);
    });

    it("tells nothing after close, refuses to publish, and closes twice without harm", async () => {
      const one = await openUp("one", subscribeTo("t"));
      const other = await openUp("other");
      await world.finish(one.link.close());
      await world.finish(one.link.close("abrupt"));
      const codes: unknown[] = [];
      one.link.publish(said("t", "x"), (failure) => codes.push(failure?.code));
      other.link.publish(said("t", "x"));
      await world.settle();
      expect(codes).toEqual(["not-connected"]);
      expect(one.told).toEqual(["up"]);
      expect(one.link.isUp).toBe(false);
    });

    it("fails at once on what is no broker's URL", () => {
      for (const url of ["", "1.2.3.4", "http://host", "mqtt://"]) {
        expect(() => open("one", { url }), url).toThrowError(expect.objectContaining({ code: "invalid-argument" }));
      }
    });
  });
}
