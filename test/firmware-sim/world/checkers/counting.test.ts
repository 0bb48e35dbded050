// The checkers of counting over whole agents under random faults: they must find nothing, and see everything.

import { expect, it } from "vitest";
import { countingCheckers } from "../../../../firmware-sim/world/checkers/counting.ts";
import { milliseconds, seconds } from "../../../../src/base/units.ts";
import { defaultRaftLimits } from "../../../../src/replica/open-replica.ts";
import { brokerUrl, type VirtualDevice } from "../../../agent/virtual-agents.ts";
import { CountedAgents } from "./counted-agents.ts";

const { SEEDS = "4", SEED = "1" } = process.env;
const seeds = Array.from({ length: Number(SEEDS) }, (_, place) => Number(SEED) + place);

const smallSizes = {
  limits: { ...defaultRaftLimits, tailEntries: 20, tailBytes: 8_192, snapshotChunkBytes: 2_048 },
  checkpointBytes: 8_192,
};

async function live(agents: CountedAgents, seed: number): Promise<void> {
  if (seed % 2 === 0) agents.sizes = smallSizes;
  await agents.found(1 + (seed % 2));
  const { random, network } = agents;
  network.setFaults({
    loss: random.fraction() * 0.1,
    repetition: random.fraction() * 0.1,
    reordering: random.fraction() * 0.1,
    reorderDelay: milliseconds(50),
  });
  const isSettled = (): boolean => {
    const status = agents.leader()?.status;
    const isEveryoneUp = agents.devices.every(({ agent }) => agent !== undefined);
    // A voter whose card was lost is one until it has been replaced; only then may the next card be lost.
    const voting = agents.devices.filter(({ agent }) => agent?.status().isVoter === true).length;
    const isWhole = isEveryoneUp && status?.members.length === agents.devices.length;
    return isWhole && status.voters.length >= 3 && voting === status.voters.length;
  };
  const comeBack = async (device: VirtualDevice): Promise<void> => {
    await agents.start(device, false);
    for (let i = 0; i < 60 && !isSettled(); i++) await agents.run(seconds(1));
  };
  for (let round = 0; round < 45; round++) {
    const chance = random.fraction();
    const device = agents.at(random.below(agents.devices.length));
    if (chance < 0.2 && device.agent !== undefined) agents.crash(device);
    else if (chance < 0.3) {
      const leader = agents.leader();
      if (leader !== undefined) agents.crash(leader);
    } else if (chance < 0.55 && device.agent === undefined) await agents.start(device, false);
    else if (chance < 0.6) network.cut(device.host, brokerUrl, "both");
    else if (chance < 0.75) network.healAll();
    else if (chance < 0.8 && isSettled()) {
      agents.moveToCopy(device);
      await comeBack(device);
    } else if (chance < 0.83 && isSettled()) {
      agents.wipe(device);
      await comeBack(device);
    } else if (chance < 0.86 && isSettled()) {
      // A time-out says nothing: it may have been applied.
      await agents.configure(1 + random.below(3)).catch(() => undefined);
    }
    await agents.run(milliseconds(random.below(3000)));
  }
  network.healAll();
  network.setFaults({ loss: 0, repetition: 0, reordering: 0 });
  for (const device of agents.devices) if (device.agent === undefined) await agents.start(device, false);
  for (let i = 0; i < 90 && !isSettled(); i++) await agents.run(seconds(1));
  agents.silenceSensors();
  await agents.run(seconds(10));
  await agents.heal();
}

it.each(seeds)(
  "nothing is found where nothing is wrong (seed %i)",
  async (seed) => {
    const agents = new CountedAgents(seed, 3 + (seed % 3), countingCheckers);
    await live(agents, seed);
    for (const what of ["applied", "synced", "recovered", "uplink", "second"]) {
      expect(agents.told.get(what), what).toBeGreaterThan(5);
    }
  },
  120_000,
);
