// The voters of whole sites, in virtual time (DESIGN §4, "Voters by policy"; RAFT-CASES 2).

import { describe, expect, it, vi } from "vitest";
import type { AgentPorts } from "../../src/agent/ports.ts";
import { memberOf } from "../../src/base/ids.ts";
import { milliseconds, minutes, seconds } from "../../src/base/units.ts";
import type { RaftStatus } from "../../src/raft/types.ts";
import type { ReplicaWatch, WatchedReplica } from "../../src/replica/contract.ts";
import { brokerUrl, leaderOf, VirtualAgents, type VirtualDevice } from "./virtual-agents.ts";

// A few seconds alone; beside other work on a small machine, more.
vi.setConfig({ testTimeout: 120_000 });

async function site(seed: number, devices: number, voters: number): Promise<VirtualAgents> {
  const agents = new VirtualAgents(seed, devices);
  await agents.found();
  agents.silenceSensors();
  await agents.until("all vote that should", () => agents.leader()?.status.voters.length === voters, seconds(30));
  return agents;
}

const votersOf = (agents: VirtualAgents): readonly string[] => leaderOf(agents).status.voters;
const changesOf = (agents: VirtualAgents): string[] =>
  agents.log.filter((line) => line.includes("changing the voters"));

/** Voters that do not lead, and devices that do not vote. */
function othersOf(agents: VirtualAgents): { voting: VirtualDevice[]; learning: VirtualDevice[] } {
  const leader = leaderOf(agents);
  const voters = votersOf(agents);
  const others = agents.devices.filter((device) => device !== leader);
  return {
    voting: others.filter(({ name }) => voters.includes(name)),
    learning: others.filter(({ name }) => !voters.includes(name)),
  };
}

const removal = (device: string, serial = 1) => ({ device, session: "c".repeat(32), serial });

describe("a voter", () => {
  it("that is cut off for 3 minutes is replaced; back again, it is steady for 5 minutes before it takes another's place", async () => {
    const agents = await site(1, 4, 3);
    await agents.run(minutes(5.5));
    const { voting, learning } = othersOf(agents);
    const [cut, other] = voting;
    const [heir] = learning;
    if (cut === undefined || other === undefined || heir === undefined) throw new Error("not the site that was meant");
    agents.network.cut(cut.host, brokerUrl);
    await agents.run(minutes(1.5));
    expect(votersOf(agents)).toContain(cut.name);
    await agents.run(minutes(1.5));
    expect(new Set(votersOf(agents))).toEqual(new Set([leaderOf(agents).name, other.name, heir.name]));
    agents.network.healAll();
    await agents.run(seconds(30));
    agents.crash(other);
    await agents.run(minutes(3));
    expect(votersOf(agents)).not.toContain(cut.name);
    await agents.run(minutes(2.5));
    expect(new Set(votersOf(agents))).toEqual(new Set([leaderOf(agents).name, cut.name, heir.name]));
  });

  it("on battery makes room for a device on mains that is steady, once, and for none that comes and goes (4 devices)", async () => {
    const agents = await site(8, 4, 3);
    const { voting, learning } = othersOf(agents);
    const [first, second] = voting;
    const [heir] = learning;
    if (first === undefined || second === undefined || heir === undefined)
      throw new Error("not the site that was meant");
    const before = changesOf(agents).length;
    agents.onBattery.add(first.name);
    await agents.configure(1);
    await agents.run(minutes(2));
    agents.network.cut(heir.host, brokerUrl);
    await agents.run(seconds(45));
    agents.network.healAll();
    await agents.run(minutes(4));
    expect(changesOf(agents)).toHaveLength(before); // it was away, so it is not steady yet
    expect(leaderOf(agents).status.members.find(({ device }) => device === first.name)).toMatchObject({
      power: "battery",
    });
    await agents.run(minutes(2));
    expect(new Set(votersOf(agents))).toEqual(new Set([leaderOf(agents).name, second.name, heir.name]));
    agents.onBattery.clear(); // it has mains again: no reason to take its place back
    await agents.configure(1);
    await agents.run(minutes(12));
    expect(changesOf(agents)).toHaveLength(before + 1);
  });

  it("that comes and goes every 90 s causes no change (4 devices, 2 rounds)", async () => {
    const agents = await site(2, 4, 3);
    await agents.run(minutes(5.5));
    const before = changesOf(agents).length;
    const [flapping] = othersOf(agents).voting;
    for (let round = 0; round < 2; round++) {
      agents.network.cut(flapping?.host ?? "", brokerUrl);
      await agents.run(seconds(90));
      agents.network.healAll();
      await agents.run(seconds(90));
    }
    expect(changesOf(agents)).toHaveLength(before);
    expect(votersOf(agents)).toContain(flapping?.name);
  });

  it("that is lost together with the coordinator is not replaced before the next one has watched for itself (4 devices)", async () => {
    const agents = await site(3, 4, 3);
    await agents.run(minutes(5.5));
    const before = changesOf(agents).length;
    const old = leaderOf(agents);
    agents.crash(old);
    await agents.run(minutes(3));
    expect(changesOf(agents)).toHaveLength(before);
    await agents.until("it is replaced", () => !votersOf(agents).includes(old.name), minutes(3));
    expect(votersOf(agents)).toHaveLength(3);
  });
});

