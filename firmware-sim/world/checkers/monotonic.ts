// What only grows, grows: term, commit and applied index within a life, term and vote of an incarnation over all its lives; and
// applied <= synced <= last for voters, commit <= last for all (DESIGN §4; paper §5.1, Figure 2; RAFT-CASES 13, 23, 28, 46).
//
// "Synced" is what the card has. A learner applies before it syncs (docs/decisions/0005); what a device knows to be committed may
// fall back at a power cut; what is synced falls only where uncommitted entries are taken back.

import type { RaftEffect, RaftStatus } from "../../../src/raft/types.ts";
import { isVoter } from "../../../src/raft/voters.ts";
import { booksOf, keeping, type LifeBook } from "../books/agreement-books.ts";
import { type CheckerOf, Violation } from "../checker.ts";

const name = "monotonic";

export const monotonic: CheckerOf = (world) => {
  const books = booksOf(world);

  const compare = (member: string, before: RaftStatus, after: RaftStatus): void => {
    for (const what of ["term", "commit", "applied", "start"] as const) {
      if (after[what] < before[what]) {
        throw new Violation(name, `at ${member} ${what} falls from ${before[what]} to ${after[what]}`);
      }
    }
    if (after.synced < before.synced && after.synced < before.commit) {
      throw new Violation(
        name,
        `at ${member} synced falls from ${before.synced} to ${after.synced}, below its commit ${before.commit}`,
      );
    }
    if (after.term === before.term && before.vote !== undefined && after.vote !== before.vote) {
      throw new Violation(name, `${member} takes back its vote for ${before.vote} in term ${after.term}`);
    }
  };

  const order = ({ life, log, status }: LifeBook): void => {
    const { commit, applied, synced, last } = status;
    const holds = (isSo: boolean, what: string): void => {
      if (!isSo)
        throw new Violation(
          name,
          `at ${life.self} ${what}: applied ${applied}, commit ${commit}, synced ${synced}, last ${last}`,
        );
    };
    holds(applied <= commit, "more is applied than committed");
    holds(commit <= last, "more is committed than there is");
    holds(synced <= last, "more is synced than there is");
    holds(last === log.last, `the log ends elsewhere than what was written (${log.last})`);
    const term = log.termAt(synced);
    holds(
      term === undefined || books.card(life.card).holds(synced, term),
      "more is taken for synced than its card has",
    );
  };

  const apply = ({ life, log, status }: LifeBook, effect: RaftEffect): void => {
    const last = effect.kind === "apply" ? effect.entries.at(-1) : undefined;
    if (last === undefined || !isVoter(status.voters, life.self)) return;
    if (last.index <= log.start.index || books.card(life.card).holds(last.index, last.term)) return;
    throw new Violation(name, `${life.self}, a voter, applies entry ${last.index} before its card has it`);
  };

  return {
    name,
    ...keeping(books),
    lifeBegan(life, initial) {
      const book = books.lifeBegan(life, initial);
      if (book.missing !== undefined) throw new Violation(name, `${life.self} finds ${book.missing}`);
      order(book);
    },
    stepped(life, event, effects) {
      const book = books.stepped(life, event, effects);
      compare(life.self, book.before, book.status);
      order(book);
      for (const effect of effects) apply(book, effect);
    },
  };
};
