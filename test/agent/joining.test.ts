// Who may found, join and come back (PROTOCOLS, "Joining, incarnations, bootstrap"), tried on whole agents.

import { describe, expect, it, vi } from "vitest";
import { milliseconds, seconds } from "../../src/base/units.ts";
import { VirtualAgents, VirtualDevice } from "./virtual-agents.ts";

// Fractions of a second alone; beside other work on a small machine, more.
vi.setConfig({ testTimeout: 60_000 });

async function site(seed: number, devices: number, sensorsEach = 1): Promise<VirtualAgents> {
  const agents = new VirtualAgents(seed, devices);
  await agents.found(sensorsEach);
  await agents.until(
    "the voters are there",
    () => agents.leader()?.status.voters.length === votersOf(devices),
    seconds(30),
  );
  await agents.run(seconds(12));
  return agents;
}

const votersOf = (devices: number): number => (devices < 3 ? 1 : devices < 5 ? 3 : 5);

/** A device of the same name on another machine, with what is on `card`. */
function beside(agents: VirtualAgents, name: string, card: VirtualDevice["disk"]): VirtualDevice {
  const device = new VirtualDevice(name, card, `${name}-other`);
  agents.devices.push(device);
  return device;
}

const incarnationsJoined = (agents: VirtualAgents): string[] =>
  agents.log.filter((line) => line.includes("new incarnation") || line.includes("a new one is made"));

