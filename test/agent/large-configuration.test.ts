// The list of changes of a whole site is larger than a frame; packed it is a few kilobytes, and one revision.

import { expect, it } from "vitest";
import { loadProfiles } from "../../firmware-sim/profiles.ts";
import { planChanges, planSite, simulatedTimes } from "../../firmware-sim/site-plan.ts";
import { encode } from "../../src/base/cbor.ts";
import { limits } from "../../src/base/limits.ts";
import { seconds } from "../../src/base/units.ts";
import { packChanges } from "../../src/site/configuration-changes.ts";
import { defaultConfiguration } from "../../src/site/configuration-defaults.ts";
import { applyChanges } from "../../src/site/configuration-diff.ts";
import { readChanges } from "../../src/site/configuration-items.ts";
import { VirtualAgents } from "./virtual-agents.ts";

const argument = { base: 0, author: "test", note: "", session: "ab".repeat(16), serial: 1 };

async function founded(): Promise<VirtualAgents> {
  const agents = new VirtualAgents(5, 1);
  await agents.start(agents.at(0));
  await agents.until("a leader", () => agents.leader() !== undefined, seconds(30));
  return agents;
}

it("a site of 200 devices and 800 sensors is applied as one revision, and shown again as it was written", async () => {
  const agents = await founded();
  const plan = planSite(loadProfiles(), { devices: 200, ...simulatedTimes });
  const changes = planChanges(plan);
  expect(encode(changes).length).toBeGreaterThan(2 * limits.frameBytes);
  await agents.ask("config.apply", { ...argument, changes: packChanges(changes) });
  const parts = await agents.ask("config.show", {});
  const items = parts.flatMap(({ items: part }) => readChanges(part) ?? []);
  expect(applyChanges(defaultConfiguration, items)).toEqual(plan);
  const [{ revisions = [] } = {}] = await agents.ask("config.history", {});
  expect(revisions).toHaveLength(1);
});

it.each([
  ["no bytes", new Uint8Array(0)],
  ["bytes that are none", Uint8Array.of(1, 2, 3, 4)],
  ["no changes", packChanges([])],
])("refuses changes whose packed form is wrong, and changes nothing [%s]", async (_, changes) => {
  const agents = await founded();
  await expect(agents.ask("config.apply", { ...argument, changes })).rejects.toThrow(/changes: a list/);
  const [{ revision } = {}] = await agents.ask("config.show", {});
  expect(revision).toBe(0);
});
