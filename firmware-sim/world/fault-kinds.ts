// Every kind of fault that the world knows.

import { assert } from "../../src/base/errors.ts";
import type { FaultKind } from "./fault.ts";
import { brokerFaults } from "./faults/brokers.ts";
import { cardFaults } from "./faults/cards.ts";
import { clockFaults } from "./faults/clocks.ts";
import { deviceFaults } from "./faults/devices.ts";
import { diskFaults } from "./faults/disks.ts";
import { handOverFaults } from "./faults/hand-over.ts";
import { momentFaults } from "./faults/moments.ts";
import { networkFaults } from "./faults/network.ts";
import { populationFaults } from "./faults/population.ts";
import { uplinkFaults } from "./faults/uplink.ts";

export const faultKinds: readonly FaultKind[] = [
  ...deviceFaults,
  ...networkFaults,
  ...handOverFaults,
  ...momentFaults,
  ...populationFaults,
  ...brokerFaults,
  ...diskFaults,
  ...cardFaults,
  ...clockFaults,
  ...uplinkFaults,
];

const byName = new Map(faultKinds.map((kind) => [kind.name, kind]));

export function faultKind(name: string): FaultKind {
  const kind = byName.get(name);
  assert(kind !== undefined, `the world knows the fault ${name}`);
  return kind;
}
