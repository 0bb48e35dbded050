// A coordinator that goes, or that does not reach the uplink, hands over (DESIGN §4, §9).

import { describe, expect, it, vi } from "vitest";
import { UplinkAbsence } from "../../src/agent/uplink-absence.ts";
import { type Duration, type Instant, instant, milliseconds, minutes, seconds, shift } from "../../src/base/units.ts";
import { brokerUrl, cloudUrl, leaderOf, VirtualAgents } from "./virtual-agents.ts";

// Fractions of a second alone; beside other work on a small machine, more.
vi.setConfig({ testTimeout: 60_000 });

async function site(seed: number, devices = 3): Promise<VirtualAgents> {
  const agents = new VirtualAgents(seed, devices);
  await agents.found();
  await agents.until("3 vote", () => agents.leader()?.status.voters.length === 3, seconds(30));
  await agents.run(seconds(5));
  return agents;
}

describe("an agent that is stopped while it leads", () => {
  it("leaves a coordinator behind, so that the site waits for no election timeout (3 voters)", async () => {
    const agents = await site(1);
    const old = leaderOf(agents);
    const { term } = old.status;
    await agents.stop(old);
    const next = leaderOf(agents);
    expect(next.status).toMatchObject({ term: term + 1, why: expect.stringMatching(/after pi-\d handed over$/) });
    expect(agents.log.join("\n")).not.toMatch(/was silent/);
    await agents.run(seconds(20));
    await agents.start(old);
    await agents.untilAllCounted();
  });

  it("stops within two seconds when the others are cut off, and when it is alone", async () => {
    const agents = await site(2);
    const old = leaderOf(agents);
    for (const device of agents.devices) if (device !== old) agents.network.cut(device.host, brokerUrl);
    const before = agents.time.now;
    await agents.stop(old);
    expect(agents.time.now - before).toBeLessThan(2_500);

    const single = new VirtualAgents(3, 1);
    await single.found();
    const start = single.time.now;
    await single.stop(single.at(0));
    expect(single.time.now - start).toBeLessThan(1_000);
  });
});

describe("a coordinator that does not reach the uplink", () => {
  it("lets another voter try after 30 s, and what waited is published (3 voters, 1 of them without uplink)", async () => {
    const agents = await site(4);
    const old = leaderOf(agents);
    agents.network.cut(old.host, cloudUrl);
    await agents.run(seconds(20));
    expect(agents.leader()).toBe(old);
    await agents.until("another leads", () => agents.leader() !== undefined && agents.leader() !== old, seconds(40));
    await agents.until("nothing waits", () => agents.leader()?.status.outbox.waiting === 0, seconds(20));
    await agents.untilAllCounted();
  });

  it("gives it up ever more seldom where no voter does (3 voters, 10 minutes), and all is published at last", async () => {
    const agents = await site(5);
    const first = leaderOf(agents).status.term;
    for (const device of agents.devices) agents.network.cut(device.host, cloudUrl);
    await agents.run(minutes(10));
    expect(leaderOf(agents).status.term - first).toBe(2);
    agents.network.healAll();
    await agents.until("nothing waits", () => agents.leader()?.status.outbox.waiting === 0, minutes(2));
    await agents.untilAllCounted();
  });
});

describe("how long a coordinator waits for the uplink", () => {
  const empty = { cursor: 5, outbox: { first: 6, next: 6 } } as const;
  const waiting = { cursor: 5, outbox: { first: 6, next: 9 } } as const;
  const moment = (ms: number): Instant => instant(ms);

  /** When hand-overs come, if every new coordinator fails as the one before did. */
  function handOvers(within: Duration): number[] {
    const absence = new UplinkAbsence();
    absence.look(waiting, moment(0), false);
    const times: number[] = [];
    let from = moment(0);
    for (let now = moment(0); now < within; now = shift(now, seconds(1))) {
      if (!absence.isHandOverDue(from, now)) continue;
      times.push(now / 1000);
      from = now;
    }
    return times;
  }

  it("30 s, then 2, 10 and 50 minutes, then an hour each", () => {
    expect(handOvers(minutes(60 * 6))).toEqual([30, 150, 750, 3_750, 7_350, 10_950, 14_550, 18_150]);
  });

  it("begins anew when the cursor moves, and never while nothing waits", () => {
    const absence = new UplinkAbsence();
    const look = (state: { cursor: number; outbox: { first: number; next: number } }, at: number): void =>
      absence.look(state, moment(at), true);
    look(waiting, 0);
    look({ ...waiting, cursor: 6 }, 29_000);
    expect(absence.isHandOverDue(moment(0), moment(58_000))).toBe(false);
    expect(absence.isHandOverDue(moment(0), moment(59_000))).toBe(true);
    look(empty, 60_000);
    expect(absence.isHandOverDue(moment(0), moment(1e9))).toBe(false);
  });

  it("goes on while the oldest that wait are merged: the cursor passes them, and nothing was sent", () => {
    const absence = new UplinkAbsence();
    absence.look(waiting, moment(0), false);
    absence.look({ cursor: 7, outbox: { first: 8, next: 10 } }, moment(29_000), false);
    expect(absence.isHandOverDue(moment(0), moment(30_000))).toBe(true);
  });

  it("counts from its own election when the absence is older, and from the absence when that is younger", () => {
    const absence = new UplinkAbsence();
    absence.look(waiting, moment(100_000), false);
    expect(absence.isHandOverDue(moment(0), moment(129_999))).toBe(false);
    expect(absence.isHandOverDue(moment(0), moment(130_000))).toBe(true);
    expect(absence.isHandOverDue(moment(130_000), moment(249_999))).toBe(false);
    expect(absence.isHandOverDue(moment(130_000), moment(250_000))).toBe(true);
  });
});

describe("`coordinator.transfer`", () => {
  it("hands over to the device that is named, or to the best voter, and answers once it leads", async () => {
    const agents = await site(6);
    const old = leaderOf(agents);
    const [wanted] = agents.devices.filter((device) => device !== old);
    expect(await agents.ask("coordinator.transfer", { to: wanted?.name }, old.name)).toEqual([
      { from: old.name, to: wanted?.name },
    ]);
    expect(agents.leader()).toBe(wanted);
    await agents.run(milliseconds(500));
    const [answer] = await agents.ask("coordinator.transfer", {}, wanted?.name);
    expect(answer?.["from"]).toBe(wanted?.name);
    expect(agents.leader()?.name).toBe(answer?.["to"]);
  });

  it("is refused with a reason where it cannot be", async () => {
    const agents = await site(7, 4);
    const leader = leaderOf(agents);
    const { voters } = leader.status;
    const learner = agents.devices.find(({ name }) => !(voters as readonly string[]).includes(name))?.name;
    const asked = async (argument: unknown, to: string | undefined): Promise<string> => {
      try {
        await agents.ask("coordinator.transfer", argument, to);
        return "done";
      } catch (failure) {
        return String(failure);
      }
    };
    expect(await asked({ to: learner }, leader.name)).toMatch(/is no other voter/);
    expect(await asked({ to: leader.name }, leader.name)).toMatch(/is no other voter/);
    expect(await asked({ to: 7 }, leader.name)).toMatch(/the name of a device was expected/);
    expect(await asked({}, learner)).toMatch(new RegExp(`not the coordinator: ${leader.name} is`));
    const [gone] = agents.devices.filter(({ name }) => name !== leader.name && name !== learner);
    if (gone !== undefined) agents.crash(gone);
    expect(await asked({ to: gone?.name }, leader.name)).toMatch(/did not take over in time/);
    expect(agents.leader()).toBe(leader);
  });
});
