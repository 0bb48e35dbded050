// A quiet site commits one small entry at a time, and each takes a block of the card: the log's bound must be reached by
// bytes on disk, not by bytes of entries.

import { expect, it } from "vitest";
import { milliseconds } from "../../src/base/units.ts";
import { VirtualSite } from "./virtual-site.ts";

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
