// A change of the configuration is made to what its author saw, or not at all (DESIGN §8, "compare-and-set"; P2): it applies exactly
// if its base is the revision in force. Two people who start from one revision never overwrite each other unseen.
//
// To the register that clients see, a lost change is a write that came before another one: linearizability is content with that.

import { decodeProposal } from "../../../src/site/command-codec.ts";
import type { Lineage } from "../books/committed-entries.ts";
import { RollbackMap } from "../books/rollback-map.ts";
import { booksOf } from "../books/site-books.ts";
import { type CheckerOf, Violation } from "../checker.ts";

const name = "no-lost-change";

export const noLostChange: CheckerOf = (world) => {
  const books = booksOf(world);
  /** The index of the newest change that applied. */
  const revisions = new WeakMap<Lineage, RollbackMap<"revision", number>>();

  const revisionsOf = (lineage: Lineage): RollbackMap<"revision", number> => {
    let found = revisions.get(lineage);
    if (found === undefined) {
      const { parent } = lineage;
      found = parent === undefined ? new RollbackMap() : revisionsOf(parent.lineage).before(parent.before);
      revisions.set(lineage, found);
    }
    return found;
  };

  return {
    name,
    applied({ self }, entry, applied) {
      const { applying } = books;
      if (applying?.isFirst !== true || applying.known.kind !== "configure" || entry.kind !== "command") return;
      const command = decodeProposal(entry.command)?.command;
      if (command?.kind !== "configure") return;
      const { lineage, known } = applying;
      const inForce = revisionsOf(lineage);
      const revision = inForce.get("revision") ?? 0;
      const outcome = applied?.outcome;
      if (known.isDone && command.base !== revision) {
        throw new Violation(name, `entry ${known.index} changes revision ${command.base}, and ${revision} is in force`);
      }
      if (outcome?.kind === "refused" && outcome.reason === "stale-revision" && command.base === revision) {
        throw new Violation(
          name,
          `${self} refuses entry ${known.index}, made to revision ${revision}, which is in force`,
        );
      }
      if (known.isDone) inForce.set(known.index, "revision", known.index);
    },
  };
};
