// Power that faults take from machines, and give back: a machine is on again once none of them keeps it off.

import type { Machine } from "../machine.ts";
import { Holds } from "./holds.ts";

const off = new Holds<Machine, true>((machine, isOff) => {
  if (isOff) machine.cutPower();
  else machine.powerOn();
});

/** Until what it answers is called. */
export const takePower = (machine: Machine): (() => void) => off.begin(machine, true);

/** Unless something keeps it off. */
export function giveBackPower(machine: Machine): void {
  if (!off.isHeld(machine)) machine.powerOn();
}
