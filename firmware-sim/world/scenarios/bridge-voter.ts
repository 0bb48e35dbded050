// The coordinator reaches one voter only, the bridge, which reaches everybody (RAFT-CASES 20; openraft#2080; the outage of
// Cloudflare's etcd in 2020). Its heartbeats keep the bridge from any election, and with a minority of voters it cannot commit: it
// must step down by itself, the rest must elect another, and the two must not depose each other in turn from then on.

import { seconds } from "../../../src/base/units.ts";
import { type Scenario, usualSite } from "../scenario.ts";

export const bridgeVoter: Scenario = {
  name: "bridge-voter",
  what: "the coordinator reaches only one voter, which reaches all others",
  site: usualSite,
  play: async (stage) => {
    const [old, bridge, ...others] = await stage.voters(5);
    const [first, second] = stage.urls;
    if (old === undefined || bridge === undefined || first === undefined || second === undefined) return;
    stage.cut(old, "both", [second]);
    for (const machine of others) stage.cut(machine, "both", [first]);
    await stage.until(
      "another one leads, with authority",
      () => stage.world.coordinator() !== undefined && stage.world.coordinator() !== old,
      seconds(30),
    );
    await stage.writes("a change commits beside the old coordinator", seconds(30));
    stage.expect("the old one knows that it leads no more", stage.replicaOf(old)?.role !== "leader");
    stage.expect("there are few changes while the cut lasts", (await stage.changesDuring(seconds(60))) <= 1);
    stage.expect("the bridge takes part", (stage.replicaOf(bridge)?.term ?? 0) >= (stage.replicaOf(old)?.term ?? 0));
  },
};
