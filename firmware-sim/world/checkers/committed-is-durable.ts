// What is committed is on the cards of a quorum, and stays there (P2; paper §5.3, §5.4.2; DESIGN §4 "Promises wait for the disk";
// RAFT-CASES 9, 14, 26, 27, 30, 31).
//
// The cards are asked, not the devices: an entry counts where a record that contains it is synced, or a checkpoint behind it. The
// quorum is one of the leader's configuration as it stood when it counted, inside a joint one of both halves. A card that was lost
// counts for what it held then: its device may have said so just before (seed 5176), and so many cards may be lost that one is left.

import type { Voters } from "../../../src/raft/types.ts";
import { hasMajority } from "../../../src/raft/voters.ts";
import { booksOf, keeping, type LifeBook } from "../books/agreement-books.ts";
import { type CheckerOf, Violation } from "../checker.ts";

const name = "committed-is-durable";

const asText = ({ current, incoming }: Voters): string =>
  incoming === undefined ? current.join(", ") : `${current.join(", ")} and ${incoming.join(", ")}`;

export const committedIsDurable: CheckerOf = (world) => {
  const books = booksOf(world);

  const look = ({ life, log, before, status, votersBefore: { voters }, advanced }: LifeBook): void => {
    if (advanced === undefined) return;
    const index = advanced.to;
    const term = log.termAt(index);
    if (term === undefined) throw new Violation(name, `${life.self} commits entry ${index}, which it does not have`);
    const isLeader = before.role === "leader" || status.role === "leader";
    if (!isLeader) throw new Violation(name, `${life.self} commits entry ${index} before any leader has`);
    if (hasMajority(voters, (member) => books.cardOfMember(member)?.holds(index, term) === true)) return;
    throw new Violation(
      name,
      `${life.self} commits entry ${index} of term ${term}, which no majority of ${asText(voters)} has on its cards`,
    );
  };

  return {
    name,
    ...keeping(books),
    stepped(life, event, effects) {
      look(books.stepped(life, event, effects));
    },
    synced(record) {
      const forgotten = books.synced(record);
      const member = books.card(record.card).member;
      if (forgotten === undefined || member === undefined) return;
      const committed = books.committedOf(member);
      for (const [i, term] of forgotten.terms.entries()) {
        const index = forgotten.from + 1 + i;
        if (committed?.get(index)?.term !== term) continue;
        throw new Violation(name, `the card of ${member} forgets entry ${index} of term ${term}, which is committed`);
      }
    },
  };
};
