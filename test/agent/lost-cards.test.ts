// Cards that are wiped, damaged, swapped or come back late (PROTOCOLS, "Losing its past"; RAFT-CASES 11, 13, 50).

import { describe, expect, it, vi } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { seconds } from "../../src/base/units.ts";
import { usualReadingsSizes } from "../../src/readings/readings-sizes.ts";
import { defaultRaftLimits } from "../../src/replica/open-replica.ts";
import { VirtualAgents, type VirtualDevice } from "./virtual-agents.ts";

// Fractions of a second alone; beside other work on a small machine, more.
vi.setConfig({ testTimeout: 60_000 });

const votersOf = (devices: number): number => (devices < 3 ? 1 : 3);

async function settled(agents: VirtualAgents): Promise<VirtualAgents> {
  await agents.found();
  const voters = votersOf(agents.devices.length);
  await agents.until("the voters are there", () => agents.leader()?.status.voters.length === voters, seconds(30));
  await agents.run(seconds(12));
  return agents;
}

const site = (seed: number, devices: number): Promise<VirtualAgents> => settled(new VirtualAgents(seed, devices));

async function untilBack(agents: VirtualAgents, device: VirtualDevice): Promise<void> {
  const { length } = agents.devices;
  await agents.until(
    "it is a voter again",
    () => agents.leader()?.status.members.length === length && device.agent?.status().isVoter === true,
    seconds(90),
  );
}

describe("a founder whose card is wiped", () => {
  it("before a second device came: nobody founds by itself, and it says what it waits for", async () => {
    const agents = await site(90, 1);
    const founder = agents.at(0);
    agents.crash(founder);
    founder.disk = agents.newDisk(90);
    await agents.start(founder, false);
    await agents.run(seconds(30));
    expect(founder.status.members).toEqual([]);
    expect(founder.status.why).toMatch(/waiting to hear a coordinator.*--found/);
  });

  it("after a second device came, while it was the only voter: the other keeps the site, and founds no second one", async () => {
    const agents = await site(91, 2);
    const [founder, other] = [agents.at(0), agents.at(1)];
    agents.crash(founder);
    founder.disk = agents.newDisk(91);
    await agents.start(founder, false);
    await agents.run(seconds(30));
    expect(agents.leader()).toBeUndefined();
    expect(other.status.members).toHaveLength(2);
    expect(other.status.generation).toBe(1);
    expect(founder.status.why).toMatch(/waiting to hear a coordinator/);
  });
});

describe("a card that another has replaced", () => {
  it("comes back when the other is gone: its readings are set aside, which it says with their numbers", async () => {
    const agents = await site(92, 3);
    const device = agents.at(1);
    const original = device.disk;
    agents.crash(device);
    device.disk = original.copy("cid:heir");
    await agents.start(device, false);
    await untilBack(agents, device);
    await agents.run(seconds(8));
    const { counted } = device.status.readings;
    agents.crash(device);
    device.disk = original.copy("cid:simulated");
    await agents.start(device, false);
    await agents.until("it was renewed", () => agents.log.some((line) => line.includes("set-aside")), seconds(60));
    await untilBack(agents, device);
    expect(counted).toBeGreaterThan(5);
    expect(device.status.problems.join()).toMatch(/up to number \d+, are set aside.*already counted on/);
    await agents.run(seconds(15));
    expect(device.status.readings.counted).toBeGreaterThan(0);
    expect(device.status.readings.taken).toBeLessThan(60);
  });
});

/** In the oldest that there is. */
function rot({ disk }: VirtualDevice, what: "raft" | "checkpoint" | "readings"): void {
  const places: readonly (() => void)[] =
    what === "checkpoint"
      ? ["a", "b"].map((space) => () => disk.damageStorage(`state/${space}/site`))
      : Array.from({ length: 5_000 }, (_, position) => () => disk.damageLog(what, position));
  for (const damage of places) {
    try {
      damage();
      return;
    } catch {
      // There is nothing (any more): the next place.
    }
  }
  throw new Error(`nothing to damage in ${what}`);
}

describe("rot", () => {
  const small = {
    limits: { ...defaultRaftLimits, tailEntries: 20, tailBytes: 8_192, snapshotChunkBytes: 2_048 },
    checkpointBytes: 2_048,
  };

  it.each(["raft", "checkpoint", "readings"] as const)(
    "before the tail (%s): a new incarnation that never voted, and nothing is counted twice",
    async (what) => {
      const agents = new VirtualAgents(93, 3);
      agents.sizes = small;
      await settled(agents);
      await agents.run(seconds(20));
      const device = agents.devices.find((one) => one !== agents.leader());
      if (device === undefined) throw new Error("there is only a coordinator");
      const before = agents.counted();
      agents.crash(device);
      rot(device, what);
      await agents.start(device, false);
      const why = agents.log.filter((line) => line.includes("lost its past") || line.includes("are set aside"));
      expect(why).toHaveLength(1);
      expect(device.status.isVoter).toBe(false);
      await untilBack(agents, device);
      await agents.run(seconds(20));
      expect(agents.counted()).toBeGreaterThan(before);
      if (what === "readings") expect(device.status.problems.join()).toMatch(/set aside.*readings/);
      else await agents.untilAllCounted();
    },
  );
});

// Seed 7 of the world, with small readings logs: the replica came back older than the incarnation's joining, applied it once more, and
// the device took the number that was counted then for the one that is counted now. It threw 90 readings away.
describe("a new incarnation whose replica comes back older than it was", () => {
  it("does not take what was counted when it joined for what is counted now (readings since then have left its card)", async () => {
    const agents = new VirtualAgents(97, 3);
    const usual = { limits: defaultRaftLimits, checkpointBytes: limits.checkpointLogBytes };
    agents.sizes = { ...usual, readings: { ...usualReadingsSizes, segmentBytes: 32_768, keptBytes: 0 } };
    await settled(agents);
    const device = agents.devices.find((one) => one !== agents.leader());
    if (device === undefined) throw new Error("there is only a coordinator");
    agents.crash(device);
    rot(device, "raft");
    await agents.start(device, false);
    await untilBack(agents, device);
    await agents.run(seconds(120));
    const { counted } = device.status.readings;
    agents.crash(device);
    await agents.start(device, false);
    await agents.run(seconds(60));
    expect(agents.log.filter((line) => line.includes("must not go on"))).toEqual([]);
    expect(device.status.readings.counted).toBeGreaterThan(counted + 30);
  });
});
