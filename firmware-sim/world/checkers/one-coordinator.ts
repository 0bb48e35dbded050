// A leader that was cut off from its majority stops acting (P1; DESIGN §4 "Check-quorum by send time", §9; RAFT-CASES 20, 21, 36,
// 37, 44).
//
// Once a later term has committed, no majority answers what the old leader says; what was answered before keeps it in office for
// one shortest election timeout of its own clock at most. Then it says no append, answers no read and gives its uplink nothing. And
// what reached the cloud's broker from an old coordinator never comes after what its successor published (the fence).

import { booksOf, keeping, type LifeBook, supersededAt } from "../books/agreement-books.ts";
import { type CheckerOf, Violation } from "../checker.ts";

const name = "one-coordinator";

/** A device's clock may run this much slower than true time. */
const driftMax = 0.01;

export const oneCoordinator: CheckerOf = (world) => {
  const books = booksOf(world);
  /** The highest term of whoever published on the uplink, by generation. */
  const published = new Map<number, { readonly term: number; readonly machine: string }>();

  const acts = ({ life, initial }: LifeBook, term: number, what: string): void => {
    const since = supersededAt(books.generation(life), term);
    if (since === undefined) return;
    const allowed = initial.timing.electionTimeoutMin * (1 + driftMax);
    const passed = world.now - since;
    if (passed <= allowed) return;
    throw new Violation(
      name,
      `${life.self}, leader of term ${term}, ${what} ${passed} ms after a later term has committed; ${initial.timing.electionTimeoutMin} ms are allowed`,
    );
  };

  return {
    name,
    ...keeping(books),
    stepped(life, event, effects) {
      const book = books.stepped(life, event, effects);
      if (book.status.role !== "leader") return;
      for (const effect of effects) if (effect.kind === "read-ready") acts(book, book.status.term, "answers a read");
    },
    said(from, machine, message) {
      const book = books.onMachine(machine);
      if (book?.life.self !== from) return;
      if (message.kind === "append") acts(book, message.term, "says an append");
      if (message.kind === "read-answer" && message.index !== undefined) acts(book, message.term, "answers a read");
    },
    published(machine) {
      const book = books.onMachine(machine);
      if (book === undefined) return;
      if (book.led === undefined) throw new Violation(name, `${book.life.self} publishes on the uplink and never led`);
      acts(book, book.led.term, "publishes on the uplink");
    },
    uplink(_publish, machine) {
      const book = books.onMachine(machine);
      if (book?.led === undefined) return; // it has died since, and left no successor behind that it could overwrite
      const generation = book.life.generation();
      const { term } = book.led;
      const newest = published.get(generation);
      if (newest === undefined || newest.term <= term) published.set(generation, { term, machine });
      else {
        throw new Violation(
          name,
          `a publish of ${book.life.self}, coordinator in term ${term}, reaches the cloud after one of ${newest.machine} in term ${newest.term}`,
        );
      }
    },
  };
};