describe("`members.remove`", () => {
  it("takes a voter out: demoted first, then struck off; 5 devices become 4 with 3 voters, and the device says so", async () => {
    const agents = await site(4, 5, 5);
    const [removed] = othersOf(agents).voting;
    const name = removed?.name ?? "";
    expect(await agents.ask("members.remove", removal(name), leaderOf(agents).name)).toEqual([
      { kind: "removed", device: name },
    ]);
    expect(votersOf(agents)).toHaveLength(3);
    expect(votersOf(agents)).not.toContain(name);
    expect(leaderOf(agents).status.members.map(({ device }) => device)).not.toContain(name);
    await agents.run(seconds(3));
    expect(removed?.status.problems.join()).toMatch(/was removed from the site; restart it if it should join again/);
    await agents.run(seconds(30));
    expect(votersOf(agents)).toHaveLength(3);
    // Asked again under the same session and serial, it is the same removal.
    const again = agents.ask("members.remove", removal(name), leaderOf(agents).name);
    expect(await again).toEqual([{ kind: "removed", device: name }]);
  });

  it("asked twice at once is one removal, and both are told (3 devices)", async () => {
    const agents = await site(7, 3, 3);
    const name = othersOf(agents).voting[0]?.name ?? "";
    const coordinator = leaderOf(agents).name;
    const asked = [removal(name), removal(name), { ...removal(name), session: "d".repeat(32) }];
    const told = await Promise.all(asked.map((argument) => agents.ask("members.remove", argument, coordinator)));
    expect(told.flat()).toEqual(asked.map(({ device }) => ({ kind: "removed", device })));
  });

  it("asked of the coordinator about itself hands over first, and the successor removes it", async () => {
    const agents = await site(5, 4, 3);
    const old = leaderOf(agents).name;
    const [answer] = await agents.ask("members.remove", removal(old), old);
    expect(answer).toEqual({ kind: "handed-over", to: leaderOf(agents).name });
    expect(await agents.ask("members.remove", removal(old), leaderOf(agents).name)).toEqual([
      { kind: "removed", device: old },
    ]);
    expect(votersOf(agents)).toHaveLength(3);
    expect(votersOf(agents)).not.toContain(old);
  });

  it("takes out a device that is gone, also the second of two; the last one stays (2 devices)", async () => {
    const agents = await site(6, 2, 1);
    agents.crash(agents.at(1));
    expect(await agents.ask("members.remove", removal("pi-2"), "pi-1")).toEqual([{ kind: "removed", device: "pi-2" }]);
    await expect(agents.ask("members.remove", removal("pi-2", 2), "pi-1")).rejects.toThrow(/unknown-member/);
    await expect(agents.ask("members.remove", removal("pi-1", 3), "pi-1")).rejects.toThrow(/Nobody can take over/);
    await expect(agents.ask("members.remove", { device: "pi-1" }, "pi-1")).rejects.toThrow(/are needed/);
  });
});

