// A leader has every entry that was committed before its term (paper §5.4, Figure 3 "Leader Completeness"; RAFT-CASES 26, 43): as
// P2 has it, what was agreed is kept.

import { booksOf, keeping, type LifeBook } from "../books/agreement-books.ts";
import { type CheckerOf, Violation } from "../checker.ts";

const name = "leader-completeness";

export const leaderCompleteness: CheckerOf = (world) => {
  const books = booksOf(world);

  const look = ({ life, log, status }: LifeBook): void => {
    const { committed, last } = books.generation(life);
    for (let index = Math.max(1, log.start.index); index <= last; index++) {
      const agreed = committed.get(index)?.term;
      const own = log.termAt(index);
      if (agreed === undefined || own === agreed) continue;
      const has = own === undefined ? "nothing" : `an entry of term ${own}`;
      throw new Violation(
        name,
        `${life.self} leads in term ${status.term} and has ${has} at ${index}, where one of term ${agreed} is committed`,
      );
    }
  };

  return {
    name,
    ...keeping(books),
    stepped(life, event, effects) {
      const book = books.stepped(life, event, effects);
      if (effects.some((effect) => effect.kind === "role" && effect.role === "leader")) look(book);
    },
  };
};
