// Whole agents under random faults, then peace: every reading that a card has synced is on the dashboard topic once.

import { expect, it } from "vitest";
import { milliseconds, seconds } from "../../src/base/units.ts";
import { quality } from "../../src/readings/types.ts";
import { brokerUrl, VirtualAgents } from "./virtual-agents.ts";

const { SEEDS = "20", SEED = "1" } = process.env;
const seeds = Number(SEEDS);
const first = Number(SEED);

async function stored(agents: VirtualAgents): Promise<number> {
  let sum = 0;
  for (const { agent } of agents.devices) {
    const readings = (await agents.settle(agent?.storedReadings() ?? Promise.resolve([]))) ?? [];
    sum += readings.filter((reading) => (reading.quality & quality.missing) === 0).length;
  }
  return sum;
}

async function live(seed: number): Promise<{ sensed: number; crashes: number }> {
  const count = 3 + (seed % 4);
  const agents = new VirtualAgents(seed, count);
  const { random, network } = agents;
  for (const device of agents.devices) await agents.start(device);
  await agents.until(
    "all devices are members",
    () => agents.leader()?.agent?.status().members.length === count,
    seconds(60),
  );
  await agents.configure(2);
  network.setFaults({
    loss: random.fraction() * 0.1,
    repetition: random.fraction() * 0.1,
    reordering: random.fraction() * 0.1,
    reorderDelay: milliseconds(50),
  });
  let crashes = 0;
  for (let round = 0; round < 60; round++) {
    const device = agents.at(random.below(count));
    const chance = random.fraction();
    if (chance < 0.12 && device.agent !== undefined) {
      agents.crash(device);
      crashes += 1;
    } else if (chance < 0.2) {
      const leader = agents.leader();
      if (leader !== undefined) {
        agents.crash(leader);
        crashes += 1;
      }
    } else if (chance < 0.5 && device.agent === undefined) await agents.start(device);
    else if (chance < 0.54) network.cut(device.name, brokerUrl, "both");
    else if (chance < 0.6) network.healAll();
    else if (chance < 0.62) {
      network.broker(brokerUrl).crash();
      await agents.run(seconds(1));
      network.broker(brokerUrl).restart();
    }
    await agents.run(milliseconds(random.below(3000)));
  }
  network.healAll();
  network.setFaults({ loss: 0, repetition: 0, reordering: 0 });
  for (const device of agents.devices) if (device.agent === undefined) await agents.start(device);
  await agents.run(seconds(10));
  agents.silenceSensors();
  await agents.run(seconds(5));
  const expected = await stored(agents);
  const story = (): string =>
    `seed ${seed}: counted ${agents.counted()} of ${expected} stored; ${agents.devices.map(({ name, agent }) => `${name} ${JSON.stringify(agent?.status().readings)}`.slice(0, 110)).join(" ")}`;
  try {
    await agents.until("the dashboard has what was stored", () => agents.counted() === expected, seconds(120));
  } catch (failure) {
    throw new Error(`${story()}\n${String(failure)}`);
  }
  await agents.run(seconds(20));
  expect(agents.counted(), story()).toBe(expected);
  return { sensed: agents.totalSensed(), crashes };
}

it(`every stored reading counts once (${seeds} seeds from ${first})`, async () => {
  let sensed = 0;
  let crashes = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    const result = await live(seed);
    sensed += result.sensed;
    crashes += result.crashes;
  }
  expect(sensed).toBeGreaterThan(seeds * 200);
  expect(crashes).toBeGreaterThan(seeds * 3);
}, 300_000);