/** Looks on at each life of each replica. */
class WatchedAgents extends VirtualAgents {
  readonly replicas = new Map<string, WatchedReplica>();
  /** Whenever the device has handled an event or applied an entry. */
  looked: (device: string) => void = () => undefined;

  protected override watched(device: VirtualDevice, ports: AgentPorts): AgentPorts {
    const look = (): void => this.looked(device.name);
    const watch: ReplicaWatch = {
      opened: (replica) => void this.replicas.set(device.name, replica),
      stepped: look,
      applied: look,
      replaced: () => undefined,
    };
    return { ...ports, watch: () => watch };
  }
}

describe("a coordinator that dies in the midst of a joint change", () => {
  // Once the joint configuration is committed the leader appends the final one in the same step.
  const steps = {
    "appended the joint configuration": ({ voters, isVotersCommitted }: RaftStatus) =>
      voters.incoming !== undefined && !isVotersCommitted,
    "committed it, and appended the final one": ({ voters, isVotersCommitted }: RaftStatus) =>
      voters.incoming === undefined && !isVotersCommitted,
    "committed the final one": ({ voters, isVotersCommitted }: RaftStatus) =>
      voters.incoming === undefined && isVotersCommitted,
  };
  const moments = Object.keys(steps).flatMap((step) =>
    [0, 4].map((delay) => [step as keyof typeof steps, delay] as const),
  );

  it.each(moments)(
    "when it has %s (and %i ms): the successor finishes it or never heard of it",
    async (step, delay) => {
      const agents = new WatchedAgents(7, 4);
      const { replicas } = agents;
      let dying: VirtualDevice | undefined;
      let isUnderWay = false;
      let isReached = false;
      agents.looked = (device) => {
        const status = replicas.get(device)?.status();
        if (status === undefined || dying?.name !== device || isReached) return;
        isUnderWay ||= status.voters.incoming !== undefined;
        if (!isUnderWay || !steps[step](status)) return;
        isReached = true;
        const { time } = agents;
        time.schedule(milliseconds(delay), "power", () => {
          if (dying !== undefined) agents.crash(dying);
        });
      };
      await agents.found();
      agents.silenceSensors();
      await agents.until("3 vote", () => agents.leader()?.status.voters.length === 3, seconds(30));
      await agents.run(seconds(2));
      const old = leaderOf(agents);
      const { voting, learning } = othersOf(agents);
      const [leaving, staying] = voting;
      dying = old;
      const asked = agents.ask("members.remove", removal(leaving?.name ?? ""), old.name).catch(() => undefined);
      await agents.until("the coordinator is dead", () => old.agent === undefined, seconds(5));
      await agents.until("another leads", () => agents.leader() !== undefined, seconds(10));
      await agents.run(seconds(5));
      const settled = replicas.get(leaderOf(agents).name)?.status();
      expect(settled).toMatchObject({ isVotersCommitted: true, hasAuthority: true });
      const names = settled?.voters.current.map((voter) => memberOf(voter).device);
      const before = new Set([old.name, leaving?.name, staying?.name]);
      const after = new Set([old.name, staying?.name, learning[0]?.name]);
      expect([before, after]).toContainEqual(new Set(names));
      if (step !== "appended the joint configuration") expect(new Set(names)).toEqual(after);
      expect(settled?.voters.incoming).toBeUndefined();
      // The old coordinator comes back, perhaps with entries that nobody else has, and all agree.
      await agents.start(old);
      await agents.run(seconds(5));
      for (const { name } of agents.devices) expect(replicas.get(name)?.status().voters).toEqual(settled?.voters);
      await asked;
    },
  );
});
