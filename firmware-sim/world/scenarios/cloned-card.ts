// A card is copied while its device runs, and the copy is started in another machine beside it, under the same name (RAFT-CASES 11,
// 50; nexus#3939, restate#2415). Two that promise under one name can elect two coordinators, and count readings twice.
//
// With a serial of its own the copy knows itself for one, makes a new incarnation and asks to be admitted, which is refused while the
// original is heard. Where no serial tells, the two hear each other: both fall silent, and a person decides.

import { seconds } from "../../../src/base/units.ts";
import type { Machine } from "../machine.ts";
import { type Scenario, usualSite } from "../scenario.ts";
import type { Stage } from "../stage.ts";

/** A voter that does not lead, and its copy in another machine, running. */
async function startCopy(stage: Stage, serialOf: (original: Machine) => string | undefined) {
  const [, original] = await stage.voters(5);
  stage.expect("there is a voter to be copied", original !== undefined);
  const { world } = stage;
  const machine = original ?? (await stage.coordinator());
  await stage.writes("something is on the card", seconds(20));
  const card = world.copyOf(machine.card, serialOf(machine));
  const copy = world.addMachine(`${machine.name}-copy`, machine.device, card);
  copy.powerOn();
  await stage.until("the copy runs", () => copy.status() !== undefined, seconds(10));
  return { original: machine, copy };
}

const problemsOf = (...machines: readonly Machine[]): string =>
  machines.flatMap((machine) => machine.status()?.problems ?? []).join("; ");

export const clonedCard: Scenario = {
  name: "cloned-card",
  what: "a copy of a running voter's card is started beside it; its serial tells that it is a copy",
  site: usualSite,
  play: async (stage) => {
    const { original, copy } = await startCopy(stage, () => undefined);
    await stage.wait(seconds(30));
    stage.expect("the copy is refused", copy.status()?.isVoter === false);
    stage.expect("the original is a member as before", original.status()?.isVoter === true);
    const [twin] = copy.members();
    const isIn = stage.world.machines.some(({ name }) => {
      const state = stage.world.checkpost.life(name)?.replica.state;
      return twin !== undefined && (state?.counted(twin) ?? 0) > 0;
    });
    stage.expect("nothing of the copy was counted", !isIn);
    stage.world.discard(copy);
    await stage.wait(seconds(10));
  },
};

export const clonedCardUnknown: Scenario = {
  name: "cloned-card-unknown",
  what: "a copy of a running voter's card is started beside it, and no serial tells them apart",
  site: usualSite,
  play: async (stage) => {
    const { original, copy } = await startCopy(stage, (machine) => machine.card.disk.serial);
    await stage.until(
      "both say that two copies run",
      () => problemsOf(original) !== "" && problemsOf(copy) !== "",
      seconds(60),
    );
    await stage.writes("the others go on", seconds(30));
    stage.expect("neither leads", stage.world.coordinator() !== original && stage.world.coordinator() !== copy);
    stage.world.discard(copy);
    original.cutPower();
    await stage.wait(seconds(5));
    original.powerOn();
    await stage.until("the original is a member again", () => original.status()?.problems.length === 0, seconds(60));
  },
};
