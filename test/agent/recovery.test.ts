// A majority lost for good (PROTOCOLS): the site goes on in its next generation, from what one survivor holds.

import { describe, expect, it, vi } from "vitest";
import { PublishedWindows } from "../../firmware-sim/judge/published-windows.ts";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualClock } from "../../firmware-sim/virtual-clock.ts";
import { beginGeneration, openSurvivor } from "../../src/agent/recovery.ts";
import { deviceId, type Generation, siteId } from "../../src/base/ids.ts";
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
  agents.groupBy = ["device"];
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

/** What a consumer has that follows docs/topics.md. */
function dashboard(agents: VirtualAgents): PublishedWindows {
  const published = new PublishedWindows();
  for (const { topic, body } of agents.items) {
    const values = body as unknown as Parameters<PublishedWindows["aggregate"]>[0];
    const series = topic.slice("skein/1/test/aggregates/".length);
    const what = published.item(values.id, topic, Buffer.from(JSON.stringify(body)), true);
    if (what === "first") published.aggregate({ ...values, series });
  }
  return published;
}

/** The coordinator and others, `count` in all, by name. */
function withCoordinator(agents: VirtualAgents, count: number): string[] {
  const leader = agents.leader();
  const others = agents.devices.filter((device) => device !== leader);
  return [...(leader === undefined ? [] : [leader]), ...others].slice(0, count).map(({ name }) => name);
}

/** By device. */
function countedOf(published: PublishedWindows, { name }: VirtualDevice): number {
  const own = published.spans().filter(({ series }) => series === `all/${name}`);
  return own.reduce((sum, { count }) => sum + count, 0);
}

/** Sensors fall silent; then a consumer comes to exactly what these cards hold, and stays there. */
async function expectEachOnce(agents: VirtualAgents, devices: readonly VirtualDevice[]): Promise<void> {
  agents.silenceSensors();
  await agents.run(seconds(15));
  const expected: [string, number][] = [];
  for (const device of devices) expected.push([device.name, await agents.stored([device])]);
  const counted = (): [string, number][] => {
    const published = dashboard(agents);
    return devices.map((device) => [device.name, countedOf(published, device)]);
  };
  const isThere = (): boolean => JSON.stringify(counted()) === JSON.stringify(expected);
  for (let passed = 0; passed < 30 && !isThere(); passed++) await agents.run(seconds(5));
  await agents.run(seconds(20));
  expect(counted()).toEqual(expected);
  expect(dashboard(agents).violations()).toEqual([]);
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
      // Each round writes the same card back, and the broker remembers the round before.
      const others = problems.filter((problem) => !problem.includes("an older state was written back"));
      expect({ cut, others }).toEqual({ cut, others: [] });
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
    await expectEachOnce(agents, [first, second]);
  });

  it("counts each reading of the survivors once, also those that only the lost had counted and published (5 devices, 3 lost)", async () => {
    const agents = await site(52, 5, 5);
    const lost = withCoordinator(agents, 3);
    const survivors = agents.devices.filter(({ name }) => !lost.includes(name));
    // The second goes on with the others, and its readings are counted in entries that the first never gets.
    const [first, second] = survivors;
    if (first === undefined || second === undefined) throw new Error("two are left");
    agents.network.cut(first.host, brokerUrl);
    await agents.run(seconds(40));
    const before = dashboard(agents);
    lose(agents, lost);
    agents.network.healAll();
    await agents.run(seconds(20));
    const inOldGeneration = agents.items.length;
    await agents.stop(first);
    await recoverWhole(agents, first, lost);
    await agents.start(first, false);
    await agents.until("the other is a member", () => second.agent?.status().members.length === 2, seconds(90));
    await expectEachOnce(agents, survivors);

    const later = agents.items.slice(inOldGeneration).map(({ body }) => String(body["id"]));
    const begins = Number(later.find((id) => id.startsWith("2."))?.slice(2));
    const published = new Set(agents.items.slice(0, inOldGeneration).map(({ body }) => String(body["id"])));
    expect(published).toContain(`1.${begins}`); // so there is something void
    expect(countedOf(before, second)).toBeGreaterThan(countedOf(before, first) + 20);
  });

  it("item numbers of the old generation never name other bytes, whatever the survivor's log ends with", async () => {
    const agents = await site(53, 3, 3);
    const lost = withCoordinator(agents, 2);
    const survivor = agents.devices.find(({ name }) => !lost.includes(name));
    if (survivor === undefined) throw new Error("nobody is left");
    await agents.run(seconds(17));
    const before = new Map(agents.items.map(({ body }) => [String(body["id"]), JSON.stringify(body)]));
    lose(agents, lost);
    await agents.stop(survivor);
    await recoverWhole(agents, survivor, lost);
    await agents.start(survivor, false);
    await agents.run(seconds(60));
    const repeated = agents.items.filter(({ body }) => before.has(String(body["id"])));
    for (const { body } of repeated) expect(JSON.stringify(body)).toBe(before.get(String(body["id"])));
    expect(agents.items.some(({ body }) => String(body["id"]).startsWith("2."))).toBe(true);
    expect(dashboard(agents).violations()).toEqual([]);
  });
});

