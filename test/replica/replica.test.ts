import { describe, expect, it } from "vitest";
import { deviceId, type Incarnation, memberKey } from "../../src/base/ids.ts";
import { seconds } from "../../src/base/units.ts";
import type { RaftMessage } from "../../src/raft/types.ts";
import type { SubmissionResult } from "../../src/replica/submissions.ts";
import type { Command } from "../../src/site/types.ts";
import { type VirtualReplica, VirtualSite } from "./virtual-site.ts";

const session = (number: number): string => String(number).padStart(32, "a");

/** A change that shows in the configuration: device `name` is declared. */
function declare(node: VirtualReplica, name: string): Command {
  const after = { zone: undefined, power: "mains", labels: {} };
  return {
    kind: "configure",
    base: node.replica?.state.revision ?? (0 as never),
    changes: [{ section: "devices", name, before: undefined, after }],
    author: "test",
    note: "",
  };
}

async function submit(
  site: VirtualSite,
  node: VirtualReplica,
  name: string,
  client = session(1),
  serial = 1,
): Promise<SubmissionResult | undefined> {
  let result: SubmissionResult | undefined;
  node.replica?.submit({ session: client, serial }, declare(node, name), seconds(10), (outcome) => {
    result = outcome;
  });
  for (let i = 0; i < 200 && result === undefined; i++) await site.run(seconds(0.1));
  return result;
}

const declared = (node: VirtualReplica): string[] => [...(node.replica?.state.configuration.devices.keys() ?? [])];

describe("a site of replicas", () => {
  it("a change proposed at a follower is applied everywhere (3 voters)", async () => {
    const site = new VirtualSite(1, 3);
    const leader = await site.found();
    const follower = site.replicas.find((node) => node !== leader) ?? leader;
    expect(await submit(site, follower, "pi-1")).toMatchObject({ kind: "done" });
    await site.run(seconds(1));
    for (const node of site.replicas) expect(declared(node)).toEqual(["pi-1"]);
  });

  it("a repeat under the same session and serial applies once and answers the same", async () => {
    const site = new VirtualSite(2, 3);
    const leader = await site.found();
    const first = await submit(site, leader, "pi-1", session(7), 1);
    expect(await submit(site, leader, "pi-2", session(7), 1)).toEqual(first);
    expect(declared(leader)).toEqual(["pi-1"]);
  });

  it("a client that repeats itself before it was answered is told each time (3 voters, asked twice at a follower)", async () => {
    const site = new VirtualSite(6, 3);
    const leader = await site.found();
    const follower = site.replicas.find((node) => node !== leader) ?? leader;
    const told: string[] = [];
    for (const name of ["first", "second"]) {
      const client = { session: session(3), serial: 1 };
      follower.replica?.submit(client, declare(follower, "pi-1"), seconds(10), ({ kind }) =>
        told.push(`${name} ${kind}`),
      );
    }
    await site.run(seconds(12));
    expect(told.sort()).toEqual(["first done", "second done"]);
  });

  it("all lose power at once and nothing acknowledged is lost (3 voters)", async () => {
    const site = new VirtualSite(3, 3);
    const leader = await site.found();
    for (let i = 1; i <= 20; i++)
      expect(await submit(site, leader, `pi-${i}`, session(9), i)).toMatchObject({ kind: "done" });
    for (const node of site.replicas) site.crash(node);
    for (const node of site.replicas) await site.start(node);
    await site.untilLeader();
    await site.run(seconds(2));
    for (const node of site.replicas) expect(declared(node)).toHaveLength(20);
  });

  it("a follower's read sees what was acknowledged elsewhere before it was asked", async () => {
    const site = new VirtualSite(4, 3);
    const leader = await site.found();
    const follower = site.replicas.find((node) => node !== leader) ?? leader;
    await submit(site, leader, "pi-1");
    let seen: string[] | undefined;
    follower.replica?.readBarrier(seconds(2), (isCurrent) => {
      if (isCurrent) seen = declared(follower);
    });
    await site.run(seconds(2));
    expect(seen).toEqual(["pi-1"]);
  });

  it("a learner follows without a word of its own (1 voter, 1 learner)", async () => {
    const site = new VirtualSite(5, 2);
    await site.start(site.at(0), true);
    await site.start(site.at(1));
    const leader = await site.untilLeader();
    leader.replica?.propose(
      { kind: "found", site: "test" as never, generation: { number: 1, nonce: "0".repeat(32) } },
      () => undefined,
    );
    await site.run(seconds(1));
    await submit(site, leader, deviceId("pi-1"));
    await site.run(seconds(3));
    expect(declared(site.at(1))).toEqual(["pi-1"]);
  });

  it("a removed incarnation with a huge term deposes nobody (RAFT-CASES 7)", async () => {
    const site = new VirtualSite(7, 3);
    const leader = await site.found();
    const device = deviceId("pi-9");
    const incarnation = "9".repeat(32) as Incarnation;
    const join = { device, incarnation, session: 1, start: 1, was: [], version: "1" };
    const term = (leader.replica?.status().term ?? 0) + 1_000;
    const shout = { kind: "append-ack", term, beat: 1, match: 0 } as unknown as RaftMessage;

    leader.replica?.propose({ kind: "join", joins: [join] }, () => undefined);
    leader.replica?.propose({ kind: "remove", device }, () => undefined);
    await site.run(seconds(1));
    expect(leader.replica?.state.isGone(memberKey({ device, incarnation }))).toBe(true);
    leader.replica?.received(memberKey({ device, incarnation }), false, shout);
    expect(leader.replica?.status()).toMatchObject({ role: "leader", term: term - 1_000 });
  });
});
