// What an entry says, apart from where it stands, as one number: so that checkers keep eight bytes of an entry instead of it.

import { crc32 } from "../../../src/base/hash.ts";
import type { Entry } from "../../../src/raft/types.ts";

/** A replica persists and applies the same object: its bytes are read once. */
const known = new WeakMap<Entry, number>();

export function contentOf(entry: Entry): number {
  const before = known.get(entry);
  if (before !== undefined) return before;
  const voters = entry.kind === "voters" ? JSON.stringify([entry.voters.current, entry.voters.incoming]) : "";
  const head = crc32(Buffer.from(`${entry.kind} ${entry.siteTime} ${voters}`));
  const content = entry.kind === "command" ? crc32(entry.command, head) : head;
  known.set(entry, content);
  return content;
}
