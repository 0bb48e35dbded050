// Site time on whole agents: boards without a clock chip, a power cut of the whole site, and clocks that come to their senses.

import { describe, expect, it, vi } from "vitest";
import { VirtualClock, type VirtualClockOptions } from "../../firmware-sim/virtual-clock.ts";
import type { TimeReport } from "../../src/agent/time-report.ts";
import { milliseconds, minutes, seconds } from "../../src/base/units.ts";
import { isStamped, type StoredReading } from "../../src/readings/reading-log.ts";
import { VirtualAgents, type VirtualDevice } from "./virtual-agents.ts";

vi.setConfig({ testTimeout: 60_000 });

const newYear = Date.UTC(2026, 0, 1);

/** A board without a clock chip and without a network to ask. */
const wokeUpIn1970 = { wallStartsAt: 0, isSynchronized: false };

/** Each machine's clock at each of its starts. */
function withClocks(agents: VirtualAgents, options: (device: VirtualDevice) => VirtualClockOptions): void {
  agents.clockOf = (device) => new VirtualClock(agents.time, options(device));
}

const truth = (agents: VirtualAgents): number => newYear + agents.time.now;

async function timeOf(agents: VirtualAgents): Promise<TimeReport> {
  const [report] = await agents.ask("time", {}, agents.leader()?.name ?? "pi-1");
  return report as unknown as TimeReport;
}

async function stampsOf(agents: VirtualAgents, device: VirtualDevice): Promise<number[]> {
  const readings: readonly StoredReading[] = await agents.settle(
    device.agent?.storedReadings() ?? Promise.resolve<readonly StoredReading[]>([]),
  );
  return readings.filter(isStamped).map(({ stamp }) => stamp);
}

async function threeVoters(agents: VirtualAgents): Promise<void> {
  await agents.found();
  await agents.until("3 voters", () => agents.leader()?.status.voters.length === 3, seconds(30));
}

describe("a site that wakes up in 1970", () => {
  it("after a power cut goes on from where its log ended, says that it lost the time, and stamps nothing backwards", async () => {
    const agents = new VirtualAgents(1, 3);
    await threeVoters(agents);
    await agents.until("it is synced", () => agents.leader()?.status.isSiteTimeSynced === true, seconds(30));
    await agents.run(seconds(45));
    const before = Math.max(...agents.devices.map(({ status }) => Number(status.siteTime)));
    for (const device of agents.devices) agents.crash(device);
    await agents.run(minutes(30));
    withClocks(agents, () => wokeUpIn1970);
    for (const device of agents.devices) await agents.start(device, false);
    await agents.until("somebody leads", () => agents.leader()?.status.siteTime !== undefined, seconds(30));
    const after = Number(agents.leader()?.status.siteTime);
    expect(after).toBeGreaterThan(before - 15_000);
    expect(after).toBeLessThan(before + 15_000);
    await agents.run(seconds(60));
    expect(agents.leader()?.status.siteTimeState).toBe("uncertain: no clock source yet");
    expect((await timeOf(agents)).jumps).toEqual([]);
    await agents.untilAllCounted();
    for (const device of agents.devices) {
      const stamps = await stampsOf(agents, device);
      expect(stamps.length).toBeGreaterThan(60);
      expect(stamps).toEqual([...stamps].sort((a, b) => a - b));
    }
  });

  it("jumps forward once when two of its clocks agree, and no reading is lost or counts twice", async () => {
    const agents = new VirtualAgents(2, 3);
    withClocks(agents, () => wokeUpIn1970);
    await threeVoters(agents);
    await agents.run(seconds(50));
    expect(Number(agents.at(0).status.siteTime)).toBeLessThan(minutes(10));
    expect(agents.at(0).status.siteTimeState).toBe("uncertain: no clock source yet");

    agents.at(1).clock?.synchronize(milliseconds(300));
    await agents.run(seconds(60));
    expect(agents.leader()?.status.siteTimeState).toMatch(/1 source \(pi-2\), it has to stand/);
    agents.at(2).clock?.synchronize(milliseconds(-400));
    await agents.until(
      "all are synced",
      () => agents.devices.every(({ status }) => status.isSiteTimeSynced && Number(status.siteTime) > newYear),
      seconds(60),
    );
    await agents.run(seconds(60));
    for (const { status } of agents.devices) {
      expect(Math.abs(Number(status.siteTime) - truth(agents))).toBeLessThan(500);
    }
    const report = await timeOf(agents);
    expect(report).toMatchObject({ isSynced: true, jumps: [{ author: undefined }] });
    expect(report.sources.map(({ device, isIgnored }) => [device, isIgnored])).toEqual([
      ["pi-2", false],
      ["pi-3", false],
    ]);
    await agents.untilAllCounted();
    for (const device of agents.devices) {
      const stamps = await stampsOf(agents, device);
      expect(stamps).toEqual([...stamps].sort((a, b) => a - b));
      const gaps = stamps.slice(1).filter((stamp, i) => stamp - (stamps[i] ?? 0) > 3_000);
      expect(gaps).toHaveLength(1);
    }
  });

  it("jumps once, although its coordinator dies right after, whichever moment that is (20 moments)", async () => {
    for (let moment = 0; moment < 20; moment++) {
      const agents = new VirtualAgents(100 + moment, 3);
      withClocks(agents, () => wokeUpIn1970);
      await threeVoters(agents);
      for (const { clock } of agents.devices) clock?.synchronize();
      for (let i = 0; i < 2_000 && !agents.devices.some(({ status }) => status.isSiteTimeSynced); i++)
        await agents.run(seconds(0.02));
      agents.time.run(seconds(0.004 * moment));
      const leader = agents.leader() ?? agents.at(0);
      agents.crash(leader);
      await agents.until("another leads", () => agents.leader()?.agent !== undefined, seconds(30));
      await agents.start(leader, false);
      await agents.run(seconds(20));
      const { jumps, isSynced, sources } = await timeOf(agents);
      expect(jumps).toHaveLength(1);
      expect([isSynced, sources.filter(({ isIgnored }) => isIgnored)]).toEqual([true, []]);
      for (const { status } of agents.devices) {
        expect(Math.abs(Number(status.siteTime) - truth(agents))).toBeLessThan(500);
      }
    }
  });
});

