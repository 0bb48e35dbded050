// The harness is worth as much as what it catches: members broken in one way each, and each is found within some seeds.

import { describe, expect, it } from "vitest";
import { planOf } from "./harness/plans.ts";
import { sabotages, whereItShows } from "./harness/sabotages.ts";
import { Violation } from "./harness/violation.ts";
import { World } from "./harness/world.ts";

const seedsMax = 200;

describe("a member that", () => {
  it.each(Object.entries(sabotages))(
    "%s is caught",
    (name, sabotage) => {
      let caught: unknown;
      for (let seed = 1; seed <= seedsMax && caught === undefined; seed++) {
        const plan = { ...planOf(seed), ...whereItShows[name], sabotage };
        try {
          new World(seed, plan).run();
        } catch (cause) {
          caught = cause;
        }
      }
      expect(caught).toBeInstanceOf(Violation);
    },
    60_000,
  );
});
