// What a fault is: a named thing that goes wrong at a time, for a while, at some strength, somewhere.
//
// A plan is a list of such data, drawn from the seed before anything runs: so a fault can be left out without shifting the
// others, which is what the shrinker does.

import type { World } from "./world.ts";

export interface PlannedFault {
  readonly kind: string;
  /** Of true time, in ms, after the safety phase began. */
  readonly at: number;
  /** How long it lasts, in ms, where it is a state and no event. */
  readonly lasts: number;
  /** Which of several it meets: a number that the kind takes modulo what there is. */
  readonly target: number;
  /** 0 to 1. */
  readonly strength: number;
}

export interface FaultKind {
  /** As in plans and tables. */
  readonly name: string;
  /** What happens, for a person who reads a plan. */
  readonly what: string;
  /**
   * What keeps the word of a device from others while it is on: a network that is cut, or silence of another cause (no power, a
   * suspended process, a broker). Absent: nothing, or not all of it: in bad weather one of several answers arrives.
   */
  readonly hides?: "cut" | "silence";
  /** How often it is drawn, relative to the others. */
  readonly weight: number;
  /** Shortest and longest, in ms. */
  readonly lasts: readonly [number, number];
  /**
   * Lets it happen. Undefined: it could not, as things stand (its target is down, or it would break what the design assumes);
   * else what ends it, which is called once.
   */
  begin(world: World, fault: PlannedFault): (() => void) | undefined;
}

export const over = (): void => undefined;
