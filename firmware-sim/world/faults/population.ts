// Devices that come to the site and leave it in the midst of everything: people add them and have them removed (PROTOCOLS,
// "Joining, incarnations, bootstrap"). A newcomer is counted when the site must heal, as everybody is; who has left is not.

import { type FaultKind, over } from "../fault.ts";
import type { Machine } from "../machine.ts";
import { newcomerName, newcomersMax } from "../site-configuration.ts";
import type { World } from "../world.ts";
import { machineAt } from "./devices.ts";
import { giveBackPower } from "./power.ts";

/** So many devices stay, whoever leaves; and brokers stay with those that embed them. */
const devicesMin = 5;
const asksEvery = 7_000;
const looksEvery = 500;
/** Sooner than the site gives up on a member that it has asked for a sign of life. */
const looksOftenEvery = 200;

/** Some sign of its life reaches the coordinator, who asks for it several times. */
const isHeard = (world: World, { isUp, gate }: Machine): boolean => isUp && !gate.isPaused && world.isNothingHidden;

/** The coordinator's committed word. */
function isRemoved(world: World, machine: Machine): boolean {
  const coordinator = world.coordinator();
  const life = coordinator && world.checkpost.life(coordinator.name);
  return life !== undefined && life.replica.state.member(machine.device) === undefined;
}

/**
 * She asks whoever coordinates, again and again until the fault ends; and as what she asked may come to pass much later, she looks
 * for as long as the world lasts. `then`: once the device is no member.
 */
function removeInTheEnd(world: World, machine: Machine, then: () => void): (() => void) | undefined {
  if (world.machines.length <= devicesMin || world.plan.brokers.includes(machine.name)) return undefined;
  let isOver = false;
  const ask = (): boolean => {
    const coordinator = world.coordinator();
    return coordinator !== undefined && world.operator.remove(coordinator.device, machine.device);
  };
  const askAgain = (): void =>
    world.after(asksEvery, "remove a device", () => {
      if (isOver) return;
      ask();
      askAgain();
    });
  const look = (): void =>
    world.after(looksEvery, "is it removed?", () => {
      if (!world.machines.includes(machine)) return;
      if (!isRemoved(world, machine)) return look();
      isOver = true;
      then();
    });
  if (!ask()) return undefined;
  askAgain();
  look();
  return () => {
    isOver = true;
  };
}

export const populationFaults: readonly FaultKind[] = [
  {
    name: "device-joins",
    what: "a new device with an empty card comes to the site, and stays",
    weight: 1,
    lasts: [1_000, 2_000],
    begin: (world) => {
      for (let number = 1; number <= newcomersMax; number++) {
        const name = newcomerName(world.plan, number);
        if (world.machines.some((machine) => machine.name === name)) continue;
        world.addMachine(name).powerOn();
        return over;
      }
      return undefined;
    },
  },
  {
    name: "device-leaves",
    what: "a person has a device removed; once it is no member, it is switched off for good",
    weight: 1,
    lasts: [10_000, 60_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine?.isUp !== true) return undefined;
      return removeInTheEnd(world, machine, () => world.discard(machine));
    },
  },
  {
    name: "device-leaves-and-returns",
    what: "a person has a device removed, and starts it again with all that is on its card: it must join anew",
    weight: 1,
    lasts: [10_000, 60_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      if (machine?.isUp !== true) return undefined;
      return removeInTheEnd(world, machine, () => {
        machine.cutPower();
        giveBackPower(machine);
      });
    },
  },
  {
    name: "copy-beside",
    what: "a device's card is copied, and the copy is started in another machine beside it; later it is thrown away",
    weight: 1,
    lasts: [5_000, 60_000],
    begin: (world, fault) => {
      const machine = machineAt(world, fault);
      const isAlone = world.machines.filter(({ device }) => device === machine?.device).length === 1;
      if (machine === undefined || !isAlone || !isHeard(world, machine) || !world.mayLoseCard(machine))
        return undefined;
      const copy = world.addMachine(`${machine.name}-copy-${fault.at}`, machine.device, world.copyOf(machine.card));
      copy.powerOn();
      const end = (): void => {
        if (world.machines.includes(copy)) world.discard(copy);
      };
      // While the original is away the site takes the copy for it, as in the fault card-moved: a person sees to it in time.
      const look = (): void =>
        world.after(looksOftenEvery, "is the original heard?", () => {
          if (!world.machines.includes(copy)) return;
          if (isHeard(world, machine)) look();
          else end();
        });
      look();
      return end;
    },
  },
];
