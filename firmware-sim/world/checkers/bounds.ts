// Promise P8 (DESIGN §1): nothing grows for ever. Once each second, what a replica shows of its tables, its log and its outbox is
// held against src/base/limits.ts; and the events that are still to come against what as many agents can have on their way: an
// agent that leaks timers shows there.

import { limits } from "../../../src/base/limits.ts";
import type { StateSizes } from "../../../src/site/state.ts";
import { type CheckerOf, Violation } from "../checker.ts";

const name = "bounds";

/** One close may go over it by what it publishes: bytes of an item, rounded up. */
const itemBytes = 1_024;
/** A count is refused at the bound, not before it: by what one command may hold. */
const bounds: Readonly<Record<Exclude<keyof StateSizes, "windows" | "outboxItems">, number>> = {
  members: limits.members,
  gone: limits.goneOrigins,
  sessions: limits.clientSessions,
  windowBytes: limits.windowBytesMax + 16 * limits.commandBytes,
  outboxBytes: limits.outboxBytes + limits.closeItems * itemBytes,
  revisions: limits.configurationRevisions,
  definitionVersions: limits.definitionVersions,
};

/** Of one agent: timers, frames under way to everyone, readings, disk. Cancelled ones lie there until their time comes. */
const eventsOfLife = 4_000;
const eventsOfWorld = 20_000;

export const boundsChecker: CheckerOf = (world) => ({
  name,
  second: () => {
    let lives = 0;
    for (const { self, replica } of world.lives()) {
      lives += 1;
      const { sizes } = replica.state;
      for (const [table, bound] of Object.entries(bounds)) {
        const size = sizes[table as keyof typeof bounds];
        if (size > bound) throw new Violation(name, `${self} has ${size} ${table}; at most ${bound} are allowed`);
      }
      const { bytes } = replica.usage();
      if (bytes > limits.raftLogBytes) {
        throw new Violation(name, `${self} has ${bytes} bytes of Raft log; at most ${limits.raftLogBytes} are allowed`);
      }
    }
    const pending = world.pendingEvents();
    const pendingMax = eventsOfWorld + lives * eventsOfLife;
    if (pending > pendingMax)
      throw new Violation(name, `${pending} events are to come for ${lives} agents; ${pendingMax} at most`);
  },
});