describe("a synced site", () => {
  it("ignores a clock that lies, says so, and never asks it who leads", async () => {
    const agents = new VirtualAgents(3, 3);
    const wallStartsAt = newYear + 600_000;
    withClocks(agents, ({ name }) => (name === "pi-3" ? { wallStartsAt } : {}));
    await threeVoters(agents);
    await agents.until("it is synced", () => agents.leader()?.status.isSiteTimeSynced === true, seconds(60));
    await agents.run(minutes(20));
    expect(Math.abs(Number(agents.at(2).status.siteTime) - truth(agents))).toBeLessThan(100);
    expect(agents.leader()?.status.problems.join()).toMatch(/the clock of pi-3 is synchronised.* ignored/);
    expect(agents.leader()?.status.siteTimeState).toMatch(/^synced \(2 sources: pi-1, pi-2\)/);
    expect(agents.leader()?.status.term).toBe(1);
  });

  it("keeps its time over a change of coordinator, to a tenth of a second and without a jump", async () => {
    const agents = new VirtualAgents(4, 5);
    await agents.found();
    await agents.until("5 voters", () => agents.leader()?.status.voters.length === 5, seconds(30));
    for (let i = 0; i < 3; i++) {
      const leader = agents.leader() ?? agents.at(0);
      agents.crash(leader);
      await agents.until("another leads", () => agents.leader()?.status.siteTime !== undefined, seconds(30));
      expect(Math.abs(Number(agents.leader()?.status.siteTime) - truth(agents))).toBeLessThan(100);
      await agents.start(leader, false);
      await agents.run(seconds(20));
    }
    expect(await timeOf(agents)).toMatchObject({ isSynced: true, jumps: [] });
  });
});

describe("site time set by hand", () => {
  it("jumps forward once, however often the answer was lost; an earlier time is refused, with the reason", async () => {
    const agents = new VirtualAgents(5, 2);
    withClocks(agents, () => wokeUpIn1970);
    await agents.found();
    await agents.run(seconds(20));
    const to = truth(agents);
    const asked = { to, author: "anna", session: "ab".repeat(16), serial: 1 };
    const [first] = await agents.ask("time.set", asked, "pi-2");
    const [again] = await agents.ask("time.set", { ...asked, to: to + 1_000 }, "pi-1");
    expect(again?.["index"]).toBe(first?.["index"]);
    await agents.run(seconds(20));
    for (const { status } of agents.devices) {
      expect(Math.abs(Number(status.siteTime) - truth(agents))).toBeLessThan(1_000);
    }
    const report = await timeOf(agents);
    expect(report).toMatchObject({ isSynced: false, jumps: [{ author: "anna" }] });
    await expect(agents.ask("time.set", { ...asked, serial: 2, to: newYear }, "pi-1")).rejects.toThrow(
      /never goes back/,
    );
    for (const wrong of [{ to: "now" }, { to: -1 }, { to: 9e15 }, { session: "x" }, { serial: 0 }]) {
      await expect(agents.ask("time.set", { ...asked, ...wrong }, "pi-1")).rejects.toThrow(/invalid-argument/);
    }
    await agents.untilAllCounted();
  });
});
