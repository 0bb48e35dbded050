// Handing the leadership over, as the agent asks for it: the outcome is told once, and nothing that was accepted is lost.

import { expect, it, vi } from "vitest";
import { milliseconds, seconds } from "../../src/base/units.ts";
import type { TransferOutcome } from "../../src/raft/types.ts";
import { VirtualSite } from "./virtual-site.ts";

vi.setConfig({ testTimeout: 60_000 });

async function site(seed: number) {
  const virtual = new VirtualSite(seed, 3);
  const leader = await virtual.found();
  const [target] = virtual.replicas.filter((node) => node !== leader);
  if (leader.replica === undefined || target === undefined) throw new Error("not running");
  const outcomes: TransferOutcome[] = [];
  const told = (outcome: TransferOutcome): void => void outcomes.push(outcome);
  return { virtual, old: leader.replica, leader, target, outcomes, told };
}

it("leads elsewhere in well under an election timeout, and a client's proposal waits for the new coordinator", async () => {
  const { virtual, old, target, outcomes, told } = await site(1);
  old.transferLeadership(target.key, told);
  const client = { session: "a".repeat(32), serial: 1 };
  const answers: string[] = [];
  old.submit(client, { kind: "cursor", upTo: 0 }, seconds(5), ({ kind }) => answers.push(kind));
  await virtual.run(milliseconds(600));
  expect(virtual.leader()).toBe(target);
  expect(outcomes).toEqual(["done"]);
  await virtual.run(seconds(2));
  expect(answers).toEqual(["done"]);
});

it("goes on where the target is cut off, and says so once", async () => {
  const { virtual, old, leader, target, outcomes, told } = await site(2);
  virtual.cut.add(`${leader.key}>${target.key}`);
  old.transferLeadership(target.key, told);
  await virtual.run(seconds(2));
  expect(outcomes).toEqual(["not-taken"]);
  expect(virtual.leader()).toBe(leader);
});

it("does not know what became of it when it is stopped meanwhile, and afterwards begins none", async () => {
  const { virtual, old, target, outcomes, told } = await site(3);
  virtual.cut.add(`${target.key}>${virtual.leader()?.key}`);
  old.transferLeadership(target.key, told);
  await virtual.settle(old.stop());
  old.transferLeadership(target.key, told);
  expect(outcomes).toEqual(["unknown", "unknown"]);
});
