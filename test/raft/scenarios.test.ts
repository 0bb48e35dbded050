// Stories of whole sites that somebody lived through, or will (RAFT-CASES), in virtual time.

import { expect, it } from "vitest";
import { milliseconds, seconds } from "../../src/base/units.ts";
import type { RaftMessage } from "../../src/raft/types.ts";
import { quiet } from "./harness/plans.ts";
import type { SimulatedMember } from "./harness/simulated-member.ts";
import { World } from "./harness/world.ts";

/** A site that has just elected its first leader. */
function site(members: number, voters: number) {
  const world = new World(1, { ...quiet, members, voters });
  for (const member of world.members) member.start();
  world.time.run(seconds(5));
  return world;
}

function leaderOf(world: World): SimulatedMember {
  const [leader, second] = world.members.filter((one) => one.status()?.hasAuthority);
  if (leader === undefined || second !== undefined) throw new Error("there is not exactly one leader");
  return leader;
}

const others = (world: World, than: SimulatedMember) => world.members.filter((one) => one !== than);
const roles = (world: World) => world.members.map((one) => `${one.status()?.role} ${one.status()?.term}`);

function propose(world: World, count: number): void {
  for (let i = 0; i < count; i++) {
    leaderOf(world).handle({ kind: "propose", proposals: [{ context: i, command: Buffer.from(`command ${i}`) }] });
  }
}

function cutOff(world: World, member: SimulatedMember): void {
  for (const other of others(world, member)) {
    world.network.cut(member.key, other.key);
    world.network.cut(other.key, member.key);
  }
}

it("elects nobody anew while every card hangs for 5 s and the air is silent for 1 s (5 voters)", () => {
  const world = site(5, 5);
  const before = roles(world);
  for (const member of world.members) member.syncMsMax = 5_000;
  propose(world, 5);
  world.time.run(seconds(2));
  for (const member of world.members) cutOff(world, member);
  world.time.run(seconds(1));
  world.network.heal();
  world.time.run(seconds(8));
  expect(roles(world)).toEqual(before);
  expect(world.checkers.committed).toBe(6);
});

it("elects another when the leader is cut off, and the old one has stopped before (5 voters)", () => {
  const world = site(5, 5);
  const old = leaderOf(world);
  cutOff(world, old);
  world.time.run(milliseconds(1_500));
  expect(old.status()).toMatchObject({ role: "follower", why: "stepped down: no majority answered within 1.5 s" });
  world.time.run(seconds(5));
  expect(leaderOf(world).status()?.term).toBe(2);
  expect(leaderOf(world).status()?.why).toMatch(
    /^elected in term 2 with [345] of 5 votes after pi-\d was silent for [12]\.\d s$/,
  );
  world.network.heal();
  world.time.run(seconds(5));
  expect(new Set(world.members.map((one) => one.status()?.term))).toEqual(new Set([2]));
});

it("elects another where the leader reaches only one voter that reaches all (bridge; RAFT-CASES 20)", () => {
  const world = site(5, 5);
  const old = leaderOf(world);
  const [bridge, ...rest] = others(world, old);
  for (const member of rest) {
    world.network.cut(old.key, member.key);
    world.network.cut(member.key, old.key);
  }
  world.time.run(seconds(10));
  expect(bridge?.status()?.term).toBe(2);
  expect(leaderOf(world)).not.toBe(old);
});

it.each([
  ["can send and not hear", false],
  ["can hear and not send", true],
])("goes on when the leader %s (one-way partition; RAFT-CASES 21)", (_, hears) => {
  const world = site(3, 3);
  const old = leaderOf(world);
  for (const other of others(world, old)) {
    if (hears) world.network.cut(old.key, other.key);
    else world.network.cut(other.key, old.key);
  }
  world.time.run(seconds(10));
  expect(leaderOf(world)).not.toBe(old);
});

