import { expect, it } from "vitest";
import { PowerSwitch } from "../../firmware-sim/power-switch.ts";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import type { MqttLinkHandlers, MqttLinks } from "../../src/base/ports/mqtt-link.ts";
import { milliseconds, seconds } from "../../src/base/units.ts";

const options = {
  url: "mqtt://127.0.0.1",
  clientId: "a",
  keepAlive: seconds(15),
  subscriptions: [],
  maxPendingBytes: 1000,
};

/** Links that write down what is done to them, and whose handlers the test may call. */
function recordedLinks() {
  const done: string[] = [];
  const handlers: MqttLinkHandlers[] = [];
  const links: MqttLinks = {
    open: (_, given) => {
      handlers.push(given);
      return {
        isUp: true,
        publish: ({ topic }, told) => {
          done.push(`publish ${topic}`);
          told?.();
        },
        close: (how) => {
          done.push(`close ${how ?? "clean"}`);
          return Promise.resolve();
        },
      };
    },
  };
  return { done, handlers, links };
}

const message = { topic: "t", payload: Buffer.alloc(0), retain: false, qos: 1 as const };

it("lets timers, messages and publishes through while there is power, and none of them after", async () => {
  const time = new VirtualTime();
  const power = new PowerSwitch();
  const clock = power.clock(new VirtualClock(time));
  const { done, handlers, links } = recordedLinks();
  const heard: string[] = [];
  const hear = (what: string) => () => heard.push(what);
  const link = power.links(links).open(options, { up: hear("up"), down: hear("down"), message: hear("message") });
  const publish = (told: () => void) => link.publish(message, told);

  clock.after(milliseconds(10), "early", hear("timer"));
  clock.after(milliseconds(30), "late", hear("late timer"));
  clock.soon(hear("soon"));
  const [handler] = handlers;
  handler?.up();
  handler?.message(message);
  publish(hear("published"));
  time.run(milliseconds(20));
  expect(heard).toEqual(["up", "message", "published", "soon", "timer"]);
  expect(link.isUp).toBe(true);

  clock.soon(hear("soon after"));
  await power.cut();
  handler?.down(undefined as never);
  handler?.message(message);
  publish(hear("published after"));
  clock.after(milliseconds(1), "after", hear("timer after"));
  time.run(seconds(10));
  await link.close();
  await power.cut();
  expect(heard).toHaveLength(5);
  expect(done).toEqual(["publish t", "close abrupt"]);
  expect([link.isUp, power.isOn]).toEqual([false, false]);
});

it("cuts every open link, and none that was closed before", async () => {
  const power = new PowerSwitch();
  const { done, links } = recordedLinks();
  const none = { up: () => undefined, down: () => undefined, message: () => undefined };
  const [first] = Array.from({ length: 3 }, () => power.links(links).open(options, none));
  await first?.close();
  await power.cut();
  expect(done).toEqual(["close clean", "close abrupt", "close abrupt"]);
});
