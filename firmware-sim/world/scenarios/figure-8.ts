// Figure 8 of the Raft paper, over MQTT (RAFT-CASES 26): an entry of an older term lies on a majority and is overwritten all the
// same. Whoever counts its copies, and not those of an entry of its own term, has acknowledged what will be gone.
//
//   a  the coordinator S1 writes entries that only S2 gets; both lose their power
//   b  S5 is elected by S3 and S4, writes the first entry of its term, which nobody gets, and loses its power
//   c  S1 or S2 is elected again and repairs S3, in portions: the old entries now lie on S1, S2 and S3, a majority
//   d  it loses its power in that moment; S5 comes back, is elected with the newer last entry, and overwrites them

import { assert } from "../../../src/base/errors.ts";
import { memberOf, sensorId } from "../../../src/base/ids.ts";
import { milliseconds, seconds } from "../../../src/base/units.ts";
import { Violation } from "../checker.ts";
import type { Machine } from "../machine.ts";
import { type Scenario, usualSite } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import type { Step } from "../step-hooks.ts";

const lastOf = (stage: Stage, machine: Machine): number => stage.replicaOf(machine)?.last ?? 0;

/** With them a change takes more than half of a portion, so that two changes take two. */
const sensorsAdded = 12;
/** Two that stand at once need another election. */
const attemptsMax = 8;

export const figure8: Scenario = {
  name: "figure-8",
  what: "an entry of an older term lies on a majority, and is overwritten (Figure 8 of the Raft paper)",
  // Portions so small that a repair of all old entries takes several.
  site: { ...usualSite, brokers: [undefined], clients: [], sensorInterval: 60_000, window: 60_000, batchBytes: 2_048 },
  change: (configuration, random) => {
    const sensors = new Map(configuration.sensors);
    const [first] = sensors.values();
    assert(first !== undefined, "the site has sensors");
    const mark = random.below(2 ** 30);
    for (let i = 0; i < sensorsAdded; i++) sensors.set(sensorId(`${first.device}-${mark}-${i}`), first);
    return { ...configuration, sensors };
  },
  play: async (stage) => {
    const [s1, s2, s3, s4, s5] = await stage.voters(5);
    if (s1 === undefined || s2 === undefined || s3 === undefined || s4 === undefined || s5 === undefined) return;
    await stage.peopleRead();
    const committed = stage.replicaOf(s1)?.commit ?? 0;
    for (const deaf of [s3, s4, s5]) stage.cut(deaf, "from-broker");
    stage.beginWrites(s1);
    await stage.until(
      "a: entries are on the cards of S1 and S2",
      () => lastOf(stage, s1) > committed + 1 && stage.replicaOf(s2)?.synced === lastOf(stage, s1),
      milliseconds(1_200),
    );
    const old = lastOf(stage, s1);
    stage.expect("a: they are not committed", (stage.replicaOf(s1)?.commit ?? old) < old - 1);
    s1.cutPower();
    s2.cutPower();
    for (const deaf of [s3, s4, s5]) stage.mend(deaf);

    const elected = await muteCandidate(stage, [s3, s4, s5]);
    await stage.until(
      "b: the first entry of its term is on its card",
      () => {
        const { role, last, synced } = stage.replicaOf(elected) ?? {};
        return role === "leader" && synced === last;
      },
      seconds(2),
    );
    const termOfB = stage.replicaOf(elected)?.term ?? 0;
    elected.cutPower();
    stage.mend(elected);

    const [repaired, other] = [s3, s4, s5].filter((machine) => machine !== elected);
    if (repaired === undefined || other === undefined) return;
    await repairOne(stage, [s1, s2], { repaired, deaf: other, upTo: old });

    elected.powerOn();
    await stage.until("d: S5 leads again", () => stage.world.coordinator() === elected, seconds(60));
    stage.expect("d: in a later term", (stage.replicaOf(elected)?.term ?? 0) > termOfB + 1);
    stage.expect("d: without the old entries", (stage.replicaOf(elected)?.commit ?? 0) > committed);
    s1.powerOn();
    s2.powerOn();
    await stage.wait(seconds(10));
  },
};

/** Of those that run, the one that is elected; its request to vote has left it, and what it says afterwards reaches nobody. */
async function muteCandidate(stage: Stage, machines: readonly Machine[]): Promise<Machine> {
  const { world } = stage;
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    let candidate: Machine | undefined;
    const forget = world.steps.onceSaid("vote-request", (name) => {
      candidate = world.machine(name);
      stage.cut(candidate, "to-broker");
    });
    await stage.until("b: one of the others stands", () => candidate !== undefined, seconds(20));
    forget();
    if (candidate === undefined) break;
    const standing: Machine = candidate;
    if (await world.runUntil(() => stage.replicaOf(standing)?.role === "leader", seconds(1))) return standing;
    stage.mend(standing); // two stood at once
    stage.expect(
      "b: nobody else was elected",
      machines.every((machine) => stage.replicaOf(machine)?.role !== "leader"),
    );
  }
  throw new Violation("scenario", "b: nobody was elected");
}

/** One of `olds` leads again, and loses its power, with the other, when it hears that `repaired` has some of the old entries. */
async function repairOne(
  stage: Stage,
  olds: readonly Machine[],
  { repaired, deaf, upTo }: { readonly repaired: Machine; readonly deaf: Machine; readonly upTo: number },
): Promise<void> {
  stage.cut(deaf, "from-broker");
  const before = lastOf(stage, repaired);
  let matched = 0;
  const isRepaired = ({ life, event }: Step): boolean => {
    if (event.kind !== "received" || event.message.kind !== "append-ack") return false;
    if (memberOf(event.from).device !== repaired.device || !olds.some(({ name }) => name === life.machine))
      return false;
    matched = event.message.match;
    return matched > before && matched <= upTo;
  };
  // It hears no more than the first portion.
  stage.world.steps.once(
    ({ life, effects }) =>
      life.machine === repaired.name &&
      effects.some((effect) => effect.kind === "persist" && (effect.entries[0]?.index ?? upTo + 1) <= upTo),
    () => stage.cut(repaired, "from-broker"),
  );
  let isDone = false;
  stage.world.steps.once(isRepaired, () => {
    for (const machine of olds) machine.cutPower();
    isDone = true;
  });
  for (const machine of olds) machine.powerOn();
  await stage.until("c: S3 has acknowledged a part of the old entries, and no other", () => isDone, seconds(60));
  stage.expect(`c: entry ${matched} lies on three cards`, (stage.replicaOf(repaired)?.synced ?? 0) >= matched);
  stage.expect("c: the rest of them is not there", lastOf(stage, repaired) < upTo);
  for (const machine of [repaired, deaf]) stage.mend(machine);
}
