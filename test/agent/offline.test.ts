// A site that is offline for longer than its outbox holds (DESIGN §9): nothing is lost, old windows become coarser.

import { expect, it, vi } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { minutes, seconds } from "../../src/base/units.ts";
import { defaultRaftLimits } from "../../src/replica/open-replica.ts";
import { cloudUrl, leaderOf, VirtualAgents } from "./virtual-agents.ts";

// Seconds alone; beside other work on a small machine, more.
vi.setConfig({ testTimeout: 120_000 });

/** Some hundred windows: a quarter of an hour of two series. Checkpoints are frequent, so what is merged is read from the store. */
const bounds = {
  ...limits,
  outboxBytes: 90_000,
  outboxHighBytes: 60_000,
  outboxLowBytes: 40_000,
  windowBytes: 60_000,
};
const sizes = {
  limits: { ...defaultRaftLimits, tailEntries: 50, tailBytes: 16_384 },
  checkpointBytes: 16_384,
  bounds,
};

it("whose uplink is away until the outbox is at its bound, through failovers, misses nothing when it is back (3 devices, 50 minutes)", async () => {
  const agents = new VirtualAgents(5, 3);
  agents.sizes = sizes;
  await agents.found(2);
  await agents.run(seconds(60));
  const { network } = agents;
  // What this coordinator still sends arrives, and it does not hear so: its successors find it in the outbox.
  network.cut(leaderOf(agents).host, cloudUrl, "from-broker");
  await agents.run(seconds(25));
  const delivered = agents.items.length;
  for (const { host } of agents.devices) network.cut(host, cloudUrl);
  agents.crash(leaderOf(agents));
  let most = 0;
  for (let quarter = 0; quarter < 20; quarter++) {
    if (quarter === 4 || quarter === 11) agents.crash(leaderOf(agents));
    await agents.run(minutes(2));
    for (const device of agents.devices) if (device.agent === undefined) await agents.start(device);
    await agents.run(seconds(30));
    most = Math.max(most, leaderOf(agents).status.outbox.bytes);
  }
  expect(agents.items.length).toBe(delivered);
  expect(most).toBeGreaterThan(bounds.outboxLowBytes);
  expect(most).toBeLessThan(bounds.outboxBytes);
  network.healAll();
  await agents.untilAllCounted();
  expect(agents.published.violations()).toEqual([]);
  const merged = agents.items.filter(({ body }) => body["replaces"] !== undefined);
  expect(merged.length).toBeGreaterThan(10);
  const numbers = new Set(agents.items.map(({ body }) => body["id"]));
  const last = leaderOf(agents).status.outbox.last;
  expect(last - numbers.size).toBeGreaterThan(200);
  expect(agents.published.totals().gaps).toBe(0);
  expect(agents.log.filter((line) => line.includes("nothing that waits can become coarser"))).toEqual([]);
});

it("whose uplink comes back while windows are being merged goes on sending (1 device, 4 short returns)", async () => {
  const agents = new VirtualAgents(6, 1);
  agents.sizes = sizes;
  await agents.found(2);
  await agents.run(seconds(30));
  const { host } = agents.at(0);
  for (let round = 0; round < 4; round++) {
    agents.network.cut(host, cloudUrl);
    await agents.run(minutes(12));
    agents.network.heal(host, cloudUrl);
    await agents.run(seconds(3));
  }
  agents.network.healAll();
  await agents.untilAllCounted();
  expect(agents.published.violations()).toEqual([]);
  expect(agents.items.some(({ body }) => body["replaces"] !== undefined)).toBe(true);
});
