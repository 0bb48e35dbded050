// Does this append fit this log? The consistency check of the paper (§5.3), and nothing beside it.
//
// Entries are forgotten only where a term really conflicts (RAFT-CASES 29), and never what is committed or what this very
// leader was already matched on: who contradicts that is not followed.

import { type LogIndex, logIndex, offset, type Term } from "../base/units.ts";
import { type AppendMessage, type Core, isBelievable } from "./core.ts";
import type { Entry } from "./types.ts";

export type Match =
  /** The logs agree up to `upTo`. */
  | { readonly kind: "matched"; readonly upTo: LogIndex }
  /** All of it lies before this log's start: nothing can be compared. */
  | { readonly kind: "compacted" }
  /** It begins after this log's end. */
  | { readonly kind: "ahead" }
  /** This log has another entry where it begins. */
  | { readonly kind: "conflict" }
  | { readonly kind: "diverged"; readonly at: LogIndex; readonly detail: string };

/** Numbered and dated as a leader's log is. Anything else is nobody's append. */
export function isWellFormed(message: AppendMessage): boolean {
  const { entries, previousIndex } = message;
  let term = message.previousTerm;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i];
    if (entry === undefined || entry.index !== previousIndex + 1 + i || entry.term < term) return false;
    term = entry.term;
  }
  return term <= message.term && isBelievable(previousIndex + entries.length);
}

/** Takes over what is missing, and forgets what conflicts with it. */
export function matchAppend(core: Core, message: AppendMessage): Match {
  const { log } = core;
  let { previousIndex, previousTerm, entries } = message;
  if (previousIndex < log.start.index) {
    const compacted = log.start.index - previousIndex;
    const last = entries[compacted - 1];
    if (last === undefined) return { kind: "compacted" };
    previousIndex = last.index;
    previousTerm = last.term;
    entries = entries.slice(compacted);
  }
  if (previousIndex > log.lastIndex) return { kind: "ahead" };
  if (log.termAt(previousIndex) !== previousTerm) {
    return previousIndex <= core.commit ? divergence(core, previousIndex, previousTerm) : { kind: "conflict" };
  }
  return takeOver(core, previousIndex, entries);
}

function takeOver(core: Core, previousIndex: LogIndex, entries: readonly Entry[]): Match {
  const { log, following } = core;
  const upTo = offset(previousIndex, entries.length);
  const known = entries.findIndex((entry) => log.termAt(entry.index) !== entry.term);
  const first = entries[known];
  if (first === undefined) return { kind: "matched", upTo };
  if (first.index <= log.lastIndex) {
    const fixed = Math.max(core.commit, following.verified);
    if (first.index <= fixed) return divergence(core, logIndex(first.index), first.term);
    core.truncateAfter(offset(first.index, -1));
  }
  core.append(known === 0 ? entries : entries.slice(known));
  return { kind: "matched", upTo };
}

function divergence(core: Core, at: LogIndex, term: Term): Match {
  const detail = `entry ${at} is of term ${core.log.termAt(at)} here and of term ${term} there`;
  return { kind: "diverged", at, detail };
}
