// Cards that are copied, written back or damaged under whole agents (PROTOCOLS, "Losing its past"; RAFT-CASES 11, 13, 50).

import { describe, expect, it, vi } from "vitest";
import { milliseconds, seconds } from "../../src/base/units.ts";
import { brokerUrl, VirtualAgents, VirtualDevice } from "./virtual-agents.ts";

// Fractions of a second alone; beside other work on a small machine, more.
vi.setConfig({ testTimeout: 60_000 });

/** The serial that all simulated cards have: this copy cannot be told from its original. */
const sameSerial = "cid:simulated";

async function site(seed: number, devices: number): Promise<VirtualAgents> {
  const agents = new VirtualAgents(seed, devices);
  await agents.found();
  await agents.until(
    "the voters are there",
    () => agents.leader()?.status.voters.length === votersOf(devices),
    seconds(30),
  );
  await agents.run(seconds(12));
  return agents;
}

const votersOf = (devices: number): number => (devices < 3 ? 1 : devices < 5 ? 3 : 5);

function beside(agents: VirtualAgents, original: VirtualDevice): VirtualDevice {
  const copy = new VirtualDevice(original.name, original.disk.copy(sameSerial), `${original.name}-other`);
  agents.devices.push(copy);
  return copy;
}

function voterBeside(agents: VirtualAgents): VirtualDevice {
  const found = agents.devices.find((device) => device !== agents.leader() && device.status.isVoter);
  if (found === undefined) throw new Error("there is no other voter");
  return found;
}

const renewals = (agents: VirtualAgents): string[] => agents.log.filter((line) => line.includes("a new one is made"));

async function restart(agents: VirtualAgents, device: VirtualDevice): Promise<void> {
  await agents.stop(device);
  await agents.start(device, false);
}

describe("a backup written back onto its own card", () => {
  it("made in an earlier session: it finds out from the site, and goes on as a new incarnation with its readings", async () => {
    const agents = await site(60, 3);
    const device = voterBeside(agents);
    const backup = device.disk.copy(sameSerial);
    await restart(agents, device);
    await agents.run(seconds(8));
    agents.crash(device);
    await agents.run(seconds(3));
    device.disk = backup;
    await agents.start(device, false);
    expect(device.status.isVoter).toBe(true);
    await agents.until(
      "it is a voter again",
      () => renewals(agents).length === 1 && device.status.isVoter,
      seconds(60),
    );
    expect(renewals(agents)[0]).toMatch(/session \d+ .*an older state was written back/);
    expect(agents.leader()?.status.voters).toHaveLength(3);
  });

  it("made in the session that died, while the coordinator lives: that one was promised more than the card holds", async () => {
    const agents = await site(61, 2);
    // Without sensors: so its readings cannot tell it.
    const device = new VirtualDevice("pi-3", agents.newDisk(3));
    agents.devices.push(device);
    await agents.start(device, false);
    await agents.until("it is a voter", () => device.status.isVoter, seconds(30));
    const backup = device.disk.copy(sameSerial);
    await agents.run(seconds(8));
    agents.crash(device);
    device.disk = backup;
    await agents.start(device, false);
    await agents.until(
      "it is a voter again",
      () => renewals(agents).length === 1 && device.status.isVoter,
      seconds(60),
    );
    expect(renewals(agents)[0]).toMatch(/acknowledged entry \d+, and its log ends at entry \d+/);
  });

  it("a restart with everything that was promised is no such thing, however often (negative control)", async () => {
    const agents = await site(62, 3);
    for (let i = 0; i < 6; i++) {
      const device = agents.at(i % 3);
      if (i % 2 === 0) agents.crash(device);
      else await agents.stop(device);
      await agents.start(device, false);
      await agents.run(seconds(4));
    }
    expect(renewals(agents)).toEqual([]);
    expect(agents.devices.flatMap(({ status }) => status.problems)).toEqual([]);
    await agents.untilAllCounted();
  });

  it("its vote counts nowhere: two voters alone, one of them from an older session, elect nobody", async () => {
    const agents = await site(63, 3);
    const [third, kept] = [voterBeside(agents), agents.leader()];
    const backup = third.disk.copy(sameSerial);
    await restart(agents, third);
    await agents.run(seconds(5));
    for (const device of agents.devices) agents.crash(device);
    third.disk = backup;
    if (kept === undefined) throw new Error("nobody led");
    await agents.start(kept, false);
    agents.network.broker(brokerUrl).crash(); // and with it what it kept of who was present
    agents.network.broker(brokerUrl).restart();
    await agents.start(third, false);
    const before = agents.log.length;
    await agents.run(seconds(30));
    expect(agents.log.slice(before).filter((line) => line.includes('"role":"leader"'))).toEqual([]);
    expect(kept.status.role).toBe("pre-candidate");
    const rest = agents.devices.filter((device) => device !== kept && device !== third);
    for (const device of rest) await agents.start(device, false);
    await agents.until(
      "all vote",
      () => renewals(agents).length === 1 && third.agent?.status().isVoter === true,
      seconds(60),
    );
    expect(agents.leader()?.status.voters).toHaveLength(3);
  });
});

