// Who decides changes one step at a time (paper §6; thesis §4.1; DESIGN §4 "Voters by policy"; RAFT-CASES 1-8, 15).
//
// A leader appends a configuration only once an entry of its own term is committed and the one before it is; any quorum of the one
// has a member in common with any of the other; outside a joint one the voters are an odd number; who was removed from the site
// never votes again; and everybody goes by the newest configuration in its own log, a snapshot by the one that was committed.

import type { Entry, LogStart, Voters } from "../../../src/raft/types.ts";
import { isVoter } from "../../../src/raft/voters.ts";
import { booksOf, keeping, type LifeBook } from "../books/agreement-books.ts";
import type { PlacedVoters } from "../books/log-mirror.ts";
import { doQuorumsIntersect } from "../books/quorums.ts";
import { type CheckerOf, Violation, type WatchedLife } from "../checker.ts";

const name = "configuration-safety";

export const configurationSafety: CheckerOf = (world) => {
  const books = booksOf(world);
  /** By generation; applied by somebody; ascending. */
  const committed = new Map<number, PlacedVoters[]>();

  const committedIn = (life: WatchedLife): PlacedVoters[] => {
    const found = committed.get(life.generation()) ?? [];
    if (found.length === 0) committed.set(life.generation(), found);
    return found;
  };

  /** A leader appended `entry`. */
  const change = ({ life, led, status, votersBefore }: LifeBook, entry: Extract<Entry, { kind: "voters" }>): void => {
    const fail = (why: string): never => {
      throw new Violation(
        name,
        `${life.self} appends the configuration ${entry.index} (${asText(entry.voters)}) ${why}`,
      );
    };
    if (led === undefined || status.commit < led.first) fail("before an entry of its own term is committed");
    if (votersBefore.index > status.commit) fail(`while the one before it, ${votersBefore.index}, is not committed`);
    if (!doQuorumsIntersect(votersBefore.voters, entry.voters)) {
      fail(`after ${asText(votersBefore.voters)}: a majority of each can decide without the other`);
    }
    const final = entry.voters.incoming ?? entry.voters.current;
    if (final.length % 2 === 0) fail(`of ${final.length} voters, an even number`);
  };

  const begin = (life: WatchedLife, start: LogStart): void => {
    const agreed = committedIn(life).findLast(({ index }) => index <= start.index)?.voters;
    if (start.index === 0 || agreed === undefined || asText(agreed) === asText(start.voters)) return;
    throw new Violation(
      name,
      `the log of ${life.self} begins after ${start.index} with ${asText(start.voters)}, where ${asText(agreed)} was committed`,
    );
  };

  const look = ({ life, log, status }: LifeBook): void => {
    const { voters, index } = log.voters;
    if (status.voters !== voters && asText(status.voters) !== asText(voters)) {
      throw new Violation(name, `${life.self} goes by ${asText(status.voters)}, and its log says ${asText(voters)}`);
    }
    if (status.role === "leader" && index <= status.commit && !isVoter(status.voters, life.self)) {
      throw new Violation(name, `${life.self} leads on, and ${asText(status.voters)} is committed`);
    }
  };

  return {
    name,
    ...keeping(books),
    lifeBegan(life, initial) {
      look(books.lifeBegan(life, initial));
      begin(life, initial.start);
    },
    stepped(life, event, effects) {
      const book = books.stepped(life, event, effects);
      for (const effect of effects) {
        if (effect.kind === "role" && effect.role === "leader" && life.replica.state.isGone(life.self)) {
          throw new Violation(name, `${life.self} was removed from the site and is elected in term ${effect.term}`);
        }
        if (effect.kind === "compacted") begin(life, effect.start);
        if (effect.kind !== "persist") continue;
        if (effect.start !== undefined) begin(life, effect.start);
        for (const entry of effect.entries) {
          if (entry.kind === "voters" && entry.term === book.led?.term) change(book, entry);
        }
      }
      look(book);
    },
    applied(life, entry) {
      if (entry.kind !== "voters") return;
      const known = committedIn(life);
      if ((known.at(-1)?.index ?? 0) < entry.index) known.push({ index: entry.index, voters: entry.voters });
      const gone = (entry.voters.incoming ?? entry.voters.current).find((member) => life.replica.state.isGone(member));
      if (gone !== undefined) {
        throw new Violation(
          name,
          `with entry ${entry.index} ${gone} becomes a voter, and was removed from the site before`,
        );
      }
    },
  };
};

const asText = ({ current, incoming }: Voters): string =>
  incoming === undefined ? `[${current.join(" ")}]` : `[${current.join(" ")}] and [${incoming.join(" ")}]`;
