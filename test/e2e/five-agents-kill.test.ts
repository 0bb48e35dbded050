// Five agents as five processes over Debian's Mosquitto, killed without warning, one or two of five at a time, while a client
// changes the configuration and readings come in (issue 2, point 3). Nothing that was acknowledged is lost, nothing that was
// taken counts twice, and the site needs nobody to come back.

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import type { AgentStatus } from "../../src/agent/status.ts";
import { deviceId } from "../../src/base/ids.ts";
import { ChangeClient, deviceLabels, history, noteOf } from "./change-client.ts";
import { amountsOf, DashboardSubscriber, faultsInOrder, type WindowAmounts } from "./dashboard-subscriber.ts";
import { probeConfiguration, topicOf } from "./probes.ts";
import { eventually } from "./program.ts";
import { ReadingFeeder } from "./reading-feeder.ts";
import { addToWindows, isMissing, readingsOnCard } from "./stored-readings.ts";
import { siteName, type TestDevice, TestSite } from "./test-site.ts";

const changesWanted = 1_000;
const roundsWanted = 30;
const spanMs = 5_000;
const seed = 20_260_417;
const names = ["pi-1", "pi-2", "pi-3", "pi-4", "pi-5"];
const settings = `
settings: { editionInterval: 2s, flushInterval: 500ms }
aggregations: { all: { window: ${spanMs}ms, groupBy: [device] } }`;

