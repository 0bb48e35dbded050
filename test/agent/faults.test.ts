// What one device's trouble is to the site: nothing, beyond that device.

import { describe, expect, it, vi } from "vitest";
import { VirtualClock } from "../../firmware-sim/virtual-clock.ts";
import { deviceId, type Generation, type Incarnation, siteId } from "../../src/base/ids.ts";
import { logIndex, milliseconds, seconds, siteTime } from "../../src/base/units.ts";
import { BrokerSet } from "../../src/mqtt/broker-set.ts";
import { silentLogger } from "../replica/virtual-site.ts";
import { brokerUrl, VirtualAgents } from "./virtual-agents.ts";

// Fractions of a second alone; beside other work on a small machine, more.
vi.setConfig({ testTimeout: 60_000 });

async function site(seed: number, devices: number, sensorsEach = 1): Promise<VirtualAgents> {
  const agents = new VirtualAgents(seed, devices);
  await agents.found(sensorsEach);
  const wanted = devices < 3 ? 1 : 3;
  await agents.until("the voters are there", () => agents.leader()?.status.voters.length === wanted, seconds(30));
  return agents;
}

describe("a disk", () => {
  it("that is full stops sampling there, says so, and neither ends the coordinator nor its coordination; room lets it go on", async () => {
    const agents = await site(1, 3);
    const leader = agents.leader() ?? agents.at(0);
    leader.disk.fill();
    // Until the readings log has used up what was reserved for it, readings are still taken.
    for (let i = 0; i < 400 && leader.status.readings.stopped === undefined; i++) await agents.run(seconds(10));
    expect(leader.status.readings.stopped).toMatch(/full/);
    const before = agents.counted();
    await agents.run(seconds(60));
    expect(leader.status.role).toBe("leader");
    expect(agents.counted() - before).toBeGreaterThan(80);
    expect(leader.failure).toBeUndefined();
    leader.disk.makeRoom();
    await agents.until("it samples again", () => leader.status.readings.stopped === undefined, seconds(30));
  }, 30_000);

  it("that fails ends its agent through `failed`, once, and the others go on", async () => {
    const agents = await site(2, 3);
    const leader = agents.leader() ?? agents.at(0);
    leader.disk.fail();
    await agents.until("its agent has ended", () => leader.failure !== undefined, seconds(20));
    expect(leader.failure?.code).toBe("disk-failed");
    await agents.settle(leader.agent?.stop().catch(() => undefined) ?? Promise.resolve());
    agents.crash(leader);
    await agents.until("another leads", () => agents.leader() !== undefined, seconds(20));
    const before = agents.counted();
    await agents.run(seconds(40));
    expect(agents.counted()).toBeGreaterThan(before + 40);
  });
});

describe("a sensor that this host has no driver for", () => {
  it("is faulty there, and ends nothing: not the device, not its other sensors, not its next start", async () => {
    const agents = new VirtualAgents(3, 3);
    agents.unknownDrivers.add("pi-2-s1");
    await agents.found(2);
    await agents.run(seconds(10));
    const device = agents.at(1);
    agents.crash(device);
    await agents.start(device);
    await agents.run(seconds(30));
    const { latest, missing, counted } = device.status.readings;
    expect(latest).toMatchObject([
      { sensor: "pi-2-s1", value: undefined, fault: expect.stringMatching(/.+/) },
      { sensor: "pi-2-s2", value: expect.any(Number), fault: undefined },
    ]);
    expect(missing).toBeGreaterThan(10);
    expect(counted).toBeGreaterThan(20);
    expect(device.status.applied).toBeGreaterThan((agents.leader()?.status.applied ?? 0) - 5);
  });
});