it("is not disturbed by a voter that cannot hear (one-way partition; thesis §9.6)", () => {
  const world = site(3, 3);
  const leader = leaderOf(world);
  const [deaf] = others(world, leader);
  if (deaf === undefined) throw new Error("no such member");
  for (const other of others(world, deaf)) world.network.cut(other.key, deaf.key);
  world.time.run(seconds(30));
  expect(leaderOf(world)).toBe(leader);
  world.network.heal();
  world.time.run(seconds(5));
  expect(roles(world).filter((role) => role === "follower 1")).toHaveLength(2);
});

it("repairs 48 followers that miss one append with few messages (broker restart; RAFT-CASES 53)", () => {
  const world = site(50, 3);
  const leader = leaderOf(world);
  for (const other of others(world, leader).slice(1)) world.network.cut(leader.key, other.key);
  propose(world, 1);
  world.time.run(milliseconds(20));
  world.network.heal();
  const repairs: (string | undefined)[] = [];
  world.network.observe = (from, to, message) => {
    if (from === leader.key && message.kind === "append" && message.entries.length > 0) repairs.push(to);
  };
  world.time.run(seconds(3));
  expect(world.members.every((one) => one.status()?.commit === 2)).toBe(true);
  expect(repairs.length).toBeLessThanOrEqual(4);
  expect(repairs).toContain(undefined);
});

it("publishes once per append, whether 3 or 50 follow, and learners are silent", () => {
  const published = [3, 50].map((members) => {
    const world = site(members, 3);
    const sent: RaftMessage["kind"][] = [];
    world.network.observe = (_, __, message) => sent.push(message.kind);
    propose(world, 1);
    world.time.run(seconds(10));
    return sent.toSorted();
  });
  expect(published[1]).toEqual(published[0]);
});

it("grows from one voter to three in one change, with newcomers that are far behind and lose frames", () => {
  const world = site(3, 1);
  const leader = leaderOf(world);
  for (const other of others(world, leader)) other.crash();
  for (let i = 0; i < 40; i++) {
    propose(world, 3);
    world.time.run(milliseconds(50));
  }
  for (const other of others(world, leader)) other.start();
  world.time.run(milliseconds(100));
  world.network.weather = { loss: 0.1, repeat: 0.1, freeze: 0, delayMsMax: 20 };
  leader.handle({ kind: "change-voters", context: 1, voters: world.members.map((one) => one.key) });
  world.time.run(seconds(20));
  expect(leaderOf(world)).toBe(leader);
  expect(leader.status()).toMatchObject({
    voters: { current: world.members.map((one) => one.key) },
    isVotersCommitted: true,
  });
  leader.crash();
  world.time.run(seconds(10));
  expect(leaderOf(world)).not.toBe(leader);
});

it("brings a member up to date by snapshot although the leader makes new checkpoints all the time (RAFT-CASES 18)", () => {
  const world = site(4, 3);
  const [late] = world.members.filter((one) => !one.status()?.voters.current.includes(one.key));
  if (late === undefined) throw new Error("no learner");
  late.crash();
  const work = (rounds: number) => {
    for (let i = 0; i < rounds; i++) {
      propose(world, 2);
      leaderOf(world).checkpoint();
      world.time.run(milliseconds(60));
    }
  };
  work(50);
  late.start();
  work(100);
  const behind = (world.checkers.committed as number) - (late.status()?.applied ?? 0);
  expect(late.disk.checkpoint?.index).toBeGreaterThan(50);
  expect(behind).toBeLessThan(20);
});

it("comes back when all lose power at once, with everything that was committed (P2; 5 voters)", () => {
  const world = site(5, 5);
  propose(world, 20);
  world.time.run(milliseconds(300));
  const committed = world.checkers.committed;
  for (const member of world.members) member.crash();
  world.time.run(seconds(1));
  for (const member of world.members) member.start();
  world.time.run(seconds(6));
  expect(leaderOf(world).status()?.commit).toBeGreaterThan(committed);
});
