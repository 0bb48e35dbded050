// What a replica answers when things go wrong: each proposal and each read is answered once, and a failed disk is told once.

import { describe, expect, it, vi } from "vitest";
import { milliseconds, seconds } from "../../src/base/units.ts";
import type { ProposalResult } from "../../src/replica/waiting-proposals.ts";
import { encodeProposal } from "../../src/site/command-codec.ts";
import { smallSizes, type VirtualReplica, VirtualSite } from "./virtual-site.ts";

// Fractions of a second alone; beside other work on a small machine, more.
vi.setConfig({ testTimeout: 60_000 });

const cursor = { kind: "cursor", upTo: 0 } as const;

/** Proposes all the time; counts what is asked, and how often each was answered. */
class Asker {
  readonly answers: string[][] = [];

  ask(node: VirtualReplica, kind: "propose" | "submit" | "read" | "voters"): void {
    const answer: string[] = [];
    const place = this.answers.push(answer);
    const told = (result: { kind: string }): void => void answer.push(result.kind);
    const { replica } = node;
    if (replica === undefined) throw new Error("not running");
    if (kind === "propose") replica.propose(cursor, told);
    else if (kind === "read")
      replica.readBarrier(seconds(2), (isCurrent) => told({ kind: isCurrent ? "current" : "not" }));
    else if (kind === "voters") replica.changeVoters([node.key], told);
    else replica.submit({ session: String(place).padStart(32, "0"), serial: 1 }, cursor, seconds(3), told);
  }

  get unanswered(): number {
    return this.answers.filter(({ length }) => length !== 1).length;
  }
}

describe("every question is answered once", () => {
  it("when the leader is cut off from the others", async () => {
    const site = new VirtualSite(1, 3);
    const leader = await site.found();
    const asker = new Asker();
    for (const node of site.replicas) {
      site.cut.add(`${leader.key}>${node.key}`);
      site.cut.add(`${node.key}>${leader.key}`);
    }
    for (const kind of ["propose", "submit", "read", "propose"] as const) asker.ask(leader, kind);
    await site.run(seconds(5));
    expect(asker.unanswered).toBe(0);
    expect(asker.answers[2]).toEqual(["not"]);
    for (const place of [0, 1, 3]) expect(["unknown", "not-leader"]).toContain(asker.answers[place]?.[0]);
  });

  it.each([true, false])("when it is stopped, before and after (leader: %s)", async (isLeader) => {
    const site = new VirtualSite(2, 3);
    const leader = await site.found();
    const node = isLeader ? leader : (site.replicas.find((each) => each !== leader) ?? leader);
    const asker = new Asker();
    for (const kind of ["propose", "submit", "read", "voters"] as const) asker.ask(node, kind);
    const stopping = node.replica?.stop();
    for (const kind of ["propose", "submit", "read", "voters"] as const) asker.ask(node, kind);
    await site.settle(Promise.all([stopping, node.replica?.stop()]));
    await site.run(seconds(5));
    expect(asker.unanswered).toBe(0);
    node.replica?.start(); // for good
    expect(node.replica?.status().role).toBeDefined();
  });

  it("when the disk fails: the failure is told once, and nothing is acknowledged any more", async () => {
    const site = new VirtualSite(3, 3);
    const leader = await site.found();
    const asker = new Asker();
    leader.disk.fail();
    for (let i = 0; i < 5; i++) for (const kind of ["propose", "submit", "read"] as const) asker.ask(leader, kind);
    await site.run(seconds(8));
    expect(leader.failures).toHaveLength(1);
    expect(asker.unanswered).toBe(0);
    expect(asker.answers.flat()).not.toContain("done");
    await site.settle(leader.replica?.stop().catch(() => undefined) ?? Promise.resolve());
    expect(leader.failures).toHaveLength(1);
  });

  it("when a snapshot replaces the state that they waited for", async () => {
    const site = new VirtualSite(4, 3);
    site.sizes = smallSizes;
    const old = await site.found();
    const asker = new Asker();
    for (const node of site.replicas) {
      site.cut.add(`${old.key}>${node.key}`);
      site.cut.add(`${node.key}>${old.key}`);
    }
    for (let i = 0; i < 4; i++) asker.ask(old, "propose");
    await site.run(seconds(4));
    const leader = await site.untilLeader();
    for (let i = 0; i < 200; i++) {
      leader.replica?.propose(cursor, () => undefined);
      await site.run(milliseconds(20));
    }
    site.cut.clear();
    await site.run(seconds(10));
    expect(old.replica?.status().start).toBeGreaterThan(20);
    expect(old.replica?.appliedIndex).toBe(leader.replica?.appliedIndex);
    expect(asker.unanswered).toBe(0);
  });

  it("a forwarded proposal whose answers are lost applies once (the client asks again and again)", async () => {
    const site = new VirtualSite(5, 3);
    const leader = await site.found();
    const follower = site.replicas.find((node) => node !== leader) ?? leader;
    const command = {
      kind: "configure",
      base: 0 as never,
      changes: [
        { section: "devices", name: "pi-9", before: undefined, after: { zone: undefined, power: "mains", labels: {} } },
      ],
      author: "",
      note: "",
    } as const;
    const results: ProposalResult[] = [];
    const client = { session: "f".repeat(32), serial: 1 };
    const bytes = encodeProposal({ client, command });
    for (let i = 0; i < 5; i++) {
      // What the follower's answer would be is thrown away: only the log knows.
      leader.replica?.receivedProposal(follower.key, { session: "9".repeat(32), serial: 1 }, bytes);
      await site.run(milliseconds(50));
    }
    follower.replica?.submit(client, command, seconds(5), (result) => results.push(result));
    await site.run(seconds(3));
    expect(results).toMatchObject([{ kind: "done" }]);
    for (const { replica } of site.replicas) expect(replica?.state.revisions).toHaveLength(1);
  });
});

