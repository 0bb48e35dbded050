// SIGTERM is what every restart of a device begins with: it must cost nothing but the time that it takes (issue 2, point 3).

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { probeConfiguration, topicOf } from "./probes.ts";
import { eventually } from "./program.ts";
import { ReadingFeeder } from "./reading-feeder.ts";
import { isMissing, readingsOnCard } from "./stored-readings.ts";
import { type TestDevice, TestSite } from "./test-site.ts";

const names = ["pi-1", "pi-2", "pi-3"];

/** Readings would wait in memory for a minute, were it not for the stop. */
const settings = "settings: { flushInterval: 1m }";

interface Identity {
  readonly incarnation: string;
  readonly session: number;
}

const identityOf = ({ data }: TestDevice): Identity =>
  JSON.parse(readFileSync(join(data, "identity.json"), "utf8")) as Identity;

describe("a stop is not a leave (3 agents, SIGTERM)", () => {
  let site: TestSite;
  let feeder: ReadingFeeder;

  beforeAll(async () => {
    site = await TestSite.prepare(names.length);
    feeder = new ReadingFeeder(site.broker.url, names.map(topicOf), site.directory);
    await site.start();
    await site.configure(probeConfiguration(names, site.broker.url, settings));
  });

  afterAll(async () => {
    await feeder?.end();
    await site?.dispose();
  });

  it("a device that is stopped stays a member and a voter, and is shown as away", async () => {
    const [, , last] = site.devices;
    if (last === undefined) throw new Error("there is no third device");
    expect(await last.stop()).toBe(0);
    const status = await eventually("the others see that it is away", async () => {
      const found = await site.statusOf("pi-1");
      return found?.members.find(({ device }) => device === last.name)?.isPresent === false ? found : undefined;
    });
    expect(status.voters).toContain(last.name);
    last.start();
    await site.becomesWhole();
  });

  it("all are stopped and started: the same members, incarnations and voters, and nothing read is lost", async () => {
    feeder.start(20);
    await eventually("each device reads", async () => {
      const all = await Promise.all(names.map((name) => site.statusOf(name)));
      return all.every((status) => (status?.readings.latest[0]?.value ?? 0) >= 40) || undefined;
    });
    feeder.pause();
    await eventually("each device has read the last value", async () => {
      const all = await Promise.all(names.map((name) => site.statusOf(name)));
      const isLast = all.every((status, place) => status?.readings.latest[0]?.value === feeder.published(place));
      return isLast || undefined;
    });
    const before = await site.becomesWhole();
    const identities = site.devices.map(identityOf);
    const logged = site.devices.map((device) => device.log().length);

    const codes = await Promise.all(site.devices.map((device) => device.stop()));
    expect(codes).toEqual([0, 0, 0]);
    for (const [place, device] of site.devices.entries()) {
      const values = (await readingsOnCard(device.data)).filter((one) => !isMissing(one)).map(({ value }) => value);
      expect(values.at(-1), `the last value of ${device.name} is on its card`).toBe(feeder.published(place));
      expect(values.slice(-20)).toEqual(Array.from({ length: 20 }, (_, i) => feeder.published(place) - 19 + i));
    }

    for (const device of site.devices) device.start();
    const after = await site.becomesWhole();
    for (const [place, device] of site.devices.entries()) {
      const [was, is] = [identities[place], identityOf(device)];
      expect(is).toMatchObject({ incarnation: was?.incarnation, session: (was?.session ?? 0) + 1 });
      const [then, now] = [before[place], after[place]];
      expect(now?.voters).toEqual(then?.voters);
      expect(now?.members.map((member) => member.device)).toEqual(then?.members.map((member) => member.device));
      expect(now?.revision).toBe(then?.revision);
      const since = device.log().slice(logged[place]);
      const changes = since.filter(({ msg }) => msg === "changing the voters" || /incarnation/.test(msg));
      expect(changes).toEqual([]);
    }
  });
});
