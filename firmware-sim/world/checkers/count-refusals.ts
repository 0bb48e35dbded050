// A coordinator's own count entries are refused only for what other entries did between its proposal and its apply: the definitions
// changed, an origin was removed, or the windows took all the room there is (PROTOCOLS, "Counting each reading once", at the
// coordinator).
//
// In one term all of them come from one gatherer, which begins when it has applied everything of the terms before, forgets what is in
// flight only with the entries that carried it refused, and has no second beginning: authority that ended in a term never comes
// back in it. So an entry of an honest coordinator begins where its origin stands. `not-at-from` guards the sums against another one;
// seen in a world it says that somebody proposes in vain, and that devices wait for it.

import { decodeProposal } from "../../../src/site/command-codec.ts";
import type { CountCommand } from "../../../src/site/counting.ts";
import type { RefusalReason } from "../../../src/site/types.ts";
import { booksOf } from "../books/site-books.ts";
import { type CheckerOf, Violation } from "../checker.ts";

const name = "count-refusals";

/** Where an entry that came between is reason enough. */
const expected: ReadonlySet<RefusalReason> = new Set(["stale-revision", "windows-full"]);
const ofRemoved: ReadonlySet<RefusalReason> = new Set(["gone-origin", "unknown-member"]);

export const countRefusals: CheckerOf = (world) => ({
  name,
  applied({ self }, entry, applied) {
    const { applying } = booksOf(world);
    if (applying?.isFirst !== true || applying.known.kind !== "count" || entry.kind !== "command") return;
    const outcome = applied?.outcome;
    const command = decodeProposal(entry.command)?.command;
    if (outcome?.kind !== "refused" || command?.kind !== "count" || expected.has(outcome.reason)) return;
    const { gone } = applying.lineage;
    const hasRemoved = ({ moves }: CountCommand): boolean => moves.some(({ origin }) => gone.get(origin) !== undefined);
    if (ofRemoved.has(outcome.reason) && hasRemoved(command)) return;
    throw new Violation(
      name,
      `${self} refuses the count of entry ${entry.index}, term ${entry.term}, as ${outcome.reason}: ${outcome.detail}`,
    );
  },
});
