// A quiet site commits one small entry at a time, and each takes a block of the card: the log's bound must be reached by
// bytes on disk, not by bytes of entries.

import { expect, it, vi } from "vitest";
import { milliseconds, siteTime } from "../../src/base/units.ts";
import { smallSizes, VirtualSite } from "./virtual-site.ts";

// Fractions of a second alone; beside other work on a small machine, more.
vi.setConfig({ testTimeout: 60_000 });

it("ten thousand tiny commits, one at a time, never fill the Raft log (1 voter)", async () => {
  const site = new VirtualSite(1, 1);
  const node = await site.found();
  let done = 0;
  const next = (): void => {
    node.replica?.propose({ kind: "cursor", upTo: 0 }, () => {
      done += 1;
      next();
    });
  };
  next();
  for (let i = 0; i < 4000 && done < 10_000 && node.failures.length === 0; i++) await site.run(milliseconds(50));
  expect(node.failures).toEqual([]);
  expect(done).toBeGreaterThanOrEqual(10_000);
});

it("a checkpoint says what it costs to send, however often the same cells were written (1 voter)", async () => {
  const site = new VirtualSite(2, 1);
  site.sizes = smallSizes;
  const node = await site.found();
  const sizes: number[] = [];
  for (let i = 0; i < 40; i++) {
    for (let j = 0; j < 50; j++) node.replica?.propose({ kind: "close", upTo: siteTime(i * 50 + j) }, () => undefined);
    await site.run(milliseconds(300));
    sizes.push(node.replica?.state.bytes ?? 0);
  }
  expect(node.replica?.status().start).toBeGreaterThan(1_000);
  expect(Math.max(...sizes.slice(10))).toBeLessThan(2 * (sizes[10] ?? 0));
  expect(sizes.at(-1)).toBeLessThan(4_096);
});
