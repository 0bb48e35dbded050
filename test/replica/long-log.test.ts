// Found by killing real agents: small changes, each a commit of its own, filled the log's file long before they were worth a
// checkpoint by what they say. The log was full, the agent ended, and ended again at each start.

import { expect, it } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { seconds, siteTime } from "../../src/base/units.ts";
import { VirtualSite } from "./virtual-site.ts";

const mebi = 1024 * 1024;

it("many commits that say little do not fill the log's file (3 voters, 9,000 commits one by one)", async () => {
  const site = new VirtualSite(11, 3);
  const leader = await site.found();
  let committed = 0;
  const next = (): void => {
    leader.replica?.propose({ kind: "close", upTo: siteTime(0) }, () => {
      committed += 1;
      if (committed < 9_000) next();
    });
  };
  next();
  for (let passed = 0; committed < 9_000 && passed < 600; passed++) await site.run(seconds(1));
  expect(committed).toBe(9_000);
  for (const node of site.replicas) {
    expect(node.failures).toEqual([]);
    const segments = node.replica?.usage().segments ?? 0;
    // A segment is 1 MiB; the commits since the last checkpoint and those kept for slow members may stay.
    expect(segments * mebi).toBeLessThanOrEqual(limits.checkpointFileBytes + 2 * mebi);
    expect(segments).toBeGreaterThan(limits.logTailEntries / 256);
  }
}, 60_000);
