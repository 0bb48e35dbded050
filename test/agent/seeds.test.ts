// Whole agents under random faults: see random-life.ts.

import { expect, it } from "vitest";
import { RandomLife } from "./random-life.ts";

const { SEEDS = "24", SEED = "1" } = process.env;
const seeds = Number(SEEDS);
const first = Number(SEED);

it(`every stored reading counts once (${seeds} seeds from ${first})`, async () => {
  let sensed = 0;
  let crashes = 0;
  let said = 0;
  let synced = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    const life = new RandomLife(seed);
    try {
      await life.run();
    } catch (cause) {
      throw new Error(`seed ${seed}: ${String(cause)}`, { cause });
    }
    sensed += life.agents.totalSensed();
    crashes += life.crashes;
    said += life.agents.told.get("said") ?? 0;
    synced += life.agents.told.get("synced") ?? 0;
  }
  expect(sensed).toBeGreaterThan(seeds * 200);
  expect(Math.min(said, synced)).toBeGreaterThan(seeds * 200); // or the checkers saw nothing
  expect(crashes).toBeGreaterThan(seeds * 3);
}, 600_000);
