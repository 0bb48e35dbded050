// What each member has promised to this device, by run: a coordinator that was told "I have everything up to 1,000, synced"
// knows that a card which later begins with less has gone back (PROTOCOLS, "the coordinator knows a higher match than its log
// has"). Only what an earlier run said counts against a later one, or a member would contradict itself while it catches up.

import type { MemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { type LogIndex, logIndex, type Term } from "../base/units.ts";
import type { Began } from "../mqtt/site-codec.ts";
import type { RaftMessage } from "../raft/types.ts";
import type { Run } from "./own-past.ts";

interface Promised {
  /** Each of its messages that waits for its disk: this term is on it. */
  readonly term: Term;
  /** In that term, by the acknowledgements that came here; 0: none. */
  readonly match: LogIndex;
}

interface KnownRun extends Run {
  readonly promised: Promised;
}

/** Of each member; earlier ones than these have promised less. */
const runsMax = 4;

/** What this device knows as the coordinator of a term. */
export interface Leading {
  readonly term: Term;
  /** Where its authority began: everything from here on is of this term. */
  readonly from: LogIndex;
}

export class Promises {
  /** Who was heard last is last. */
  readonly #known = new Map<MemberKey, readonly KnownRun[]>();

  heard(member: MemberKey, { session, start }: Run, message: RaftMessage): void {
    const promised = promiseIn(message);
    if (promised === undefined) return;
    const runs = this.#known.get(member) ?? [];
    const before = runs.find((run) => run.start === start);
    const run = { session, start, promised: before === undefined ? promised : higher(before.promised, promised) };
    const all = [...runs.filter((other) => other !== before), run].sort((a, b) => a.session - b.session);
    this.#known.delete(member);
    this.#known.set(member, all.slice(-runsMax));
    if (this.#known.size > limits.members) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
  }

  /** Why a run that began so is not the one that promised; undefined: nothing is known against it. */
  contradiction(member: MemberKey, run: Run, began: Began, leading: Leading): string | undefined {
    for (const { session, start, promised } of this.#known.get(member) ?? []) {
      if (session > run.session || start === run.start) continue;
      const why = contradictionOf(promised, began, leading);
      if (why !== undefined) return why;
    }
    return undefined;
  }
}

function contradictionOf({ term, match }: Promised, began: Began, leading: Leading): string | undefined {
  if (began.term < term) return `it took part in term ${term}, and its card knows term ${began.term}`;
  if (term !== leading.term) return undefined;
  const isOlderEnd = match >= leading.from && began.lastTerm < term;
  if (!isOlderEnd && began.lastIndex >= match) return undefined;
  return `it acknowledged entry ${match}, and its log ends at entry ${began.lastIndex} of term ${began.lastTerm}`;
}

/** Sent only once the term is synced, and an acknowledgement once its entries are. */
function promiseIn(message: RaftMessage): Promised | undefined {
  const { kind, term } = message;
  if (kind === "append-ack") return { term, match: message.match };
  return kind === "gap" || kind === "vote-reply" ? { term, match: logIndex(0) } : undefined;
}

function higher(a: Promised, b: Promised): Promised {
  if (a.term !== b.term) return a.term > b.term ? a : b;
  return a.match >= b.match ? a : b;
}
