// A majority lost for good (docs/recovery.md): three of five devices burn, cards and all, while clients write. A person recovers the site
// on one of the two that are left, the other comes over, and three new ones join.
//
// What the survivor holds when it happens decides what is lost. Where it has everything that was agreed, nothing is, but for the
// readings of the lost that were not counted; where it was cut off before, what the others agreed on since then is, and nothing from
// before. A generation that began with less, or with more, or that counted anything twice, is found by what it counts and publishes.

import { minutes, seconds } from "../../../src/base/units.ts";
import type { Machine } from "../machine.ts";
import { recoverSite } from "../recovery.ts";
import { type Scenario, usualSite } from "../scenario.ts";
import type { Stage } from "../stage.ts";

interface Losses {
  readonly lost: readonly Machine[];
  /** Two; the one that holds more first. */
  readonly survivors: readonly [Machine, Machine];
}

const revisionOf = (stage: Stage, { name }: Machine): number =>
  stage.world.checkpost.life(name)?.replica.state.revision ?? 0;

/** Its log has all that the coordinator's has. */
function hasEverything(stage: Stage, machine: Machine, coordinator: Machine): boolean {
  const [own, all] = [stage.replicaOf(machine), stage.replicaOf(coordinator)];
  return own !== undefined && all !== undefined && own.lastTerm === all.lastTerm && own.last === all.last;
}

/** Three of five burn: the coordinator, and two more. */
async function burn(stage: Stage, before: (coordinator: Machine, survivors: readonly Machine[]) => Promise<void>) {
  const { world } = stage;
  const [coordinator, ...others] = await stage.voters(5);
  await stage.wait(seconds(30));
  stage.expect("nobody else leads meanwhile", coordinator !== undefined && world.coordinator() === coordinator);
  const left = others.slice(2);
  if (coordinator !== undefined) await before(coordinator, left);
  const lost = world.machines.filter((machine) => !left.includes(machine));
  for (const machine of lost) {
    world.loseMember(machine, "everything");
    world.discard(machine);
  }
  await stage.wait(minutes(1));
  stage.expect("nobody leads", world.coordinator() === undefined);
  const lasts = left.map((machine) => stage.replicaOf(machine)?.last ?? 0);
  const [first, second] = (lasts[0] ?? 0) >= (lasts[1] ?? 0) ? left : left.toReversed();
  if (first === undefined || second === undefined) throw new Error("two are left");
  return { lost, survivors: [first, second] } satisfies Losses;
}

async function goOn(stage: Stage, { lost, survivors: [first, second] }: Losses): Promise<void> {
  const { world } = stage;
  await stage.during("the agent is stopped", first.stop(), seconds(20));
  const names = lost.map(({ device }) => device);
  const objections = await stage.during("the site is recovered", recoverSite(world, first, names), minutes(1));
  stage.expect(`nothing speaks against it: ${objections.join("; ")}`, objections.length === 0);
  first.powerOn();
  await stage.until("the survivor leads alone", () => world.coordinator() === first, seconds(20));
  await stage.until("the other comes over", () => second.generation() === 2, minutes(1));
  for (const number of [6, 7, 8]) world.addMachine(`pi-${number}`).powerOn();
  await stage.voters(5);
  await stage.writes("a change commits", seconds(20));
}

export const majorityLost: Scenario = {
  name: "majority-lost",
  what: "three of five cards are lost for good; the site is recovered on one that is left, and three new devices join",
  site: usualSite,
  play: async (stage) => {
    const losses = await burn(stage, (coordinator, left) =>
      stage.until(
        "those that are left have everything that was agreed",
        () => left.every((machine) => hasEverything(stage, machine, coordinator)),
        minutes(1),
      ),
    );
    await goOn(stage, losses);
  },
};

export const majorityLostBehind: Scenario = {
  name: "majority-lost-behind",
  what: "the same, and those that are left were cut off before: what the others agreed on since is undone, and nothing else",
  site: usualSite,
  play: async (stage) => {
    let [known, agreed] = [0, 0];
    const losses = await burn(stage, async (coordinator, left) => {
      known = Math.max(...left.map((machine) => revisionOf(stage, machine)));
      for (const machine of left) stage.cut(machine);
      await stage.wait(seconds(30));
      await stage.writes("the others go on", seconds(20));
      agreed = revisionOf(stage, coordinator);
    });
    for (const machine of losses.survivors) stage.mend(machine);
    const held = revisionOf(stage, losses.survivors[0]);
    stage.expect(`revision ${known} is kept, as ${held}, and ${agreed} undone`, known <= held && held < agreed);
    await goOn(stage, losses);
  },
};
