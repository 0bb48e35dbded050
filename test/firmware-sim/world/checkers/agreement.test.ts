// A site in which nothing goes wrong, and what usually happens besides: no checker of agreement may object.

import { describe, expect, it } from "vitest";
import { agreementCheckers } from "../../../../firmware-sim/world/checkers/agreement.ts";
import { a, b, c, d, e } from "../../../raft/kit.ts";
import { command, configuration, elect, hardState, noop, quietSite, replicate, startAt } from "./story.ts";

describe.each(agreementCheckers.map((checker) => [quietSite(checker).story.checker.name, checker] as const))(
  "%s has nothing to object to",
  (_name, checkerOf) => {
    it("a site that elects, replicates, commits and applies (3 voters)", () => {
      const { story } = quietSite(checkerOf);
      expect(() => {
        story.checker.second?.();
        story.checker.healed?.();
      }).not.toThrow();
    });

    it("a leader that dies with an entry nobody else has, and finds it replaced (3 voters)", () => {
      const { x, y, z } = quietSite(checkerOf);
      x.put({ entries: [command(4, 1, "never agreed")] });
      x.end();
      elect(y, [z], 2, noop(4, 2));
      x.begin();
      x.step({ commit: x.status.commit });
      x.put({ hardState: hardState(2), truncateAfter: startAt(3, 1, []).index, entries: [noop(4, 2)] });
      x.appliedIndex = startAt(0, 0, []).index;
      x.commit(4);
    });

    it("a joint change to three voters, two of them new", () => {
      const { story, x, y, z } = quietSite(checkerOf);
      const [v, w] = [story.device(d).begin(), story.device(e).begin()];
      for (const other of [v, w]) {
        other.put({ hardState: hardState(1), entries: [noop(1, 1), command(2, 1), command(3, 1)] });
        other.commit(3);
      }
      replicate(x, [y, z, v, w], configuration(4, 1, [a, b, c], [a, d, e]));
      replicate(x, [y, v, w], configuration(5, 1, [a, d, e]));
    });

    it("a follower whose log a snapshot replaced, after a power cut that took what was not synced", () => {
      const { x, y, z } = quietSite(checkerOf);
      z.write({ entries: [command(4, 1)] });
      z.end();
      z.begin({ entries: [noop(1, 1), command(2, 1), command(3, 1)] });
      replicate(x, [y], command(4, 1));
      z.put({ start: startAt(4, 1, [a, b, c]) }, { commit: x.status.commit, applied: x.status.commit });
    });
  },
);