describe("two copies of one card, which no serial tells apart", () => {
  it.each(["coordinator", "voter", "learner"] as const)(
    "a %s: both are cut off at once and say so; the one that is restarted alone goes on",
    async (role) => {
      const agents = await site(64, 4);
      const leader = agents.leader();
      const original = agents.devices.find((device) => {
        const { isVoter } = device.status;
        return role === "coordinator" ? device === leader : device !== leader && isVoter === (role === "voter");
      });
      if (original === undefined) throw new Error(`there is no ${role}`);
      const copy = beside(agents, original);
      await agents.start(copy, false);
      await agents.run(seconds(6));
      for (const { status } of [original, copy]) {
        expect(status.why).toMatch(/two copies of .* run .*: both are cut off; stop one/);
        expect(status.problems.join()).toMatch(/two copies/);
      }
      const others = agents.devices.filter((device) => device !== original && device !== copy);
      await agents.until("the others go on", () => others.some(({ status }) => status.role === "leader"), seconds(10));
      expect(renewals(agents)).toEqual([]);
      agents.crash(copy);
      agents.devices.pop();
      await agents.run(milliseconds(500));
      expect(original.status.why).toMatch(/cut off/);
      await restart(agents, original);
      await agents.until(
        "it is back",
        () =>
          original.agent?.status().why.startsWith("follows") === true && agents.leader()?.status.members.length === 4,
        seconds(90),
      );
      await agents.untilAllCounted();
    },
  );

  it("a clone that was made long ago is found as well, and the original needs no new incarnation", async () => {
    const agents = await site(67, 3);
    const original = voterBeside(agents);
    const clone = original.disk.copy(sameSerial);
    await restart(agents, original);
    await restart(agents, original);
    await agents.run(seconds(8));
    const copy = new VirtualDevice(original.name, clone, `${original.name}-other`);
    agents.devices.push(copy);
    await agents.start(copy, false);
    await agents.run(seconds(5));
    expect([original, copy].map(({ status }) => status.why.includes("cut off"))).toEqual([true, true]);
    agents.crash(copy);
    agents.devices.pop();
    await restart(agents, original);
    await agents.until("it is back", () => original.status.why.startsWith("follows"), seconds(20));
    expect(renewals(agents)).toEqual([]);
    await agents.untilAllCounted();
  });

  it("the founder alone: no two coordinators act, and the one that is restarted alone leads on with all it had", async () => {
    const agents = await site(65, 1);
    const founder = agents.at(0);
    const copy = beside(agents, founder);
    await agents.start(copy, false);
    await agents.run(seconds(5));
    const published = agents.items.length;
    await agents.run(seconds(40));
    expect(agents.items).toHaveLength(published);
    expect([founder, copy].map(({ status }) => status.why.includes("cut off"))).toEqual([true, true]);
    agents.crash(copy);
    agents.devices.pop();
    await restart(agents, founder);
    await agents.run(seconds(30));
    expect(agents.items.length).toBeGreaterThan(published);
    await agents.untilAllCounted();
    expect(renewals(agents)).toEqual([]);
  });

  it("one that is started again while the other still runs is cut off again", async () => {
    const agents = await site(66, 3);
    const original = voterBeside(agents);
    const copy = beside(agents, original);
    await agents.start(copy, false);
    await agents.run(seconds(3));
    for (const device of [original, copy, copy]) {
      await restart(agents, device);
      await agents.run(seconds(6));
      expect([original, copy].map(({ status }) => status.why.includes("cut off"))).toEqual([true, true]);
    }
  });
});
