// An outside client floods the site's own topics with garbage: frames of this very site, recorded a moment before, mutated or
// simply said again (issue 2, point 5). What cannot be used is dropped and counted; the site commits throughout.

import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { mutateBytes } from "../mqtt/mutations.ts";
import { ChangeClient } from "./change-client.ts";
import { eventually } from "./program.ts";
import { siteName, TestSite } from "./test-site.ts";

const names = ["pi-1", "pi-2", "pi-3"];
const floodMs = 10_000;
const framesPerSecond = 3_000;
/** Of a tick of the flood, which lets the test's own client live. */
const tickMs = 10;
/** Longer than an election would take. */
const silenceMaxMs = 5_000;

const filters = ["log", "to", "data", "presence", "api"].map((kind) => `skein/1/${siteName}/${kind}/#`);

interface Frame {
  readonly topic: string;
  readonly payload: Buffer;
}

describe("a flood of garbage on the site's topics (3 agents)", () => {
  let site: TestSite;
  let outsider: MqttClient;
  const random = new SeededRandom(20_260_509);
  const recorded: Frame[] = [];

  beforeAll(async () => {
    site = await TestSite.prepare(names.length);
    outsider = await connectAsync(site.broker.url, { clientId: "outsider", reconnectPeriod: 0 });
    const record = (topic: string, payload: Buffer): void => {
      if (recorded.length < 5_000) recorded.push({ topic, payload });
    };
    outsider.on("message", record);
    await outsider.subscribeAsync(filters);
    await site.start();
    await site.configure(`skein: 1\ndevices: { ${names.map((name) => `${name}: {}`).join(", ")} }\n`);
    await eventually("there is something of each kind to say again", () => {
      const kinds = new Set(recorded.map(({ topic }) => topic.split("/")[3]));
      return kinds.size === filters.length && recorded.length > 150 ? kinds : undefined;
    });
    outsider.off("message", record);
    await outsider.unsubscribeAsync(filters);
  });

  afterAll(async () => {
    await outsider?.endAsync(true);
    await site?.dispose();
  });

  /** Answers how many frames were said. */
  async function flood(): Promise<number> {
    const start = performance.now();
    let said = 0;
    for (let now = start; now < start + floodMs; now = performance.now()) {
      for (const due = ((now - start) / 1000) * framesPerSecond; said < due; said++) {
        const frame = recorded[random.below(recorded.length)];
        if (frame === undefined) throw new Error("nothing was recorded");
        const payload = random.below(10) === 0 ? frame.payload : Buffer.from(mutateBytes(frame.payload, random));
        outsider.publish(frame.topic, payload, { qos: 0 });
      }
      await new Promise((resolve) => setTimeout(resolve, tickMs));
    }
    return said;
  }

  it(`the site commits throughout, and no agent ends (${framesPerSecond} frames a second)`, async () => {
    const changes = new ChangeClient(await site.client(), join(site.directory, "acknowledged.jsonl"), names);
    let isOver = false;
    let longestSilence = 0;
    let last = performance.now();
    const changing = (async () => {
      while (!isOver) {
        const before = changes.acknowledged;
        await changes.change();
        if (changes.acknowledged === before) continue;
        longestSilence = Math.max(longestSilence, performance.now() - last);
        last = performance.now();
      }
    })();
    const before = await Promise.all(names.map((name) => site.statusOf(name)));
    const said = await flood().finally(() => {
      isOver = true;
    });
    await changing;
    longestSilence = Math.max(longestSilence, performance.now() - last);

    expect(site.devices.map(({ isRunning }) => isRunning)).toEqual([true, true, true]);
    expect(longestSilence).toBeLessThan(silenceMaxMs);
    const after = await site.becomesWhole();
    const dropped = after.map(({ traffic }, place) => traffic.dropped - (before[place]?.traffic.dropped ?? 0));
    // Each hears at least what goes to everybody; most of the flood is mutated.
    for (const count of dropped) expect(count).toBeGreaterThan(said / 20);
    for (const device of site.devices) expect(device.log().filter(({ msg }) => /incarnation/.test(msg))).toEqual([]);
  });
});