const otherBroker = "mqtt://other:1883";

interface Divided {
  readonly agents: VirtualAgents;
  readonly lost: readonly VirtualDevice[];
  readonly survivors: readonly VirtualDevice[];
  readonly old: Generation;
}

/** Three of five, the coordinator among them, on one broker; two on the other, where one of them is recovered all the same. */
async function divided(seed: number): Promise<Divided> {
  const agents = new VirtualAgents(seed, 5);
  agents.groupBy = ["device"];
  agents.brokers.push(otherBroker);
  agents.network.addBroker(otherBroker);
  await agents.found();
  await agents.until("5 voters", () => agents.leader()?.status.voters.length === 5, seconds(60));
  await agents.run(seconds(15));
  const names = withCoordinator(agents, 3);
  const lost = agents.devices.filter(({ name }) => names.includes(name));
  const survivors = agents.devices.filter(({ name }) => !names.includes(name));
  for (const { host } of lost) agents.network.cut(host, brokerUrl);
  for (const { host } of survivors) agents.network.cut(host, otherBroker);
  await agents.run(seconds(20));
  const [first] = survivors;
  if (first === undefined) throw new Error("nobody is left");
  await agents.stop(first);
  const { generation: old } = (await agents.settle(first.disk.openDataDirectory())).identity;
  if (old === undefined) throw new Error("it belongs to none");
  first.disk = first.disk.crash();
  await recoverWhole(agents, first, names);
  return { agents, lost, survivors, old };
}

const leaders = (devices: readonly VirtualDevice[]): string[] =>
  devices.filter(({ agent }) => agent?.status().role === "leader").map(({ name }) => name);

describe("those declared lost, alive behind a partition", () => {
  it("act until they meet the later generation, then fall silent and come over; every reading counts once", async () => {
    const { agents, lost, survivors } = await divided(54);
    await agents.start(survivors[0] as VirtualDevice, false);
    await agents.run(seconds(40));
    expect([leaders(lost).length, leaders(survivors).length]).toEqual([1, 1]);
    agents.network.healAll();
    await agents.until(
      "all are of generation 2, under one coordinator",
      () =>
        agents.devices.every(({ agent }) => agent?.status().generation === 2) && leaders(agents.devices).length === 1,
      seconds(20),
    );
    await agents.until("all are members", () => agents.leader()?.status.members.length === 5, seconds(90));
    await expectEachOnce(agents, agents.devices);
  });

  it("would go on beside it if the generation were the same (negative control)", async () => {
    const { agents, lost, survivors, old } = await divided(55);
    const [first] = survivors;
    if (first === undefined) throw new Error("nobody is left");
    const data = await agents.settle(first.disk.openDataDirectory());
    await agents.settle(data.saveGeneration(old));
    first.disk = first.disk.crash();
    await agents.start(first, false);
    agents.network.healAll();
    const seen = new Set<string>();
    for (let second = 0; second < 60; second++) {
      await agents.run(seconds(1));
      for (const name of leaders(agents.devices)) seen.add(name);
    }
    expect([...seen].some((name) => lost.some((device) => device.name === name))).toBe(true);
    expect(seen).toContain(first.name);
    expect(lost.every(({ status }) => status.problems.join().includes("contradicts"))).toBe(true);
  });
});
