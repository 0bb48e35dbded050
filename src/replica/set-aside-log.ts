// A Raft log that nobody goes on with, read for people: what a lost half had agreed on, or believed to.

import { isSkeinError } from "../base/errors.ts";
import type { LogFiles } from "../base/ports/log-file.ts";
import type { LogIndex } from "../base/units.ts";
import type { Entry } from "../raft/types.ts";
import { RaftLog } from "./raft-log.ts";

export interface SetAsideLog {
  readonly kind: "log";
  /** What came up to here is in the checkpoint beside it, and cannot be listed entry by entry. */
  readonly begins: LogIndex;
  /** Up to here it is known there to be agreed by the site as it was then. */
  readonly committed: LogIndex;
  readonly entries: readonly Entry[];
}

/** Damage is why many a log was set aside. Fails as `LogFiles.open` does otherwise. */
export async function readSetAsideLog(
  files: LogFiles,
): Promise<SetAsideLog | { readonly kind: "damaged"; readonly why: string }> {
  try {
    const { log, recovered } = await RaftLog.open(files, []);
    await log.close();
    return { kind: "log", begins: recovered.start.index, committed: recovered.committed, entries: recovered.entries };
  } catch (cause) {
    if (isSkeinError(cause, "log-damaged")) return { kind: "damaged", why: cause.message };
    throw cause;
  }
}
