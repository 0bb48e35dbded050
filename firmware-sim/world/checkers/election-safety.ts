// At most one leader in a term (P1; paper §5.2, Figure 3 "Election Safety"; RAFT-CASES 7, 23, 43).
//
// A leader is who takes the office, or who says an append in the term: a copy that never says that it leads is found as well.
// Two lives of one incarnation are two leaders: after a start the term must be won anew.

import type { Term } from "../../../src/base/units.ts";
import { booksOf, keeping } from "../books/agreement-books.ts";
import { type CheckerOf, Violation, type WatchedLife } from "../checker.ts";

const name = "election-safety";

export const electionSafety: CheckerOf = (world) => {
  const books = booksOf(world);
  /** The life that leads, by generation and term. */
  const leaders = new Map<string, WatchedLife>();

  const leads = (life: WatchedLife, term: Term, how: string): void => {
    const office = `term ${term} of generation ${life.generation()}`;
    const before = leaders.get(office);
    if (before === undefined) leaders.set(office, life);
    else if (before.number !== life.number) {
      const other = `${before.self} on ${before.machine} (life ${before.number})`;
      throw new Violation(
        name,
        `${life.self} on ${life.machine} (life ${life.number}) ${how} ${office}, and so did ${other}`,
      );
    }
  };

  return {
    name,
    ...keeping(books),
    stepped(life, event, effects) {
      books.stepped(life, event, effects);
      for (const effect of effects) {
        if (effect.kind === "role" && effect.role === "leader") leads(life, effect.term, "was elected in");
      }
    },
    said(from, machine, message) {
      const book = books.onMachine(machine);
      if (message.kind === "append" && book?.life.self === from) leads(book.life, message.term, "spoke as leader in");
    },
  };
};