describe("a poison command", () => {
  it("is refused by everyone alike, and the site goes on (random bytes, committed)", async () => {
    const site = new VirtualSite(6, 3);
    const leader = await site.found();
    const answers: string[] = [];
    for (let length = 0; length < 40; length++) {
      leader.replica?.receivedProposal(leader.key, { session: "0".repeat(32), serial: 1 }, site.random.bytes(length));
    }
    leader.replica?.propose(cursor, ({ kind }) => answers.push(kind));
    await site.run(seconds(3));
    expect(answers).toEqual(["done"]);
    expect(new Set(site.replicas.map(({ replica }) => replica?.state.digest())).size).toBe(1);
  });
});

describe("a full disk", () => {
  it("does not end a replica: checkpoints wait, and what was taken for them is not lost", async () => {
    const site = new VirtualSite(7, 1);
    site.sizes = smallSizes;
    const node = await site.found();
    const declare = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i++) {
        const change = {
          section: "devices",
          name: `pi-${i}`,
          before: undefined,
          after: { zone: undefined, power: "mains", labels: {} },
        } as const;
        const base = node.replica?.state.revision ?? (0 as never);
        node.replica?.propose({ kind: "configure", base, changes: [change], author: "", note: "" }, () => undefined);
        await site.run(milliseconds(30));
      }
    };
    await declare(0, 40);
    node.disk.fill();
    await declare(40, 120);
    expect(node.failures).toEqual([]);
    expect(node.replica?.state.configuration.devices.size).toBe(120);
    node.disk.makeRoom();
    await declare(120, 160);
    const digest = node.replica?.state.digest();
    site.crash(node);
    await site.start(node);
    await site.untilLeader();
    expect(node.replica?.state.configuration.devices.size).toBe(160);
    expect(node.replica?.status().start).toBeGreaterThan(100);
    expect(node.replica?.state.digest()).toBe(digest);
  });
});

describe("site time in the log", () => {
  it("never falls from one entry to the next, over failovers and clocks that disagree", async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const site = new VirtualSite(seed, 3);
      site.sizes = smallSizes;
      // The first's clock is years ahead, the others' woke up in 1970.
      site.wallOffsets = [Date.UTC(2030, 0, 1), 0, 1_000];
      await site.found();
      site.faults.delayMax = milliseconds(200);
      let newest = 0;
      for (let round = 0; round < 12; round++) {
        const leader = await site.untilLeader();
        for (let i = 0; i < 5; i++) leader.replica?.propose(cursor, () => undefined);
        await site.run(milliseconds(300 + site.random.below(1500)));
        for (const { replica } of site.replicas) newest = Math.max(newest, replica?.state.siteTimeFloor ?? 0);
        site.crash(leader);
        await site.run(seconds(1));
        await site.start(leader);
      }
      await site.untilLeader();
      await site.run(seconds(3));
      expect(site.entryTimes.length).toBeGreaterThan(50);
      let before = 0;
      site.entryTimes.forEach((time, index) => {
        expect(time, `seed ${seed}, entry ${index}`).toBeGreaterThanOrEqual(before);
        before = time;
      });
      expect(newest).toBeGreaterThan(Date.UTC(2029, 0, 1));
    }
  });
});
