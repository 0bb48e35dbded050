// A person has the coordinator hand over, and what may go wrong in that very moment.

import { type FaultKind, over } from "../fault.ts";
import { sends } from "../step-hooks.ts";
import { splitOff } from "./network.ts";

/** Of a calm network; the answer, which waits for a card, is not there yet. */
const requestArrivesWithin = 2;

export const handOverFaults: readonly FaultKind[] = [
  {
    name: "hand-over",
    what: "a person has the coordinator hand over",
    weight: 2,
    lasts: [1_000, 2_000],
    begin: (world) => {
      const coordinator = world.coordinator();
      return coordinator !== undefined && world.operator.transfer(coordinator.device) ? over : undefined;
    },
  },
  {
    name: "hand-over-split-off",
    hides: "cut",
    what: "as the coordinator hands over, it and one broker fall off the site: it goes on for its election timeout beside the new one",
    weight: 2,
    lasts: [2_000, 20_000],
    begin: (world, { target }) => {
      const coordinator = world.coordinator();
      if (coordinator === undefined || world.brokers.length < 2) return undefined;
      let end: (() => void) | undefined;
      let isOver = false;
      const { name } = coordinator;
      const isAsking = sends("transfer-request");
      const forget = world.steps.once(
        (step) => step.life.machine === name && isAsking(step),
        () =>
          world.after(requestArrivesWithin, "split off", () => {
            if (!isOver) end = splitOff(world, coordinator, target);
          }),
      );
      if (!world.operator.transfer(coordinator.device)) {
        forget();
        return undefined;
      }
      return () => {
        isOver = true;
        forget();
        end?.();
      };
    },
  },
];
