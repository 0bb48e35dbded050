// A majority lost for good (docs/recovery.md): three of five devices burn, cards and all, while clients write. A person recovers the site
// on one of the two that are left, the other comes over, and three new ones join.
//
// What the survivor holds when it happens decides what is lost. Here it has everything that was agreed: then nothing is, but for the
// readings of the lost that were not counted; and every checker looks on as if nothing had happened. A generation that began with
// less, or with more, or that counted anything twice, is found by what it counts and publishes.

import { minutes, seconds } from "../../../src/base/units.ts";
import type { Machine } from "../machine.ts";
import { recoverSite } from "../recovery.ts";
import { type Scenario, usualSite } from "../scenario.ts";
import type { Stage } from "../stage.ts";

/** Its log has all that the coordinator's has. */
function hasEverything(stage: Stage, machine: Machine, coordinator: Machine): boolean {
  const [own, all] = [stage.replicaOf(machine), stage.replicaOf(coordinator)];
  return own !== undefined && all !== undefined && own.lastTerm === all.lastTerm && own.last === all.last;
}

export const majorityLost: Scenario = {
  name: "majority-lost",
  what: "three of five cards are lost for good; the site is recovered on one that is left, and three new devices join",
  site: usualSite,
  play: async (stage) => {
    const { world } = stage;
    const [coordinator, ...others] = await stage.voters(5);
    const [survivor, second] = others.slice(-2);
    if (coordinator === undefined || survivor === undefined || second === undefined) return;
    await stage.wait(seconds(30));
    const leads = (): boolean => world.coordinator() === coordinator;
    await stage.until(
      "the survivors have everything that was agreed",
      () => leads() && [survivor, second].every((machine) => hasEverything(stage, machine, coordinator)),
      minutes(1),
    );
    const lost = [coordinator, ...others.slice(0, 2)];
    for (const machine of lost) {
      world.loseMember(machine, "everything");
      world.discard(machine);
    }
    await stage.wait(minutes(1));
    stage.expect("nobody leads", world.coordinator() === undefined);
    await stage.during("the agent is stopped", survivor.stop(), seconds(20));
    const names = lost.map(({ device }) => device);
    const objections = await stage.during("the site is recovered", recoverSite(world, survivor, names), minutes(1));
    stage.expect(`nothing speaks against it: ${objections.join("; ")}`, objections.length === 0);
    survivor.powerOn();
    await stage.until("the survivor leads alone", () => world.coordinator() === survivor, seconds(20));
    await stage.until("the other comes over", () => second.generation() === 2, seconds(60));
    for (const number of [6, 7, 8]) world.addMachine(`pi-${number}`).powerOn();
    await stage.voters(5);
    await stage.writes("a change commits", seconds(20));
  },
};
