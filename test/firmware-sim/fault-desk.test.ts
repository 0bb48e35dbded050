import { expect, it } from "vitest";
import { FaultDesk } from "../../firmware-sim/fault-desk.ts";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import type { SimulatedDevice } from "../../firmware-sim/simulated-device.ts";
import type { SiteBroker } from "../../firmware-sim/site-broker.ts";
import { type DeviceId, deviceId } from "../../src/base/ids.ts";
import { milliseconds, seconds } from "../../src/base/units.ts";

function device(name: string, log: string[], fails = false): SimulatedDevice {
  let state: SimulatedDevice["state"] = "up";
  const become = (what: string, next: typeof state) => () => {
    log.push(`${what} ${name}`);
    state = next;
    return fails && what === "start" ? Promise.reject(new Error("no disk")) : Promise.resolve();
  };
  return {
    device: deviceId(name),
    get state() {
      return state;
    },
    sensed: 0,
    upTimes: [],
    kills: 0,
    start: become("start", "up"),
    kill: become("kill", "off"),
    stop: become("stop", "off"),
    status: () => Promise.resolve(undefined),
    storedReadings: () => Promise.resolve([]),
  };
}

function desk(restartAfter = milliseconds(0), failing = "") {
  const log: string[] = [];
  const failures: string[] = [];
  const devices = ["pi-01", "pi-02", "pi-03"].map((name) => device(name, log, name === failing));
  let isUp = true;
  const broker: SiteBroker = {
    url: "mqtt://127.0.0.1:1",
    address: { host: "127.0.0.1", port: 1 },
    isOwn: true,
    get isUp() {
      return isUp;
    },
    traffic: () => undefined,
    start: () => {
      isUp = true;
      log.push("start broker");
      return Promise.resolve();
    },
    stop: () => {
      isUp = false;
      log.push("stop broker");
      return Promise.resolve();
    },
  };
  let coordinator: DeviceId | undefined = deviceId("pi-01");
  const made = new FaultDesk({
    devices,
    broker,
    random: new SeededRandom(1),
    restartAfter,
    coordinator: () => coordinator,
    failed: (text) => failures.push(text),
  });
  const lead = (name: string | undefined) => {
    coordinator = name === undefined ? undefined : deviceId(name);
  };
  return { desk: made, log, failures, lead };
}

it("kills the coordinator, or says that there is none", async () => {
  const { desk: faults, log, lead } = desk();
  expect(faults.inject("kill-coordinator", undefined)).toBe("pi-01");
  expect(faults.inject("kill-coordinator", undefined)).toBe(false);
  lead(undefined);
  expect(faults.inject("kill-coordinator", undefined)).toBe(false);
  await faults.settled();
  expect(log).toEqual(["kill pi-01"]);
});

it("kills random followers, never the coordinator, until none is left", () => {
  const { desk: faults } = desk();
  const killed = [faults.inject("kill", undefined), faults.inject("kill", undefined)];
  expect(new Set(killed)).toEqual(new Set(["pi-02", "pi-03"]));
  expect(faults.inject("kill", undefined)).toBe(false);
});

it("gives a killed device its power back in time, and a crashed one only at the end", async () => {
  const { desk: faults, log } = desk(milliseconds(0));
  faults.inject("kill", deviceId("pi-02"));
  faults.inject("crash", deviceId("pi-03"));
  await faults.settled();
  faults.tick();
  await faults.settled();
  expect(log).toEqual(["kill pi-02", "crash pi-03".replace("crash", "kill"), "start pi-02"]);
  await faults.healAll();
  expect(log.at(-1)).toBe("start pi-03");

  const later = desk(seconds(3600));
  later.desk.inject("kill", deviceId("pi-02"));
  later.desk.tick();
  expect(later.log).toEqual(["kill pi-02"]);
});

it("restarts what runs and starts what is off", async () => {
  const { desk: faults, log } = desk(seconds(3600));
  faults.inject("restart", deviceId("pi-02"));
  await faults.settled();
  faults.inject("kill", deviceId("pi-02"));
  await faults.settled();
  expect(faults.inject("restart", deviceId("pi-02"))).toBe("pi-02");
  await faults.settled();
  faults.tick();
  expect(log).toEqual(["stop pi-02", "start pi-02", "kill pi-02", "start pi-02"]);
});

it("stops and starts the broker once each, and starts it at the end if nobody did", async () => {
  const { desk: faults, log } = desk();
  expect(faults.inject("start-broker", undefined)).toBe(false);
  expect(faults.inject("stop-broker", undefined)).toBeUndefined();
  expect(faults.inject("stop-broker", undefined)).toBe(false);
  await faults.healAll();
  expect(log).toEqual(["stop broker", "start broker"]);
});

it("reports a device that does not come back", async () => {
  const { desk: faults, failures } = desk(milliseconds(0), "pi-02");
  faults.inject("kill", deviceId("pi-02"));
  await faults.settled();
  faults.tick();
  await faults.settled();
  expect(failures).toEqual(["pi-02 does not start again: no disk"]);
});
