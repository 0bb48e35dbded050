// Many small sites in virtual time, each from one seed, with every fault. To replay a failure: SKEIN_RAFT_SEED=<seed>.

import { expect, it } from "vitest";
import { planOf } from "./harness/plans.ts";
import { World } from "./harness/world.ts";

const { SKEIN_RAFT_SEED: chosen } = process.env;
const seeds = chosen === undefined ? Array.from({ length: 500 }, (_, i) => i + 1) : [Number(chosen)];

it(`keeps its promises and heals (${seeds.length} seeds, 1–7 members, loss, repetition, crashes, cuts)`, () => {
  let committed = 0;
  let handedOver = 0;
  for (const seed of seeds) {
    const world = new World(seed, planOf(seed), chosen !== undefined);
    try {
      const report = world.run();
      committed += report.committed;
      handedOver += report.handedOver;
    } catch (cause) {
      if (chosen !== undefined) process.stderr.write(`${world.trace.join("\n")}\n`);
      throw new Error(
        `seed ${seed}; to replay with a trace: SKEIN_RAFT_SEED=${seed} npx vitest run test/raft/simulation`,
        {
          cause,
        },
      );
    }
  }
  expect(committed).toBeGreaterThan(10 * seeds.length);
  expect(handedOver).toBeGreaterThan(seeds.length);
}, 120_000);
