// Faults that overlap: each ends what it began, and nothing else. The end of a short one used to end a long one of the same kind, so
// that an uplink that was away for an hour came back after two minutes.

import { describe, expect, it } from "vitest";
import { worldEpoch } from "../../../firmware-sim/virtual-clock.ts";
import type { PlannedFault } from "../../../firmware-sim/world/fault.ts";
import { faultKind, faultKinds } from "../../../firmware-sim/world/fault-kinds.ts";
import { uplinkUrl } from "../../../firmware-sim/world/names.ts";
import type { SitePlan } from "../../../firmware-sim/world/site.ts";
import { World } from "../../../firmware-sim/world/world.ts";
import { seconds } from "../../../src/base/units.ts";
import { bareSite } from "./bare-site.ts";

const plan: SitePlan = { ...bareSite, devices: 2, brokers: ["pi-1", undefined] };

/** Two devices with a coordinator; the first embeds one of two brokers. */
async function founded(): Promise<World> {
  const world = new World(1, plan, []);
  for (const machine of world.machines) machine.powerOn();
  await world.runUntil(() => world.coordinator()?.status()?.members.length === 2, seconds(20));
  return world;
}

/** Everything that a fault may have left behind, once those that it switched on and off have started. */
async function troublesOf(world: World) {
  await world.run(seconds(7));
  const { network } = world;
  const urls = [...world.brokers.map(({ url }) => url), uplinkUrl];
  const machines = plan.brokers.map((_, i) => world.machine(`pi-${i + 1}`));
  return {
    paths: machines.flatMap(({ name }) =>
      urls.map((url) => {
        const path = network.between(name, url);
        return [name, url, path.isOpen("to-broker"), path.isOpen("from-broker"), path.faults];
      }),
    ),
    brokers: urls.map((url) => [network.broker(url).state, network.broker(url).troubles]),
    machines: machines.map(({ hasPower, gate, card, clock, wall }) => {
      const { isFull, isHung, latency } = card.disk.troubles;
      const error = (clock?.wall().time ?? 0) - worldEpoch - world.time.now;
      const isRight = clock?.wall().synchronized === true && Math.abs(error) < 60_000;
      return { hasPower, isPaused: gate.isPaused, isFull, isHung, slowest: latency.syncLatencyMax, wall, isRight };
    }),
  };
}

function begin(world: World, kind: string, strength: number): (() => void) | undefined {
  const fault: PlannedFault = { kind, at: 0, lasts: 1_000_000, target: 0, strength };
  return faultKind(kind).begin(world, fault);
}

const [weak, strong] = [0.4, 0.9];

/** What the kind does alone; undefined: it leaves no state, or cannot happen here. */
async function alone(kind: string, strength: number) {
  const world = await founded();
  const calm = await troublesOf(world);
  const end = begin(world, kind, strength);
  const on = await troublesOf(world);
  if (end === undefined || JSON.stringify(on) === JSON.stringify(calm)) return undefined;
  end();
  expect(await troublesOf(world)).toEqual(calm);
  return on;
}

const kinds = faultKinds.map(({ name }) => name);
const overlapping: string[] = [];

describe("two faults of one kind that overlap", () => {
  it.each(kinds)("end one after the other, in both orders, where they can overlap at all (%s)", async (kind) => {
    const weakAlone = await alone(kind, weak);
    if (weakAlone === undefined) return;
    for (const isFirstEndedFirst of [true, false]) {
      const world = await founded();
      const calm = await troublesOf(world);
      const ends = [begin(world, kind, strong), begin(world, kind, weak)];
      if (ends[1] === undefined) {
        ends[0]?.();
        expect(await troublesOf(world)).toEqual(calm);
        return;
      }
      await world.run(seconds(7));
      const [first, second] = isFirstEndedFirst ? ends : ends.toReversed();
      first?.();
      expect(await troublesOf(world)).toEqual(isFirstEndedFirst ? weakAlone : await alone(kind, strong));
      first?.(); // over is over
      second?.();
      expect(await troublesOf(world)).toEqual(calm);
    }
    overlapping.push(kind);
  });

  it("are these kinds, beside those that leave no state and those of which there is but one at a time", () => {
    expect(overlapping).toEqual([
      "restart",
      "weather",
      "device-cut",
      "coordinator-cut",
      "pair-cut",
      "split",
      "coordinator-split-off",
      "pair-weather",
      "broker-slow",
      "broker-refuses",
      "broker-replays",
      "disk-hang",
      "coordinator-disk-hang",
      "disk-full",
      "disk-slow",
      "clock-jump",
      "clock-source-away",
      "clock-of-1970",
      "uplink-away",
      "uplink-loses-acknowledgements",
    ]);
  });
});

describe("faults of two kinds that overlap", () => {
  const pairs: readonly (readonly [string, string])[] = [
    ["device-cut", "split"],
    ["coordinator-cut", "pair-cut"],
    ["pair-weather", "weather"],
    ["broker-hang", "pause"],
    ["clock-source-away", "clock-jump"],
    ["clock-of-1970", "clock-source-away"],
    ["site-power-cut", "flapping"],
  ];
  const turned = pairs.map(([one, other]): readonly [string, string] => [other, one]);

  it.each([["disk-full", "disk-full-at-start"] as const, ...pairs, ...turned])(
    "end each for itself (%s, %s)",
    async (one, other) => {
      const calm = await troublesOf(await founded());
      const world = await founded();
      const ends = [one, other].map((kind) => begin(world, kind, strong));
      for (const [i, end] of ends.entries()) {
        end?.();
        const left = i === 0 && ends[1] !== undefined ? await alone(other, strong) : calm;
        expect(await troublesOf(world)).toEqual(left ?? calm);
      }
    },
  );
});
