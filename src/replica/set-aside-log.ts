// A Raft log that nobody goes on with, read for people: what a lost half had agreed on, or believed to.

import type { LogFiles } from "../base/ports/log-file.ts";
import type { LogIndex } from "../base/units.ts";
import type { Entry } from "../raft/types.ts";
import { RaftLog } from "./raft-log.ts";

export interface SetAsideLog {
  /** What came up to here is in the checkpoint beside it, and cannot be listed entry by entry. */
  readonly begins: LogIndex;
  /** Up to here it is known there to be agreed by the site as it was then. */
  readonly committed: LogIndex;
  readonly entries: readonly Entry[];
}

/** Fails as `LogFiles.open` does, with `log-damaged` too. */
export async function readSetAsideLog(files: LogFiles): Promise<SetAsideLog> {
  const { log, recovered } = await RaftLog.open(files, []);
  await log.close();
  return { begins: recovered.start.index, committed: recovered.committed, entries: recovered.entries };
}
