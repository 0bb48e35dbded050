import { describe, expect, it, vi } from "vitest";
import { Api } from "../../src/agent/api.ts";
import type { AgentStatus, MemberStatus } from "../../src/agent/status.ts";
import { encode } from "../../src/base/cbor.ts";
import { deviceId, sensorId } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { seconds, siteTime } from "../../src/base/units.ts";
import type { ApiAnswerMessage } from "../../src/mqtt/site-codec.ts";
import { defaultRaftLimits } from "../../src/replica/open-replica.ts";
import { silentLogger } from "../replica/virtual-site.ts";
import { VirtualAgents } from "./virtual-agents.ts";

// Fractions of a second alone; beside other work on a small machine, more.
vi.setConfig({ testTimeout: 60_000 });

const client = { device: deviceId("cli"), incarnation: "0".repeat(32) as never };
const session = "5".repeat(32);
const change = (name: string) => ({ section: "devices", name, before: null, after: { labels: {} } });

describe("a big site's status", () => {
  it("comes in parts that each fit a frame (1,000 members, 5,000 sensors here)", async () => {
    const members: MemberStatus[] = Array.from({ length: 1000 }, (_, i) => ({
      device: deviceId(`device-with-a-long-name-${i}`),
      isVoter: false,
      isPresent: true,
      lag: 0,
      zone: "a-zone-with-a-long-name-as-well-00",
      power: "battery",
    }));
    const latest = Array.from({ length: 5000 }, (_, i) => ({
      sensor: sensorId(`sensor-with-a-name-as-long-as-it-may-be-${"x".repeat(18)}-${i}`),
      value: Math.PI * i,
      stamp: siteTime(1_777_000_000_000 + i),
      quality: 0,
    }));
    const status = { members, voters: [], readings: { latest } } as unknown as AgentStatus;
    const parts: ApiAnswerMessage[] = [];
    const api = new Api(
      { logger: silentLogger },
      {
        replica: undefined as never,
        operator: undefined as never,
        time: () => {
          throw new Error("not asked here");
        },
        status: () => status,
        answer: (_client, message) => parts.push(message),
      },
    );
    for (const name of ["status", "members"]) {
      parts.length = 0;
      api.asked(client, { kind: "api-question", id: 1, name, argument: {} }, "via");
      await Promise.resolve();
      await Promise.resolve();
      await Promise.resolve();
      for (const { result } of parts) {
        expect(encode(result.isOk ? result.value : undefined).length).toBeLessThan(limits.frameBytes - 512);
      }
      const values = parts.map(({ result }) => (result.isOk ? result.value : {}) as Partial<AgentStatus>);
      expect(values.flatMap((value) => value.members ?? [])).toEqual(members);
      if (name === "status") expect(values.flatMap((value) => value.readings?.latest ?? [])).toEqual(latest);
      expect(parts.map(({ isLast }) => isLast)).toEqual(parts.map((_, i) => i === parts.length - 1));
    }
  });
});

describe("what is asked of any member", () => {
  it("is answered or refused with what was expected, and never left hanging", async () => {
    const agents = new VirtualAgents(1, 3);
    await agents.found();
    const refusal = (name: string, argument: unknown): Promise<string> =>
      agents.ask(name, argument).then(
        () => "answered",
        (failure: unknown) => String(failure),
      );
    expect(await refusal("nonsense", {})).toMatch(/not-found.*there are status, members/);
    expect(await refusal("config.show", { revision: "seven" })).toMatch(/invalid-argument.*whole number/);
    expect(await refusal("config.show", { revision: 1.5 })).toMatch(/invalid-argument/);
    expect(await refusal("config.show", { revision: 999_999 })).toMatch(/not-found.*not kept/);
    expect(await refusal("config.history", { limit: "all" })).toBe("answered");
    expect(await refusal("config.history", null)).toBe("answered");
    expect(await refusal("config.apply", {})).toMatch(/invalid-argument.*changes/);
    const right = { base: 0, changes: [change("pi-9")], session, serial: 1, author: "", note: "" };
    for (const wrong of [
      { base: 0.5 },
      { base: -1 },
      { session: "x" },
      { serial: 0 },
      { serial: 1.5 },
      { changes: 7 },
    ]) {
      expect(await refusal("config.apply", { ...right, ...wrong }), JSON.stringify(wrong)).toMatch(/invalid-argument/);
    }
    expect(await refusal("config.apply", right)).toMatch(/stale-revision/);
  });

  it("says in time that nobody knows while there is no coordinator, and the change applies once when it is repeated", async () => {
    const agents = new VirtualAgents(2, 3);
    await agents.found();
    await agents.until("3 voters", () => agents.leader()?.status.voters.length === 3, seconds(30));
    const [, ...others] = agents.devices;
    const revision = agents.leader()?.status.revision;
    for (const device of others) agents.crash(device);
    await agents.run(seconds(5));
    const started = agents.time.now;
    await expect(agents.ask("config.show", {}, "pi-1")).rejects.toThrow(/timed-out/);
    expect(agents.time.now - started).toBeLessThan(4_000);
    const argument = { base: revision, changes: [change("pi-9")], session, serial: 1, author: "", note: "" };
    await expect(agents.ask("config.apply", argument, "pi-1")).rejects.toThrow(/timed-out.*repeat it with the same/);
    expect(agents.time.now - started).toBeLessThan(30_000);
    for (const device of others) await agents.start(device);
    await agents.until("somebody leads", () => agents.leader() !== undefined, seconds(20));
    const first = await agents.ask("config.apply", argument, "pi-2");
    expect(await agents.ask("config.apply", argument, "pi-3")).toEqual(first);
    const history = (await agents.ask("config.history", {})).flatMap(({ revisions }) => revisions as unknown[]);
    expect(history).toHaveLength(2);
  }, 20_000);

  it("shows and lists revisions whose bytes only the disk has (checkpoints, restarts, snapshots)", async () => {
    const agents = new VirtualAgents(3, 3);
    agents.sizes = {
      limits: { ...defaultRaftLimits, tailEntries: 5, tailBytes: 2_048, snapshotChunkBytes: 2_048 },
      checkpointBytes: 4_096,
    };
    await agents.found();
    const away = agents.devices.find((device) => device !== agents.leader()) ?? agents.at(1);
    agents.crash(away);
    const revisions: number[] = [];
    for (let serial = 1; serial <= 25; serial++) {
      const base = agents.leader()?.status.revision;
      const argument = { base, changes: [change(`extra-${serial}`)], session, serial, author: "me", note: `${serial}` };
      const [done] = await agents.ask("config.apply", argument, agents.leader()?.name);
      revisions.push(Number(done?.["revision"]));
    }
    await agents.start(away);
    await agents.until("it has caught up by a snapshot", () => away.status.revision === revisions.at(-1), seconds(30));
    for (const device of agents.devices) {
      const shown = await agents.ask("config.show", { revision: revisions[3] }, device.name);
      const names = shown.flatMap(({ items }) => items as { name: string }[]).map(({ name }) => name);
      expect(names.filter((name) => name.startsWith("extra"))).toEqual(["extra-1", "extra-2", "extra-3", "extra-4"]);
      expect(shown[0]).toMatchObject({ revision: revisions[3], author: "me", note: "4" });
      const listed = (await agents.ask("config.history", { limit: 3 }, device.name)).flatMap(
        ({ revisions: part }) => part as { revision: number }[],
      );
      expect(listed.map(({ revision }) => revision)).toEqual(revisions.slice(-3).reverse());
    }
  });
});
