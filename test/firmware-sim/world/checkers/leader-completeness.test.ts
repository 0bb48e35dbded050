import { expect, it } from "vitest";
import { leaderCompleteness } from "../../../../firmware-sim/world/checkers/leader-completeness.ts";
import { a, b, c } from "../../../raft/kit.ts";
import { command, noop, quietSite, replicate, startAt } from "./story.ts";

it("a leader without an entry that was committed before its term", () => {
  const { x, y, z } = quietSite(leaderCompleteness);
  replicate(x, [y], command(4, 1));
  expect(() => z.lead(2)).toThrow(/leader-completeness: c@.* has nothing at 4, where one of term 1 is committed/);
});

it("a leader with another entry in the place of a committed one", () => {
  const { x, y, z } = quietSite(leaderCompleteness);
  replicate(x, [y], command(4, 1));
  z.put({ entries: [command(4, 0)] });
  expect(() => z.lead(2, noop(5, 2))).toThrow(/has an entry of term 0 at 4/);
});

it("a leader whose log begins behind the wrong entry", () => {
  const { x, y, z } = quietSite(leaderCompleteness);
  replicate(x, [y], command(4, 1));
  z.put({ start: startAt(4, 0, [a, b, c]) });
  expect(() => z.lead(2, noop(5, 2))).toThrow(/has an entry of term 0 at 4/);
});

it("what is only in a checkpoint is not missed", () => {
  const { x, y, z } = quietSite(leaderCompleteness);
  replicate(x, [y], command(4, 1));
  z.put({ start: startAt(4, 1, [a, b, c]) });
  expect(() => z.lead(2, noop(5, 2))).not.toThrow();
});