describe("five agents over Mosquitto, a minority killed again and again", () => {
  let site: TestSite;
  let dashboard: DashboardSubscriber;
  let feeder: ReadingFeeder;
  let changes: ChangeClient;
  let kills = 0;
  let acknowledged: ReturnType<ChangeClient["journal"]>;
  const random = new SeededRandom(seed);

  beforeAll(async () => {
    site = await TestSite.prepare(names.length);
    dashboard = new DashboardSubscriber(site.broker.url, siteName);
    feeder = new ReadingFeeder(site.broker.url, names.map(topicOf), site.directory);
    await site.start();
    await site.configure(probeConfiguration(names, site.broker.url, settings));
    changes = new ChangeClient(await site.client(), join(site.directory, "acknowledged.jsonl"), names);
    feeder.start(100);
  }, 120_000);

  afterAll(async () => {
    await feeder?.end();
    await dashboard?.end();
    await site?.dispose();
  });

  async function killMinority(): Promise<void> {
    const coordinator = random.below(3) === 0 ? (await site.coordinator())?.device : undefined;
    const others = site.devices.filter(({ name }) => name !== coordinator);
    const victims: TestDevice[] = coordinator === undefined ? [] : [site.device(coordinator)];
    const count = 1 + random.below(2);
    while (victims.length < count) victims.push(...others.splice(random.below(others.length), 1));
    await Promise.all(victims.map((victim) => victim.kill()));
    kills += victims.length;
    await new Promise((resolve) => setTimeout(resolve, random.below(800)));
    for (const victim of victims) victim.start();
    for (const { name } of victims) {
      await eventually(`${name} answers again`, () => site.statusOf(name), { explain: () => site.lastWords() });
    }
  }

  /** From each of the five. */
  async function expectAllAcknowledged(): Promise<void> {
    const client = await site.client();
    for (const name of names) {
      const device = deviceId(name);
      const revisions = await eventually(`${name} shows the history`, () =>
        history(client, device).catch(() => undefined),
      );
      const made = new Map(revisions.map(({ revision, note }) => [revision, note]));
      const lost = acknowledged.filter(({ revision, change }) => made.get(revision) !== noteOf(change));
      expect(lost, `${name} has all that was acknowledged`).toEqual([]);
      const notes = revisions.map(({ note }) => note).filter((note) => note !== "");
      expect(new Set(notes).size, `${name} has no change twice`).toBe(notes.length);
      const labels = await eventually(`${name} shows the configuration`, () =>
        deviceLabels(client, device).catch(() => undefined),
      );
      for (const labelled of names) {
        const newest = notes
          .map((note) => Number(note.slice(noteOf(0).length - 1)))
          .find((n) => names[n % 5] === labelled);
        expect(labels.get(labelled), `the label of ${labelled} at ${name}`).toBe(String(newest));
      }
    }
  }

  it(`every acknowledged change is there (${roundsWanted} times one or two of five, ${changesWanted} changes)`, async () => {
    let isOver = false;
    const changing = (async () => {
      while (!isOver || changes.acknowledged < changesWanted) await changes.change();
    })();
    try {
      for (let round = 0; round < roundsWanted; round++) await killMinority();
    } finally {
      isOver = true;
    }
    await changing;
    acknowledged = changes.journal();
    expect(acknowledged.length).toBeGreaterThanOrEqual(changesWanted);
    expect(kills).toBeGreaterThanOrEqual(roundsWanted);
    await expectAllAcknowledged();
  }, 300_000);

  it("the site comes back by itself after all five were killed at once, with all that was acknowledged", async () => {
    await Promise.all(site.devices.map((device) => device.kill()));
    for (const device of site.devices) device.start();
    await site.becomesWhole();
    await expectAllAcknowledged();
  });

  it("a coordinator that hangs is replaced, and follows when it wakes up (SIGSTOP)", async () => {
    const before = await eventually("somebody leads", () => site.coordinator());
    const hanging = site.device(before.device);
    hanging.pause();
    try {
      await eventually(
        "another one leads",
        async () => {
          const now = await site.coordinator();
          return now !== undefined && now.term > before.term && now.device !== before.device ? now : undefined;
        },
        { explain: () => site.lastWords() },
      );
    } finally {
      hanging.resume();
    }
    await site.becomesWhole();
    const woken = await eventually("it answers", () => site.statusOf(hanging.name));
    expect(woken).toMatchObject({ role: "follower" });
    expect(woken.term).toBeGreaterThan(before.term);
  });

  it("no term had two coordinators", () => {
    const coordinators = new Map<number, Set<string>>();
    const note = (term: number, device: string): void => {
      coordinators.set(term, (coordinators.get(term) ?? new Set()).add(device));
    };
    for (const { term, coordinator } of dashboard.sites()) note(term, coordinator);
    for (const device of site.devices) {
      for (const line of device.log()) if (line.role === "leader") note(line.term ?? 0, device.name);
    }
    expect(coordinators.size).toBeGreaterThan(roundsWanted / 10);
    expect([...coordinators].filter(([, devices]) => devices.size > 1)).toEqual([]);
  });

  it("every reading taken counts once on the dashboard topic, in its window", async () => {
    const before = await Promise.all(names.map((name) => site.statusOf(name)));
    await eventually("each device has taken new readings since", async () => {
      const now = await Promise.all(names.map((name) => site.statusOf(name)));
      return now.every((status, place) => takenBy(status) > takenBy(before[place]) + 20) || undefined;
    });
    feeder.pause();
    const statuses = await eventually(
      "all readings are counted",
      async () => {
        const all = await Promise.all(names.map((name) => site.statusOf(name)));
        const isCounted = all.every((status) => status !== undefined && status.readings.uncounted === 0);
        const total = sumOf(dashboard.items(), ({ count, missing }) => count + missing);
        return isCounted && total === all.reduce((sum, status) => sum + takenBy(status), 0) ? all : undefined;
      },
      { withinMs: 60_000, explain: () => site.lastWords() },
    );

    await Promise.all(site.devices.map((device) => device.stop()));
    const expected = new Map<string, WindowAmounts>();
    for (const [place, device] of site.devices.entries()) {
      const readings = await readingsOnCard(device.data);
      expect(readings.map(({ number }) => number)).toEqual(readings.map((_, i) => i + 1));
      expect(readings.length).toBe(takenBy(statuses[place]));
      const values = readings.filter((reading) => !isMissing(reading)).map(({ value }) => value);
      expect(new Set(values).size, `${device.name} took no message twice`).toBe(values.length);
      const last = feeder.published(place);
      expect(values.slice(-20), `${device.name} took all that came since it was back`).toEqual(
        Array.from({ length: 20 }, (_, i) => last - 19 + i),
      );
      addToWindows(expected, readings, { group: `all/${device.name}`, spanMs });
    }
    expect(amountsOf(dashboard.items())).toEqual(expected);
  });

  it("the dashboard topic misses no item, and a repeat is the same bytes", () => {
    expect(faultsInOrder(dashboard.items())).toEqual([]);
  });
});

const takenBy = (status: AgentStatus | undefined): number => status?.readings.taken ?? 0;

function sumOf(items: ReturnType<DashboardSubscriber["items"]>, of: (amounts: WindowAmounts) => number): number {
  return [...amountsOf(items).values()].reduce((sum, amounts) => sum + of(amounts), 0);
}
