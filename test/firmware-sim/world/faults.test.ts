// Faults do what they say, and end when they are told to: a fault that goes on in the healing phase, or that never was, would make
// the world's verdict worth nothing.

import { describe, expect, it } from "vitest";
import type { PlannedFault } from "../../../firmware-sim/world/fault.ts";
import { faultKind, faultKinds } from "../../../firmware-sim/world/fault-kinds.ts";
import type { SitePlan } from "../../../firmware-sim/world/site.ts";
import { World } from "../../../firmware-sim/world/world.ts";
import { milliseconds, seconds } from "../../../src/base/units.ts";
import { bareSite } from "./bare-site.ts";

const plan: SitePlan = { ...bareSite, brokers: ["pi-1", undefined] };

const planned = (kind: string, lasts: number): PlannedFault => ({ kind, at: 0, lasts, target: 0, strength: 0.9 });

/** One device, up, which embeds the first broker. */
async function world() {
  const one = new World(1, plan, []);
  const [machine] = one.machines;
  const [broker] = one.brokers;
  if (machine === undefined || broker === undefined) throw new Error("a world of one device and two brokers");
  machine.powerOn();
  await one.run(seconds(2));
  const begin = (kind: string, lasts = 10_000): (() => void) => {
    const end = faultKind(kind).begin(one, planned(kind, lasts));
    if (end === undefined) throw new Error(`${kind} could not happen`);
    return end;
  };
  return { one, machine, broker, begin };
}

describe("faults of devices", () => {
  it("flapping that is ended before its time pulls no plug any more (the storm is over)", async () => {
    const { one, machine, begin } = await world();
    const end = begin("flapping", 30_000);
    await one.run(milliseconds(100));
    expect(machine.hasPower).toBe(false);
    end();
    await one.run(seconds(2));
    const { clock } = machine;
    await one.run(seconds(30));
    expect(machine.isUp).toBe(true);
    expect(machine.clock).toBe(clock); // the same start
  });

  it("a suspended device's own broker is suspended with it, and goes on with it", async () => {
    const { machine, broker, begin } = await world();
    const end = begin("pause");
    expect([machine.gate.isPaused, broker.state]).toEqual([true, "hung"]);
    end();
    expect([machine.gate.isPaused, broker.state]).toEqual([false, "running"]);
  });
});

describe("faults of the network", () => {
  const reached = (one: World) =>
    one.machines.flatMap(({ name }) =>
      one.brokers
        .filter(({ url }) => one.network.between(name, url).isOpen("to-broker"))
        .map(({ url }) => `${name} to ${url.slice(-6, -5)}`),
    );

  it("a device that is cut off reaches the broker that it embeds, and nobody else reaches that", () => {
    const one = new World(1, { ...plan, devices: 3 }, []);
    const end = faultKind("device-cut").begin(one, { ...planned("device-cut", 10_000), strength: 0 });
    expect(reached(one)).toEqual(["pi-1 to 1", "pi-2 to 2", "pi-3 to 2"]);
    end?.();
    expect(reached(one)).toHaveLength(6);
  });

  it("of a device that only hears, those who ask at its broker get no answer (cut in one direction)", () => {
    const one = new World(1, { ...plan, devices: 2 }, []);
    faultKind("device-cut").begin(one, { ...planned("device-cut", 10_000), strength: 0.4 });
    const ways = (name: string, url: string | undefined) =>
      (["to-broker", "from-broker"] as const).filter((way) => one.network.between(name, url ?? "").isOpen(way));
    const [own, alone] = one.brokers.map(({ url }) => url);
    expect(ways("pi-1", alone)).toEqual(["from-broker"]);
    expect(ways("pi-2", own)).toEqual(["to-broker"]);
    expect(ways("pi-1", own)).toEqual(["to-broker", "from-broker"]);
  });

  it("a broker goes with the device that embeds it (split, and a coordinator that is split off)", async () => {
    const one = new World(1, { ...plan, devices: 3 }, []);
    const end = faultKind("split").begin(one, { ...planned("split", 10_000), target: 2, strength: 0.9 });
    expect(reached(one)).toEqual(["pi-1 to 1", "pi-2 to 2", "pi-3 to 2"]);
    end?.();
    one.machines[0]?.powerOn();
    await one.run(seconds(5));
    expect(one.coordinator()?.name).toBe("pi-1");
    faultKind("coordinator-split-off").begin(one, { ...planned("coordinator-split-off", 10_000), target: 1 });
    expect(reached(one)).toEqual(["pi-1 to 1", "pi-2 to 2", "pi-3 to 2"]);
  });
});

describe("faults of brokers", () => {
  it("one that a device embeds does not start again while the device has no power", async () => {
    const { one, machine, broker, begin } = await world();
    const end = begin("broker-crash");
    machine.cutPower();
    end();
    expect(broker.state).toBe("stopped");
    machine.powerOn();
    await one.run(seconds(2));
    expect(broker.state).toBe("running");
  });
});

describe("faults that leave something behind", () => {
  it("the latency of a card is gone with its fault, also where the card was copied meanwhile", async () => {
    const { one, machine, begin } = await world();
    const end = begin("disk-slow");
    machine.cutPower();
    machine.insert(one.copyOf(machine.card));
    end();
    const before = one.time.now;
    machine.powerOn();
    expect(await one.runUntil(() => machine.isUp, seconds(60))).toBe(true);
    expect(one.time.now - before).toBeLessThan(500);
  });

  it("a clock without power does not jump, and is not counted", async () => {
    const { one, machine } = await world();
    machine.cutPower();
    expect(faultKind("clock-jump").begin(one, planned("clock-jump", 10_000))).toBeUndefined();
  });
});

it("every kind has a name of its own, and a time that can be drawn", () => {
  expect(new Set(faultKinds.map(({ name }) => name)).size).toBe(faultKinds.length);
  for (const { lasts, weight } of faultKinds) {
    expect(lasts[0]).toBeLessThan(lasts[1]);
    expect(weight).toBeGreaterThan(0);
  }
});
