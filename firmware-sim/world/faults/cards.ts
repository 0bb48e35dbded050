// Cards that lose, or change, what they held. Which may is decided by `World.mayLoseCard`: the design survives a minority.

import { deviceId } from "../../../src/base/ids.ts";
import type { Random } from "../../../src/base/ports/random.ts";
import type { CardBackup, SimulatedDisk } from "../../disk/simulated-disk.ts";
import type { FaultKind, PlannedFault } from "../fault.ts";
import type { Machine } from "../machine.ts";
import type { World } from "../world.ts";
import { machineAt } from "./devices.ts";
import { takePower } from "./power.ts";

/** In the names of backups. */
export const backupMark = "backup";

/** Switched off, and on again when the fault ends; `change` happens in between. */
function whileOff(world: World, fault: PlannedFault, change: (machine: Machine) => boolean): (() => void) | undefined {
  const machine = machineAt(world, fault);
  if (machine?.isUp !== true || !world.mayLoseCard(machine)) return undefined;
  const back = takePower(machine);
  if (change(machine)) return back;
  back();
  return undefined;
}

/** `rot` answers what it harmed; undefined: there was nothing that could rot. */
function rotWhileOff(
  world: World,
  fault: PlannedFault,
  what: "agreement" | "readings",
  rot: (disk: SimulatedDisk, random: Random) => unknown,
): (() => void) | undefined {
  return whileOff(world, fault, (machine) => {
    const harmed = rot(machine.card.disk, world.random.fork(`rot ${fault.at}`));
    if (harmed === undefined) return false;
    world.note(`${machine.name}: ${JSON.stringify(harmed)}`);
    world.loseMember(machine, what);
    return true;
  });
}

export const cardFaults: readonly FaultKind[] = [
  {
    name: "card-wiped",
    what: "a device comes back with an empty card under its name",
    weight: 1,
    lasts: [1_000, 20_000],
    begin: (world, fault) =>
      whileOff(world, fault, (machine) => {
        world.loseMember(machine, "everything");
        machine.insert(world.newCard());
        return true;
      }),
  },
  {
    name: "card-moved",
    what: "a device's card is copied to a new one, which takes its place; the old one is thrown away",
    weight: 1,
    lasts: [1_000, 20_000],
    begin: (world, fault) =>
      whileOff(world, fault, (machine) => {
        const copy = world.copyOf(machine.card);
        world.loseMember(machine, "everything");
        machine.insert(copy);
        return true;
      }),
  },
  {
    name: "card-rots",
    what: "while a device is off, a record of its Raft log or its state rots on the card",
    weight: 1,
    lasts: [1_000, 20_000],
    begin: (world, fault) => rotWhileOff(world, fault, "agreement", (disk, random) => disk.rotAgreement(random)),
  },
  {
    name: "readings-rot",
    what: "while a device is off, a record of its readings rots on the card: it gives up the log, and begins anew",
    weight: 1,
    lasts: [1_000, 20_000],
    begin: (world, fault) => rotWhileOff(world, fault, "readings", (disk, random) => disk.rotReadings(random)),
  },
  {
    name: "card-written-back",
    what: "a device's card is copied while it is off, and later what was on it is written back onto it",
    weight: 1,
    lasts: [30_000, 120_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine?.isUp !== true) return undefined;
      // Made with the card out of the device, so that another session begins: a backup of the session that runs could not be told
      // from the card itself (PROTOCOLS, "Limits, said plainly").
      machine.cutPower();
      const { name } = machine.card;
      const backup: CardBackup = machine.card.disk.backup();
      const { session } = machine.card.disk;
      const copy = `${name}-${backupMark}-${fault.at}`;
      world.checkpost.tell("cardCopied", name, copy);
      machine.powerOn();
      return () => {
        if (machine.card.name !== name || !machine.isUp || !world.mayLoseCard(machine)) return;
        if (machine.card.disk.session === session || !knowsSessionAfter(world, machine, session ?? 0)) return;
        machine.cutPower();
        world.loseMember(machine, "everything");
        world.checkpost.tell("cardCopied", copy, name);
        machine.card.disk = machine.card.disk.restored(backup);
        machine.powerOn();
      };
    },
  },
];

/** A device that was cut off since its backup was made is not told from the backup by anybody (PROTOCOLS, "Limits, said plainly"). */
function knowsSessionAfter(world: World, machine: Machine, session: number): boolean {
  return [...world.checkpost.lives()].some(({ machine: other, replica }) => {
    const known = replica.state.member(deviceId(machine.name))?.session ?? 0;
    return other !== machine.name && known > session;
  });
}
