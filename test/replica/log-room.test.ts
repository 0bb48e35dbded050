// Found by bench/commit.ts: commits of 200 bytes one after the other take a block of the log file each, so 4,000 of them filled
// a log of 16 MiB before a checkpoint (due after 1 MiB of commands) let any of it go, and the agent ended with `log-full`.

import { expect, it } from "vitest";
import { seconds } from "../../src/base/units.ts";
import { VirtualSite } from "./virtual-site.ts";

it("a site that commits one small entry after the other never fills its log (3 voters, 6,000 commits)", async () => {
  const site = new VirtualSite(1, 3);
  const leader = await site.found();
  let commits = 0;
  const next = (): void => {
    leader.replica?.propose({ kind: "cursor", upTo: 0 }, ({ kind }) => {
      expect(kind).toBe("done");
      commits += 1;
      if (commits < 6_000) next();
    });
  };
  next();
  while (commits < 6_000 && leader.failures.length === 0) await site.run(seconds(1));
  for (const node of site.replicas) {
    expect(node.failures).toEqual([]);
    expect(node.replica?.usage().segments).toBeLessThanOrEqual(16);
  }
  expect(commits).toBe(6_000);
});
