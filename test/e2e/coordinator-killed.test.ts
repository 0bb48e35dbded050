// A coordinator whose process is killed: the broker says so by its last will, and the site does not wait for its silence
// (DESIGN §4, "The last will as a hint").

import { afterAll, beforeAll, expect, it } from "vitest";
import { defaultTiming } from "../../src/replica/open-replica.ts";
import { eventually } from "./program.ts";
import { TestSite } from "./test-site.ts";

const rounds = 5;

let site: TestSite;
beforeAll(async () => {
  site = await TestSite.prepare(5);
  await site.start();
}, 120_000);
afterAll(() => site?.dispose());

/** From the kill until another one logs that it leads, in ms. */
async function failover(): Promise<number> {
  const { device, term } = await eventually("somebody leads", () => site.coordinator());
  const killed = site.device(device);
  const killedAt = Date.now();
  await killed.kill();
  const elected = await eventually(
    "another one leads",
    () => {
      const lines = site.devices.flatMap((one) => one.log());
      return Promise.resolve(lines.find((line) => line.role === "leader" && (line.term ?? 0) > term));
    },
    { explain: () => site.lastWords() },
  );
  killed.start();
  await site.becomesWhole();
  // Whoever was started again listens for an election timeout before it votes.
  await new Promise((resolve) => setTimeout(resolve, defaultTiming.electionTimeoutMax));
  return Date.parse(elected.time) - killedAt;
}

it(`is replaced well within the election timeout (killed ${rounds} times, 5 voters, Mosquitto)`, async () => {
  const spans: number[] = [];
  for (let round = 0; round < rounds; round++) spans.push(await failover());
  const median = spans.toSorted((a, b) => a - b)[Math.floor(rounds / 2)];
  expect(median, `${spans.join(", ")} ms`).toBeLessThan(defaultTiming.electionTimeoutMin / 2);
}, 120_000);