describe("the broker", () => {
  it.each(["crashes", "hangs"] as const)(
    "%s for a while: nothing that was stored is lost or counted twice",
    async (how) => {
      const agents = await site(4, 4);
      const broker = agents.network.broker(brokerUrl);
      await agents.run(seconds(10));
      if (how === "crashes") broker.crash();
      else broker.hang();
      await agents.run(seconds(40));
      if (how === "crashes") broker.restart();
      else broker.thaw();
      await agents.until("somebody leads", () => agents.leader() !== undefined, seconds(60));
      expect(await agents.untilAllCounted()).toBeGreaterThan(4 * 40);
    },
  );

  it("of the uplink is another one by configuration: what follows arrives there, and nothing before it is missing", async () => {
    const agents = await site(5, 3);
    await agents.run(seconds(30));
    const before = agents.items.length;
    await agents.configure(1, { uplink: "mqtt://nowhere:1883" });
    await agents.run(seconds(40));
    const waiting = agents.leader()?.status.outbox.waiting ?? 0;
    expect(waiting).toBeGreaterThan(3);
    expect(agents.items.length - before).toBeLessThan(3);
    await agents.configure(1);
    await agents.until("the outbox is empty", () => agents.leader()?.status.outbox.waiting === 0, seconds(60));
    await agents.untilAllCounted();
    const numbers = [...new Set(agents.items.map(({ body }) => Number(String(body["id"]).split(".")[1])))];
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  });
});

describe("somebody who claims to lead as well", () => {
  it("is reported by those who hear it, and nobody throws away who it is because of that", async () => {
    const agents = await site(6, 4);
    const founded = /"generation":(\{[^}]*\})/.exec(
      agents.log.find((line) => line.includes("founding the site")) ?? "",
    );
    const generation = JSON.parse(founded?.[1] ?? "{}") as Generation;
    const rogue = new BrokerSet(
      { clock: new VirtualClock(agents.time), links: agents.network.device("rogue"), log: silentLogger },
      {
        site: siteId("test"),
        self: { device: deviceId("pi-9"), incarnation: "9".repeat(32) as Incarnation },
        session: 1,
        start: 1,
        brokers: [{ url: brokerUrl }],
        keepAlive: seconds(10),
        generation: () => generation,
      },
      {
        received: () => undefined,
        heardGeneration: () => undefined,
        doubted: () => undefined,
        heardOwnName: () => undefined,
        changed: () => undefined,
      },
    );
    rogue.start();
    await agents.run(seconds(1));
    for (let beat = 1; beat <= 20; beat++) {
      const { term, commit } = agents.leader()?.status ?? agents.at(0).status;
      const entries = [{ kind: "noop", index: logIndex(commit), term, siteTime: siteTime(0) }] as const;
      const head = { kind: "append", term, beat, previousTerm: term, siteTime: siteTime(4e12) } as const;
      rogue.broadcast({ ...head, previousIndex: logIndex(commit - 1), commit, entries });
      await agents.run(milliseconds(200));
    }
    await agents.run(seconds(5));
    expect(agents.devices.some(({ status }) => status.problems.join().includes("contradicts"))).toBe(true);
    expect(agents.log.filter((line) => line.includes("incarnation must not go on"))).toEqual([]);
    for (const { status } of agents.devices) expect(status.siteTime).toBeLessThan(3e12);
    await agents.untilAllCounted();
  });
});

describe("an agent", () => {
  it("that is stopped while it starts is stopped, and asks nothing of its directory afterwards", async () => {
    for (let wait = 0; wait < 12; wait++) {
      const agents = new VirtualAgents(60 + wait, 1);
      const device = agents.at(0);
      void agents.launch(device, true);
      for (let i = 0; i < 200 && device.agent === undefined; i++) await agents.run(milliseconds(1));
      agents.time.run(milliseconds(wait / 2));
      await agents.settle(device.agent?.stop() ?? Promise.resolve());
      await agents.run(seconds(5));
      expect(device.failure).toBeUndefined();
      expect(agents.log.filter((line) => line.includes("connected to broker")).length).toBeLessThan(2);
      expect(agents.log.some((line) => line.includes('"role":"leader"') && line.startsWith("4"))).toBe(false);
    }
  });

  it("shares nothing with another one in the process (two sites, two states)", async () => {
    const [a, b] = [await site(8, 1), new VirtualAgents(9, 1)];
    await b.found(3);
    await a.run(seconds(20));
    await b.run(seconds(45));
    expect(a.at(0).status.readings.latest).toHaveLength(1);
    expect(b.at(0).status.readings.latest).toHaveLength(3);
    expect(a.at(0).status.readings.taken).not.toBe(b.at(0).status.readings.taken);
    await a.untilAllCounted();
    await b.untilAllCounted();
  });
});
