// Two logs that have an entry of one index and term are the same up to there (paper §5.3, Figure 3 "Log Matching"; RAFT-CASES 10,
// 17, 29, 42).
//
// By induction: wherever an entry stands, it says the same and follows an entry of the same term. So each entry is compared once,
// when it is written or read, with what stood at its index and term before.

import type { Entry, LogStart } from "../../../src/raft/types.ts";
import { booksOf, keeping } from "../books/agreement-books.ts";
import { contentOf } from "../books/entry-content.ts";
import { type CheckerOf, Violation, type WatchedLife } from "../checker.ts";

const name = "log-matching";

interface Known {
  readonly term: number;
  /** Undefined: only that some log begins after it is known. */
  content: number | undefined;
  previousTerm: number | undefined;
}

export const logMatching: CheckerOf = (world) => {
  const books = booksOf(world);
  /** By generation, then by index: at one index few terms were ever tried. */
  const generations = new Map<number, Map<number, Known[]>>();

  const knownAt = (life: WatchedLife, index: number, term: number): Known => {
    let entries = generations.get(life.generation());
    if (entries === undefined) {
      entries = new Map();
      generations.set(life.generation(), entries);
    }
    const tried = entries.get(index) ?? [];
    if (tried.length === 0) entries.set(index, tried);
    let found = tried.find((one) => one.term === term);
    if (found === undefined) {
      found = { term, content: undefined, previousTerm: undefined };
      tried.push(found);
    }
    return found;
  };

  const compare = (life: WatchedLife, entry: Entry, previousTerm: number | undefined): void => {
    const known = knownAt(life, entry.index, entry.term);
    const content = contentOf(entry);
    known.content ??= content;
    known.previousTerm ??= previousTerm;
    const where = `entry ${entry.index} of term ${entry.term} at ${life.self}`;
    if (known.content !== content) throw new Violation(name, `${where} says something else than elsewhere`);
    if (previousTerm !== undefined && known.previousTerm !== previousTerm) {
      throw new Violation(name, `${where} follows term ${previousTerm}, elsewhere term ${known.previousTerm}`);
    }
  };

  /** Consecutive entries, which follow one of `previousTerm`. */
  const compareAll = (life: WatchedLife, entries: readonly Entry[], previousTerm: number | undefined): void => {
    let previous = previousTerm;
    let index = entries[0]?.index ?? 0;
    for (const entry of entries) {
      if (entry.index !== index)
        throw new Violation(name, `${life.self} has entry ${entry.index} in the place of ${index}`);
      index += 1;
      if (entry.term < (previous ?? 0)) {
        throw new Violation(
          name,
          `at ${life.self} entry ${entry.index} of term ${entry.term} follows term ${previous}`,
        );
      }
      compare(life, entry, previous);
      previous = entry.term;
    }
  };

  const startTerm = ({ index, term }: LogStart): number | undefined => (index === 0 ? 0 : term);

  return {
    name,
    ...keeping(books),
    lifeBegan(life, initial) {
      books.lifeBegan(life, initial);
      compareAll(life, initial.entries, startTerm(initial.start));
    },
    stepped(life, event, effects) {
      const { log } = books.stepped(life, event, effects);
      for (const effect of effects) {
        if (effect.kind !== "persist") continue;
        // Of the mirror, which has them by now: this step may have written several times, and compacted what it wrote.
        const first = effect.entries[0];
        if (first !== undefined) compareAll(life, effect.entries, log.termAt(first.index - 1));
      }
    },
  };
};
