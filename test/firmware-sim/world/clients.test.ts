// The clients of the world keep to the API as a person's program does, or a seed tests less than it seems to.

import { describe, expect, it, vi } from "vitest";
import { allCheckers } from "../../../firmware-sim/world/all-checkers.ts";
import { runWorld } from "../../../firmware-sim/world/run-world.ts";
import { type Scenario, usualSite } from "../../../firmware-sim/world/scenario.ts";
import { seconds } from "../../../src/base/units.ts";

vi.setConfig({ testTimeout: 60_000 });

/** What each person asks first never arrives, however often it is repeated. */
const lostQuestions: Scenario = {
  name: "lost-questions",
  what: "the first change of each client's session is lost",
  site: { ...usualSite, devices: 3, brokers: [undefined], clients: [] },
  play: async (stage) => {
    const [leader] = await stage.voters(3);
    if (leader === undefined) return;
    await stage.peopleRead();
    for (const machine of stage.world.machines) stage.cut(machine);
    stage.beginWrites(leader);
    await stage.wait(seconds(25));
    for (const machine of stage.world.machines) stage.mend(machine);
    await stage.coordinator();
    await stage.writes("a change of the first person commits", seconds(20));
  },
};

describe("a client of the world", () => {
  // Seed 5122: the site answered "session-expired, begin a new one" to every further change of such a client, for ever.
  it("begins a new session when the site does not know its own", async () => {
    for (const seed of [1, 2]) {
      const report = await runWorld(
        seed,
        { site: lostQuestions.site, faults: [], scenario: lostQuestions },
        allCheckers,
      );
      expect(report.violation).toBeUndefined();
    }
  });
});
