// When nothing fails any more, every device that runs is a member and follows the log, and no change of voters is left half done
// (P1, P2; PROTOCOLS, "Joining"; DESIGN §4 "Voters by policy").
//
// Other checkers compare those who are at the head of the log: who lags for ever, or was never let in, would be compared with nobody.

import type { MemberKey } from "../../../src/base/ids.ts";
import { memberOf } from "../../../src/base/ids.ts";
import { booksOf } from "../books/site-books.ts";
import { type CheckedWorld, type CheckerOf, Violation } from "../checker.ts";

const name = "everybody-follows";

export const everybodyFollows: CheckerOf = (world) => {
  /** What was committed when it was first asked: the log goes on, and nobody is ever quite at its end. */
  let head: number | undefined;

  const waitsFor = (): string | undefined => {
    const { newest } = booksOf(world);
    if (newest === undefined) return "nothing was ever committed";
    head ??= newest.head;
    for (const { self, replica } of world.lives()) {
      if (!isMember(world, self)) return `${self} runs, and is no member`;
      if (replica.appliedIndex < head) return `${self} is at entry ${replica.appliedIndex}, and ${head} was committed`;
      const { role, voters } = replica.status();
      if (role === "leader" && voters.incoming !== undefined) return `${self} leads in a joint configuration`;
    }
    return undefined;
  };

  return {
    name,
    waitsFor,
    healed() {
      const why = waitsFor();
      if (why !== undefined) throw new Violation(name, why);
    },
  };
};

function isMember(world: CheckedWorld, self: MemberKey): boolean {
  const { device, incarnation } = memberOf(self);
  return booksOf(world).newest?.members.get(device) === incarnation;
}
