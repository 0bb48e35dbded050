// A majority lost for good (PROTOCOLS): the site goes on in its next generation, from what one survivor holds.

import { describe, expect, it, vi } from "vitest";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualClock } from "../../firmware-sim/virtual-clock.ts";
import { beginGeneration, openSurvivor } from "../../src/agent/recovery.ts";
import { deviceId, siteId } from "../../src/base/ids.ts";
import { milliseconds, seconds } from "../../src/base/units.ts";
import { brokerUrl, VirtualAgents, VirtualDevice } from "./virtual-agents.ts";

// Fractions of a second alone; beside other work on a small machine, more.
vi.setConfig({ testTimeout: 60_000 });

/** What `skein recover` does once a person has decided; time passes only where the caller lets it. */
async function recover(agents: VirtualAgents, device: VirtualDevice, lost: readonly string[]): Promise<void> {
  const data = await device.disk.openDataDirectory();
  const ports = { clock: new VirtualClock(agents.time), random: new SeededRandom(agents.time.now + 1), data };
  const survivor = await openSurvivor(ports, deviceId(device.name));
  const decision = { site: siteId("test"), version: "0.0.0-test", lost: lost.map(deviceId) };
  await beginGeneration(ports, survivor, decision);
  await data.close();
}

async function recoverWhole(agents: VirtualAgents, device: VirtualDevice, lost: readonly string[]): Promise<void> {
  await agents.settle(recover(agents, device, lost));
  device.disk = device.disk.crash();
}

async function site(seed: number, devices: number, voters: number): Promise<VirtualAgents> {
  const agents = new VirtualAgents(seed, devices);
  await agents.found();
  await agents.until("the voters are there", () => agents.leader()?.status.voters.length === voters, seconds(60));
  await agents.run(seconds(25));
  return agents;
}

/** Power is cut at each of them, and their cards are gone. */
function lose(agents: VirtualAgents, names: readonly string[]): VirtualDevice[] {
  const lost = agents.devices.filter(({ name }) => names.includes(name));
  for (const device of lost) {
    agents.crash(device);
    agents.devices.splice(agents.devices.indexOf(device), 1);
  }
  return lost;
}

describe("recovery", () => {
  it("leaves the old generation or the new one, whole, wherever the power is cut (a site of 1, each half millisecond)", async () => {
    const agents = await site(50, 1, 1);
    const device = agents.at(0);
    const { applied, readings } = device.status;
    agents.crash(device);
    const card = device.disk;
    const generations = new Set<number>();
    for (let cut = 0; generations.size < 2 || cut < 24; cut++) {
      expect(cut).toBeLessThan(200);
      device.disk = card.copy("cid:simulated");
      recover(agents, device, []).catch(() => undefined);
      for (let i = 0; i <= cut; i++) {
        agents.time.run(milliseconds(0.5));
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      device.disk = device.disk.crash();
      await agents.start(device, false);
      await agents.until(
        `it leads (cut after ${cut / 2} ms)`,
        () => device.agent?.status().role === "leader",
        seconds(10),
      );
      await agents.until("it is a member", () => device.status.members.length === 1, seconds(10));
      const { generation, applied: now, readings: after, problems } = device.status;
      generations.add(generation);
      expect({ cut, problems }).toEqual({ cut, problems: [] });
      expect(now).toBeGreaterThanOrEqual(applied);
      expect(after.counted).toBeGreaterThanOrEqual(readings.counted);
      agents.crash(device);
      // What it said of its session is gone with the broker's memory: the next cut begins from the same card, as if this one never was.
      agents.network.broker(brokerUrl).crash();
      agents.network.broker(brokerUrl).restart();
    }
    expect(generations).toEqual(new Set([1, 2]));
  });

  it("goes on from one of two that are left of five: the other comes over, three new devices join, each reading counts once", async () => {
    const agents = await site(51, 5, 5);
    const { revision } = agents.at(3).status;
    lose(agents, ["pi-1", "pi-2", "pi-3"]);
    await agents.run(seconds(20));
    expect(agents.leader()).toBeUndefined();
    const [first, second] = [agents.at(0), agents.at(1)];
    await agents.stop(first);
    await recoverWhole(agents, first, ["pi-1", "pi-2", "pi-3"]);
    await agents.start(first, false);
    await agents.until("it leads alone", () => first.agent?.status().role === "leader", seconds(20));
    await agents.until("the other comes over", () => second.agent?.status().generation === 2, seconds(20));
    await agents.until("both are members", () => first.status.members.length === 2, seconds(60));
    expect(first.status.revision).toBe(revision);
    for (const number of [6, 7, 8]) {
      const device = new VirtualDevice(`pi-${number}`, agents.newDisk(number));
      agents.devices.push(device);
      await agents.start(device, false);
    }
    await agents.until("5 voters", () => agents.leader()?.status.voters.length === 5, seconds(120));
    expect(agents.devices.map(({ status }) => status.generation)).toEqual([2, 2, 2, 2, 2]);
    expect(agents.devices.flatMap(({ status }) => status.problems)).toEqual([]);
  });
});
