// Promise P8 (DESIGN §1): nothing grows for ever. Once each second, what a replica shows of its tables, its log and its outbox is
// held against src/base/limits.ts, or the smaller bounds that a world has; and the events that are still to come against what as many agents can have on their way: an
// agent that leaks timers shows there.

import { limits } from "../../../src/base/limits.ts";
import type { StateSizes } from "../../../src/site/state.ts";
import type { SiteBounds } from "../../../src/site/tables.ts";
import { type CheckerOf, Violation } from "../checker.ts";

const name = "bounds";

/** Beyond the outbox's bound: the item that reaches it, and what is said of cards that are lost meanwhile, with its last event. */
const outboxOverBytes = limits.lossEventsBytes + 2 * 1_024;
/** A count is refused at the bound, not before it: by what one command may hold. */
const boundsOf = (own: SiteBounds): Readonly<Record<Exclude<keyof StateSizes, "windows" | "outboxItems">, number>> => ({
  members: limits.members,
  gone: limits.goneOrigins,
  sessions: limits.clientSessions,
  windowBytes: own.windowBytesMax + 16 * limits.commandBytes,
  outboxBytes: own.outboxBytes + outboxOverBytes,
  revisions: limits.configurationRevisions,
  definitionVersions: limits.definitionVersions,
});

/** Of one agent: timers, frames under way to everyone, readings, disk. Cancelled ones lie there until their time comes. */
const eventsOfLife = 4_000;
const eventsOfWorld = 20_000;

export const boundsChecker: CheckerOf = (world) => ({
  name,
  second: () => {
    let lives = 0;
    for (const { self, replica } of world.lives()) {
      lives += 1;
      const { sizes, bounds } = replica.state;
      for (const [table, bound] of Object.entries(boundsOf(bounds))) {
        const size = sizes[table as keyof ReturnType<typeof boundsOf>];
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
