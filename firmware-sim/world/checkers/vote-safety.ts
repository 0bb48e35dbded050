// An incarnation votes once in a term, over all its lives; and no promise leaves a device before its card keeps it (paper §5.2;
// DESIGN §4 "Promises wait for the disk"; RAFT-CASES 9, 10, 11, 23, 27, 43).
//
// Promises are looked at where they leave, on the link: a vote, the request that quotes the own log, an acknowledgement. What
// backs them is what the card has synced by then, whatever the device thinks.

import type { MemberKey } from "../../../src/base/ids.ts";
import type { HardState, RaftMessage } from "../../../src/raft/types.ts";
import { booksOf, keeping, type LifeBook } from "../books/agreement-books.ts";
import type { CardBook } from "../books/card-book.ts";
import { type CheckerOf, Violation } from "../checker.ts";

const name = "vote-safety";

/** What is said after a sync; a gap tells the leader that this member is in its term. */
const promises: ReadonlySet<RaftMessage["kind"]> = new Set(["vote-reply", "vote-request", "append-ack", "gap"]);

export const voteSafety: CheckerOf = (world) => {
  const books = booksOf(world);
  /** By card; looked at only when it changes. */
  const newest = new Map<string, HardState>();
  /** By incarnation and term. */
  const votes = new Map<string, MemberKey>();

  const vote = (voter: MemberKey, term: number, candidate: MemberKey): void => {
    const key = `${voter} in term ${term}`;
    const before = votes.get(key);
    if (before === undefined) votes.set(key, candidate);
    else if (before !== candidate) throw new Violation(name, `${key} votes for ${before} and for ${candidate}`);
  };

  const promise = (book: LifeBook, message: RaftMessage, to: MemberKey | undefined): void => {
    const { kind, term } = message;
    if (!promises.has(kind)) return;
    const { self, card: cardName } = book.life;
    const card = books.card(cardName);
    const backed = (isSo: boolean, what: string): void => {
      if (!isSo) throw new Violation(name, `${self} says ${kind} in term ${term} before its card has ${what}`);
    };
    backed(card.term >= term, "the term");
    if (kind === "vote-reply" && message.granted) backed(isVote(card, term, to), "the vote");
    if (kind === "vote-request") {
      backed(isVote(card, term, self), "the vote for itself");
      backed(card.holds(message.lastIndex, message.lastTerm), `entry ${message.lastIndex}, which it quotes`);
    }
    // An acknowledgement of a term that is over promises nothing: a later leader may have replaced what it was about.
    if (kind === "append-ack" && card.term === term) {
      const agreed = verified(book, term, message.match);
      if (agreed !== undefined) {
        backed(card.holds(message.match, agreed), `entry ${message.match} of term ${agreed}`);
      }
    }
  };

  /**
   * The term of what the leader of `term` has at `index`; if nobody knows any more, of what `book` has there. Who is in a later term
   * by now may have something else there: of a thaw's many frames each is answered when its own write is synced.
   */
  const verified = (book: LifeBook, term: number, index: number): number | undefined => {
    const { log, status } = books.leaderOf(book.life, term) ?? book;
    return status.term > term || index < log.start.index ? undefined : log.termAt(index);
  };

  return {
    name,
    ...keeping(books),
    synced(record) {
      books.synced(record);
      const { member, hardState } = books.card(record.card);
      if (member === undefined || newest.get(record.card) === hardState) return;
      newest.set(record.card, hardState);
      if (hardState.vote !== undefined) vote(member, hardState.term, hardState.vote);
    },
    said(from, machine, message, to) {
      if (message.kind === "vote-reply" && message.granted && to !== undefined) vote(from, message.term, to);
      if (message.kind === "vote-request") vote(from, message.term, from);
      const book = books.onMachine(machine);
      if (book !== undefined && book.life.self === from) promise(book, message, to);
    },
  };
};

const isVote = ({ hardState }: CardBook, term: number, candidate: MemberKey | undefined): boolean =>
  hardState.term > term || (hardState.term === term && hardState.vote === candidate);
