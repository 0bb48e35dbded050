// A disk that fills up while the agent runs costs that device its readings, and the site nothing (issue 2, point 5): what
// coordination needs of the disk was reserved before.

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deviceId } from "../../src/base/ids.ts";
import { ChangeClient, deviceLabels, history, noteOf } from "./change-client.ts";
import { probeConfiguration, topicOf } from "./probes.ts";
import { eventually } from "./program.ts";
import { ReadingFeeder } from "./reading-feeder.ts";
import { canMountDisks, SmallDisk } from "./small-disk.ts";
import { TestSite } from "./test-site.ts";

const names = ["pi-1", "pi-2", "pi-3"];
const full = "pi-3";
const changesWhileFull = 300;

describe.skipIf(!canMountDisks)(`a disk that fills while running (3 agents, the disk of ${full})`, () => {
  let site: TestSite;
  let disk: SmallDisk;
  let feeder: ReadingFeeder;

  beforeAll(async () => {
    disk = new SmallDisk(16);
    site = await TestSite.prepare(names.length, (name) => (name === full ? join(disk.path, name) : undefined));
    feeder = new ReadingFeeder(site.broker.url, names.map(topicOf), site.directory);
    await site.start();
    const settings = `
settings: { flushInterval: 100ms, editionInterval: 1s }
aggregations: { all: { window: 1s, groupBy: [device] } }`;
    await site.configure(probeConfiguration(names, site.broker.url, settings));
    feeder.start(25);
  });

  afterAll(async () => {
    await feeder?.end();
    await site?.dispose();
    disk?.dispose();
  });

  const readingsOf = async (name: string) => (await site.statusOf(name))?.readings;

  it("that device stops sampling and says so; the others go on", async () => {
    disk.fill();
    const stopped = await eventually(`${full} says that it takes no readings`, async () => {
      return (await readingsOf(full))?.stopped;
    });
    expect(stopped).toMatch(/no room|full|space/i);
    expect(
      site
        .device(full)
        .log()
        .map(({ msg }) => msg),
    ).toContain("this device takes no readings any more");
    const before = (await readingsOf("pi-1"))?.taken ?? 0;
    await eventually("pi-1 goes on", async () => ((await readingsOf("pi-1"))?.taken ?? 0) > before + 40 || undefined);
    expect((await readingsOf("pi-1"))?.stopped).toBeUndefined();
  });

  it(`coordination goes on, on the full disk too (${changesWhileFull} changes)`, async () => {
    const client = await site.client();
    const changes = new ChangeClient(client, join(site.directory, "acknowledged.jsonl"), names);
    while (changes.acknowledged < changesWhileFull) await changes.change();
    const acknowledged = changes.journal();
    expect(site.device(full).isRunning).toBe(true);
    const status = await site.statusOf(full);
    expect(status?.voters).toContain(full);
    const notes = await eventually(`${full} has applied the last change`, async () => {
      const revisions = await history(client, deviceId(full)).catch(() => []);
      return revisions[0]?.note === noteOf(acknowledged.at(-1)?.change ?? 0) ? revisions : undefined;
    });
    expect(notes.length).toBeGreaterThan(changesWhileFull);
    expect((await deviceLabels(client, deviceId(full))).size).toBe(names.length);
  });

  it("when there is room again it goes on sampling", async () => {
    const before = (await readingsOf(full))?.taken ?? 0;
    disk.makeRoom();
    await eventually(`${full} takes readings again`, async () => {
      const now = await readingsOf(full);
      return (now?.stopped === undefined && (now?.taken ?? 0) > before + 20) || undefined;
    });
    expect(
      site
        .device(full)
        .log()
        .map(({ msg }) => msg),
    ).toContain("this device takes readings again");
    await eventually("they are counted", async () => {
      const now = await readingsOf(full);
      return (now !== undefined && now.counted > before) || undefined;
    });
  });
});