describe("founding", () => {
  it("happens once, wherever the founder loses power in its first moments", async () => {
    for (let cut = 0; cut < 40; cut++) {
      const agents = new VirtualAgents(100 + cut, 1);
      const founder = agents.at(0);
      void agents.launch(founder, true);
      for (let i = 0; i <= cut; i++) {
        agents.time.run(milliseconds(0.5));
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      agents.crash(founder);
      await agents.start(founder);
      await agents.until(`it leads (cut after ${cut / 2} ms)`, () => founder.status.members.length === 1, seconds(10));
      expect(founder.status.generation).toBe(1);
    }
  });

  it("done twice: each goes on alone, both say so, and neither follows the other", async () => {
    const agents = new VirtualAgents(7, 2);
    for (const device of agents.devices) await agents.start(device, true);
    await agents.run(seconds(10));
    for (const { status } of agents.devices) {
      expect(status.role).toBe("leader");
      expect(status.members).toHaveLength(1);
      expect(status.problems.join()).toMatch(/another founding/);
    }
    expect(agents.log.filter((line) => line.includes("another founding"))).toHaveLength(2);
  });
});

describe("joining", () => {
  it("a joiner cut off right after it first heard the site comes back as who it is", async () => {
    const agents = new VirtualAgents(8, 2);
    await agents.start(agents.at(0));
    await agents.run(seconds(3));
    for (let cut = 1; cut <= 20; cut++) {
      await agents.start(agents.at(1));
      await agents.run(milliseconds(100 * cut));
      agents.crash(agents.at(1));
    }
    await agents.start(agents.at(1));
    await agents.until("it is a member", () => agents.leader()?.status.members.length === 2, seconds(30));
    expect(incarnationsJoined(agents)).toEqual([]);
  });

  it("grows to 5 voters, and their number is never even", async () => {
    const agents = new VirtualAgents(9, 7);
    const seen = new Set<number>();
    for (const device of agents.devices) {
      await agents.start(device);
      for (let i = 0; i < 30; i++) {
        await agents.run(milliseconds(100));
        seen.add(agents.leader()?.status.voters.length ?? 1);
      }
    }
    await agents.until("5 voters", () => agents.leader()?.status.voters.length === 5, seconds(30));
    expect([...seen].filter((count) => count % 2 === 0)).toEqual([]);
  });
});

describe("a card that was wiped", () => {
  it.each([0, 1, 2])(
    "under the name of a voter: the old incarnation is replaced, the site goes on (3 devices, device %i)",
    async (which) => {
      const agents = await site(20 + which, 3);
      const wiped = agents.at(which);
      agents.crash(wiped);
      wiped.disk = agents.newDisk(50);
      await agents.start(wiped, false);
      await agents.until(
        "it is a voter again",
        () => agents.leader()?.status.voters.length === 3 && wiped.agent?.status().isVoter === true,
        seconds(60),
      );
      expect(agents.leader()?.status.members).toHaveLength(3);
      const before = agents.counted();
      await agents.run(seconds(30));
      expect(agents.counted()).toBeGreaterThan(before);
    },
  );

  it("one after the other, all of them (5 devices): the site lives through it, with the configuration it had", async () => {
    const agents = await site(24, 5);
    const { revision } = agents.leader()?.status ?? { revision: 0 };
    for (const device of [...agents.devices]) {
      agents.crash(device);
      device.disk = agents.newDisk(60);
      await agents.start(device, false);
      await agents.until(
        `${device.name} is a voter again`,
        () => agents.leader()?.status.voters.length === 5 && device.agent?.status().isVoter === true,
        seconds(90),
      );
    }
    expect(agents.leader()?.status.revision).toBe(revision);
    expect(agents.devices.map(({ status }) => status.members.length)).toEqual([5, 5, 5, 5, 5]);
  });
});

describe("a copied card", () => {
  it.each(["coordinator", "voter", "learner"] as const)(
    "beside the original, a %s: the original stays, the copy is refused, both are named",
    async (role) => {
      const agents = await site(30, 4);
      const leader = agents.leader();
      const original = agents.devices.find((device) => {
        const { isVoter } = device.status;
        return role === "coordinator" ? device === leader : device !== leader && isVoter === (role === "voter");
      });
      if (original === undefined) throw new Error(`there is no ${role}`);
      const copy = beside(agents, original.name, original.disk.copy("cid:other"));
      await agents.start(copy, false);
      await agents.run(seconds(40));
      const { why, problems } = copy.status;
      expect([why, ...problems].join()).toMatch(/another copy of .* is running; stop one/);
      expect(original.status.problems.join()).toMatch(/another copy/);
      expect(agents.leader()?.status.problems.join()).toMatch(/another copy/);
      expect(agents.leader()?.status.voters).toHaveLength(3);
      expect(original.status.problems.join()).not.toMatch(/taken/);
      agents.crash(copy);
      agents.devices.pop();
      await agents.untilAllCounted();
    },
  );

  it("after the original is gone goes on where that one stopped, and every reading counts once", async () => {
    const agents = await site(33, 3);
    const device = agents.at(1);
    await agents.run(seconds(3));
    agents.crash(device);
    device.disk = device.disk.copy("cid:new");
    await agents.start(device, false);
    await agents.until("it is a member again", () => device.agent?.status().isVoter === true, seconds(60));
    expect(device.status.readings.counted).toBeGreaterThan(5);
    await agents.untilAllCounted();
  });

  it("runs as a second heir: its readings are set aside, and it joins without them", async () => {
    const agents = await site(34, 3);
    const device = agents.at(1);
    const card = device.disk;
    agents.crash(device);
    const first = beside(agents, device.name, card.copy("cid:first"));
    agents.devices.splice(1, 1);
    await agents.start(first, false);
    await agents.until("the first copy is a member", () => first.agent?.status().isVoter === true, seconds(60));
    await agents.run(seconds(10));
    agents.crash(first);
    agents.devices.pop();
    const second = beside(agents, `${device.name}`, card.copy("cid:second"));
    await agents.start(second, false);
    await agents.until("the second copy is a member", () => second.agent?.status().isVoter === true, seconds(90));
    expect(agents.log.some((line) => line.includes("already counted on by"))).toBe(true);
    await agents.run(seconds(15));
    expect(second.status.readings.taken).toBeLessThan(60);
    expect(second.status.readings.counted).toBeGreaterThan(0);
    expect(second.status.problems).toEqual([
      expect.stringMatching(/up to number \d+, are set aside.*already counted on/),
    ]);
  });
});

describe("a lost past", () => {
  it("the Raft log is damaged: a new incarnation goes on with the old one's readings, each counted once", async () => {
    const agents = await site(40, 3);
    const device = agents.at(2);
    await agents.run(seconds(4));
    agents.crash(device);
    device.disk.damageLog("raft", 3);
    await agents.start(device);
    expect(incarnationsJoined(agents)).toHaveLength(1);
    await agents.until("it is a voter again", () => device.agent?.status().isVoter === true, seconds(60));
    expect(await agents.untilAllCounted()).toBeGreaterThan(20);
  });

  it("the readings log is damaged: it is set aside, and the device goes on", async () => {
    const agents = await site(41, 3);
    const device = agents.at(2);
    agents.crash(device);
    device.disk.damageLog("readings", 2);
    await agents.start(device);
    await agents.until("it is a voter again", () => device.agent?.status().isVoter === true, seconds(60));
    await agents.run(seconds(25));
    expect(device.status.readings.counted).toBeGreaterThan(5);
    expect(device.status.readings.taken).toBeLessThan(60);
  });

  it("the readings log is gone, the rest is not: numbers that were counted are not given again", async () => {
    const agents = await site(42, 3);
    const device = agents.at(2);
    const { counted } = device.status.readings;
    await agents.stop(device);
    await agents.settle(device.disk.logFiles.setAside("readings"));
    await agents.start(device);
    await agents.run(seconds(3));
    await agents.until("it is a voter again", () => device.status.isVoter, seconds(30));
    expect(incarnationsJoined(agents)).toHaveLength(1);
    const before = agents.counted();
    await agents.run(seconds(30));
    expect(counted).toBeGreaterThan(5);
    expect(device.status.readings.counted).toBeGreaterThan(10);
    expect(agents.counted() - before).toBeGreaterThan(60);
  });

  it("a restart with the same data directory is the same incarnation, and a stop is not a leave", async () => {
    const agents = await site(43, 3);
    for (const device of agents.devices) await agents.stop(device);
    for (const device of agents.devices) await agents.start(device);
    await agents.until("it leads again", () => agents.leader()?.status.voters.length === 3, seconds(20));
    expect(incarnationsJoined(agents)).toEqual([]);
    await agents.untilAllCounted();
  });
});
