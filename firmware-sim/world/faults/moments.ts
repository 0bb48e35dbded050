// The coordinator loses its power in the very moment in which that is dangerous, if such a moment comes while the fault waits for
// it. Chance alone meets them once in thousands of seeds.

import { milliseconds } from "../../../src/base/units.ts";
import type { RaftEffect } from "../../../src/raft/types.ts";
import { type FaultKind, over } from "../fault.ts";
import type { Step } from "../step-hooks.ts";
import type { World } from "../world.ts";
import { machineAt } from "./devices.ts";
import { fillCard } from "./disks.ts";
import { badWifi } from "./network.ts";
import { takePower } from "./power.ts";

/** Until somebody has tidied up. */
const roomAfter = 10_000;
/** Of weather that lets a snapshot through, chunk by chunk. */
const clearAfter = 60_000;
/** Until a coordinator without power comes back. */
const backAfter = 8_000;

function cutPowerWhen(world: World, meets: (step: Step) => boolean): () => void {
  return world.steps.once(meets, () => {
    const coordinator = world.coordinator();
    if (coordinator !== undefined) world.after(backAfter, "power is back", takePower(coordinator));
  });
}

/** The coordinator appends a joint configuration. */
const changesVoters = (step: Step): boolean =>
  leads(step) &&
  has(
    step,
    (effect) =>
      effect.kind === "persist" &&
      effect.entries.some((entry) => entry.kind === "voters" && entry.voters.incoming !== undefined),
  );

const leads = ({ life }: Step): boolean => life.replica.status().role === "leader";
const has = ({ effects }: Step, holds: (effect: RaftEffect) => boolean): boolean => effects.some(holds);

export const momentFaults: readonly FaultKind[] = [
  {
    name: "power-cut-at-append",
    hides: "silence",
    what: "the coordinator loses its power after it has sent entries, and before anybody can have acknowledged them",
    weight: 2,
    lasts: [5_000, 20_000],
    begin: (world) =>
      cutPowerWhen(
        world,
        (step) => leads(step) && has(step, (effect) => effect.kind === "persist" && effect.entries.length > 0),
      ),
  },
  {
    name: "power-cut-at-voter-change",
    hides: "silence",
    what: "the coordinator loses its power when it has begun a change of the voters",
    weight: 2,
    lasts: [60_000, 240_000],
    begin: (world) => cutPowerWhen(world, changesVoters),
  },
  {
    name: "card-wiped-at-voter-change",
    hides: "silence",
    what: "a device loses its card when the coordinator has begun a change of the voters: any device, or the coordinator",
    weight: 2,
    lasts: [60_000, 240_000],
    begin: (world, fault) =>
      world.steps.once(changesVoters, () => {
        const machine = fault.strength < 0.5 ? machineAt(world, fault) : world.coordinator();
        if (machine?.isUp !== true || !world.mayLoseCard(machine)) return;
        const back = takePower(machine);
        world.loseMember(machine, "everything");
        machine.insert(world.newCard());
        world.after(backAfter, "power is back", back);
      }),
  },
  {
    name: "power-cut-at-snapshot",
    hides: "silence",
    what: "the coordinator loses its power while somebody receives a snapshot from it: in its midst, or at its end",
    weight: 2,
    lasts: [60_000, 240_000],
    begin: (world, { strength }) =>
      cutPowerWhen(world, (step) =>
        has(step, (effect) => effect.kind === "store-chunk" && effect.isLast === strength < 0.5),
      ),
  },
  {
    name: "weather-at-snapshot",
    hides: "silence",
    what: "a device's Wi-Fi is slow from the moment on in which it receives a snapshot: newer checkpoints are made meanwhile",
    weight: 2,
    lasts: [60_000, 240_000],
    begin: (world, { strength }) => {
      let clear = over;
      const forget = world.steps.once(
        (step) => has(step, (effect) => effect.kind === "store-chunk" && !effect.isLast),
        ({ life }) => {
          const latency = 200 + 600 * strength;
          const slow = { latencyMin: milliseconds(latency / 2), latencyMax: milliseconds(latency) };
          clear = badWifi(world, world.machine(life.machine), slow);
          world.after(clearAfter, "the Wi-Fi is good again", clear);
        },
      );
      return () => {
        forget();
        clear();
      };
    },
  },
  {
    name: "disk-full-at-snapshot",
    what: "a device's disk has no room from the moment on in which it receives a snapshot",
    weight: 2,
    lasts: [60_000, 240_000],
    begin: (world) => {
      let end = over;
      const forget = world.steps.once(
        (step) => has(step, (effect) => effect.kind === "store-chunk"),
        ({ life }) => {
          end = fillCard(world.machine(life.machine).card);
          world.after(roomAfter, "room is made", end);
        },
      );
      return () => {
        forget();
        end();
      };
    },
  },
];
