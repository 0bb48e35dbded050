// The cloud is away when the site starts, and for as long as it pleases: the site samples, aggregates and queues, and when the
// way is there, all of it arrives, in order, once per id, without a hole (issue 2, point 4).

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AgentStatus } from "../../src/agent/status.ts";
import { freePort, Mosquitto } from "../host/real-world.ts";
import { amountsOf, DashboardSubscriber, faultsInOrder } from "./dashboard-subscriber.ts";
import { Gate } from "./gate.ts";
import { probeConfiguration, topicOf } from "./probes.ts";
import { eventually } from "./program.ts";
import { ReadingFeeder } from "./reading-feeder.ts";
import { addToWindows, readingsOnCard } from "./stored-readings.ts";
import { siteName, TestSite } from "./test-site.ts";

const names = ["pi-1", "pi-2", "pi-3"];
const spanMs = 1_000;

describe("a site whose uplink is not there", () => {
  let site: TestSite;
  let cloud: Mosquitto;
  let gate: Gate;
  let dashboard: DashboardSubscriber;
  let feeder: ReadingFeeder;

  beforeAll(async () => {
    site = await TestSite.prepare(names.length);
    const port = await freePort();
    cloud = new Mosquitto(port);
    await cloud.start();
    gate = new Gate(await freePort(), port);
    dashboard = new DashboardSubscriber(cloud.url, siteName);
    feeder = new ReadingFeeder(site.broker.url, names.map(topicOf), site.directory);
    await site.start();
    const settings = `
settings: { uplink: "${gate.url}", flushInterval: 200ms, editionInterval: 1s }
aggregations: { all: { window: ${spanMs}ms, groupBy: [device] } }`;
    await site.configure(probeConfiguration(names, site.broker.url, settings));
    feeder.start(100);
  });

  afterAll(async () => {
    await feeder?.end();
    await dashboard?.end();
    await gate?.close();
    await site?.dispose();
    await cloud?.dispose();
  });

  const hasQueued = (items: number): Promise<AgentStatus> =>
    eventually(
      `${items} items wait for the uplink`,
      async () => {
        const status = await site.coordinator();
        return status !== undefined && status.outbox.waiting >= items ? status : undefined;
      },
      { explain: () => site.lastWords() },
    );

  const hasArrived = (number: number): Promise<void> =>
    eventually(
      `item ${number} arrives`,
      () => (dashboard.items().some(({ id }) => id === `1.${number}`) ? true : undefined),
      { explain: () => site.lastWords() },
    ).then(() => undefined);

  it("samples, aggregates and queues, and says so", async () => {
    const status = await hasQueued(12);
    expect(status.outbox).toMatchObject({ isUplinkUp: false, cursor: 0 });
    expect(status.outbox.waiting).toBe(status.outbox.last);
    expect(status.readings.taken).toBeGreaterThan(0);
    expect(dashboard.messages()).toEqual([]);
  });

  it("queues on where a dead coordinator ended", async () => {
    const before = await hasQueued(12);
    await site.device(before.device).kill();
    const after = await hasQueued(before.outbox.last + 12);
    expect(after.device).not.toBe(before.device);
    expect(after.outbox.cursor).toBe(0);
    site.device(before.device).start();
    await site.becomesWhole();
  });

  it("when the uplink appears, everything arrives in order, each id once", async () => {
    const { outbox } = await hasQueued(24);
    await gate.open();
    await hasArrived(outbox.last);
    const items = dashboard.items();
    expect(faultsInOrder(items)).toEqual([]);
    expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
  });

  it("after a cut and a dead coordinator nothing is missing, and the windows are what was read", async () => {
    await gate.close();
    const { device, outbox } = await hasQueued(6);
    await site.device(device).kill();
    site.device(device).start();
    await site.becomesWhole();
    await hasQueued(12);
    await gate.open();
    await hasArrived(outbox.last + 1);
    feeder.pause();
    await eventually(
      "all readings are counted, and all items have arrived",
      async () => {
        const all = await Promise.all(names.map((name) => site.statusOf(name)));
        const isCounted = all.every((status) => status?.readings.uncounted === 0);
        const taken = all.reduce((sum, status) => sum + (status?.readings.taken ?? 0), 0);
        const shown = [...amountsOf(dashboard.items()).values()].reduce(
          (sum, { count, missing }) => sum + count + missing,
          0,
        );
        return (isCounted && shown === taken) || undefined;
      },
      { explain: () => site.lastWords() },
    );
    await Promise.all(site.devices.map((device) => device.stop()));
    const expected: ReturnType<typeof amountsOf> = new Map();
    for (const { name, data } of site.devices) {
      addToWindows(expected, await readingsOnCard(data), { group: `all/${name}`, spanMs });
    }
    const items = dashboard.items();
    expect(amountsOf(items)).toEqual(expected);
    expect(faultsInOrder(items)).toEqual([]);
  });
});
