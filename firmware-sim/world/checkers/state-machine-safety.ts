// No two replicas apply different entries at one index (paper §5.4.3, Figure 3 "State Machine Safety"), and the same entries have
// the same effect (DESIGN §11, "Replicas compare digests"; RAFT-CASES 17, 46, 47, 48).
//
// The digest of the whole state is the sum of its cells' (site/cells.ts): what it costs is what changed since the one before. A
// difference does not go away by itself, so it is found at the next index that is compared, and at the end of the world.

import { booksOf, keeping, type LifeBook } from "../books/agreement-books.ts";
import { contentOf } from "../books/entry-content.ts";
import type { KnownEntry } from "../books/log-mirror.ts";
import { type CheckerOf, Violation, type WatchedLife } from "../checker.ts";

const name = "state-machine-safety";
const digestEvery = 64;

interface Digest {
  readonly digest: string;
  readonly of: string;
}

interface Agreed {
  readonly applied: Map<number, KnownEntry & { readonly by: string }>;
  readonly digests: Map<number, Digest>;
}

export const stateMachineSafety: CheckerOf = (world) => {
  const books = booksOf(world);
  const generations = new Map<number, Agreed>();
  /** The last index that each life applied. */
  const appliedBy = new Map<number, number>();

  const agreedOf = (life: WatchedLife): Agreed => {
    let found = generations.get(life.generation());
    if (found === undefined) {
      found = { applied: new Map(), digests: new Map() };
      generations.set(life.generation(), found);
    }
    return found;
  };

  /** What a life knows to be committed is what was committed, also before it applies it (RAFT-CASES 35). */
  const compareCommitted = ({ life, log, before, status }: LifeBook): void => {
    const { committed } = books.generation(life);
    for (let index = Math.max(before.commit, log.start.index) + 1; index <= status.commit; index++) {
      const [own, agreed] = [log.at(index), committed.get(index)];
      if (own === undefined || agreed === undefined) continue;
      if (own.term === agreed.term && own.content === agreed.content) continue;
      throw new Violation(
        name,
        `${life.self} takes its entry ${index} (term ${own.term}) for committed, and another one is (term ${agreed.term})`,
      );
    }
  };

  const compareState = (life: WatchedLife, index: number): void => {
    const { digests } = agreedOf(life);
    const digest = life.replica.state.digest();
    const before = digests.get(index);
    if (before === undefined) digests.set(index, { digest, of: life.self });
    else if (before.digest !== digest) {
      throw new Violation(
        name,
        `after entry ${index} the state of ${life.self} is ${digest}, that of ${before.of} ${before.digest}`,
      );
    }
  };

  return {
    name,
    ...keeping(books),
    lifeBegan(life, initial) {
      books.lifeBegan(life, initial);
      const index = initial.checkpoint?.index ?? 0;
      appliedBy.set(life.number, index);
      if (index > 0) compareState(life, index);
    },
    lifeEnded(life) {
      books.lifeEnded(life);
      appliedBy.delete(life.number);
    },
    stepped(life, event, effects) {
      compareCommitted(books.stepped(life, event, effects));
    },
    applied(life, entry) {
      const { index, term } = entry;
      const previous = appliedBy.get(life.number) ?? 0;
      if (index !== previous + 1) throw new Violation(name, `${life.self} applies entry ${index} after ${previous}`);
      appliedBy.set(life.number, index);
      const { applied } = agreedOf(life);
      const content = contentOf(entry);
      const before = applied.get(index);
      if (before === undefined) applied.set(index, { term, content, by: life.self });
      else if (before.term !== term || before.content !== content) {
        throw new Violation(
          name,
          `at ${index} ${life.self} applies another entry (term ${term}) than ${before.by} (term ${before.term})`,
        );
      }
      const agreed = books.generation(life).committed.get(index);
      if (index > books.generation(life).last)
        throw new Violation(name, `${life.self} applies entry ${index}, which nobody has committed`);
      if (agreed !== undefined && (agreed.term !== term || agreed.content !== content)) {
        throw new Violation(
          name,
          `${life.self} applies another entry ${index} (term ${term}) than was committed (term ${agreed.term})`,
        );
      }
      if (index % digestEvery === 0 || life.replica.state.checkpoint?.index === index) compareState(life, index);
    },
    replaced(life) {
      appliedBy.set(life.number, life.replica.appliedIndex);
      compareState(life, life.replica.appliedIndex);
    },
    healed() {
      for (const life of world.lives()) compareState(life, life.replica.appliedIndex);
    },
  };
};
