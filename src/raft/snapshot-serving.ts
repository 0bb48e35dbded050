// Checkpoints of this member: the log is compacted behind them, and whoever the log no longer reaches is given one.
//
// The receiver pulls: a chunk is sent because it was asked for by name and offset. So lost chunks, several receivers and a
// leader that dies need nothing of their own. Behind the newest checkpoint a tail of the log is kept, and behind one that
// is being pulled everything, so that the receiver can go on from it when it has it (RAFT-CASES 18).

import { assert } from "../base/errors.ts";
import type { MemberKey } from "../base/ids.ts";
import { type Duration, type LogIndex, logIndex, shift } from "../base/units.ts";
import type { Checkpoint, Core, RepairQuestion } from "./core.ts";
import type { RaftMessage, SnapshotName } from "./types.ts";

/** For so many election timeouts after its last chunk a checkpoint counts as being pulled or installed. */
const servedFor = 4;

/** How much more than the usual tail is kept for those who pull an older checkpoint. */
const servedTailFactor = 8;

export function onCheckpointed(
  core: Core,
  made: { readonly index: LogIndex; readonly digest: string; readonly bytes: number },
): void {
  if (made.index <= (core.checkpoint?.index ?? -1)) return;
  assert(made.index <= core.applied && made.index <= core.disk.synced, "a checkpoint holds what is applied and synced");
  const term = core.log.termAt(made.index);
  assert(term !== undefined, "the log is kept until it is in a checkpoint");
  core.checkpoint = { index: made.index, term, digest: made.digest, bytes: made.bytes };
  compact(core, made.index);
}

export function compact(core: Core, checkpoint: LogIndex): void {
  const { log, limits } = core;
  const tail = { entries: limits.tailEntries, bytes: limits.tailBytes };
  let keepAfter = log.tailBefore(checkpoint, tail);
  const { served } = core;
  if (served !== undefined && core.now < served.until && served.checkpoint.index < keepAfter) {
    const more = { entries: servedTailFactor * tail.entries, bytes: servedTailFactor * tail.bytes };
    keepAfter = logIndex(Math.max(served.checkpoint.index, log.tailBefore(checkpoint, more)));
  }
  if (keepAfter <= log.start.index) return;
  log.compact(keepAfter);
  core.outbox.emitLast({ kind: "compacted", start: log.start });
}

/** Answers the bytes that it took. */
export function offerSnapshot(core: Core, to: MemberKey): number {
  const { checkpoint } = core;
  if (checkpoint === undefined) return 0;
  const voters = core.log.votersAt(checkpoint.index);
  const name = nameOfCheckpoint(core, checkpoint);
  core.outbox.send(to, { kind: "snapshot-offer", term: core.term, name, bytes: checkpoint.bytes, voters });
  return offerBytes;
}

/** The question for a chunk, as a repair to be served in its turn; one for a checkpoint that is gone is answered anew. */
export function chunkQuestion(
  core: Core,
  from: MemberKey,
  message: Extract<RaftMessage, { readonly kind: "snapshot-question" }>,
): RepairQuestion {
  const { name, offset } = message;
  const isKnown = findCheckpoint(core, name) !== undefined;
  return isKnown ? { kind: "chunk", member: from, name, offset } : { kind: "offer", member: from };
}

export function serveChunk(core: Core, question: Extract<RepairQuestion, { readonly kind: "chunk" }>): number {
  const checkpoint = findCheckpoint(core, question.name);
  if (checkpoint === undefined) return 0;
  core.served = { checkpoint, until: shift(core.now, (servedFor * core.timing.electionTimeoutMax) as Duration) };
  const { member: to, name, offset } = question;
  core.outbox.emit({ kind: "serve-chunk", to, term: core.term, name, offset });
  return core.limits.snapshotChunkBytes;
}

export function onCheckpointGone(core: Core, name: SnapshotName): void {
  if (core.served?.checkpoint.index === name.index) core.served = undefined;
}

function findCheckpoint(core: Core, name: SnapshotName): Checkpoint | undefined {
  if (name.leader !== core.self) return undefined;
  const known = [core.checkpoint, core.served?.checkpoint];
  return known.find((one) => one?.index === name.index && one.term === name.term && one.digest === name.digest);
}

function nameOfCheckpoint(core: Core, checkpoint: Checkpoint): SnapshotName {
  return { leader: core.self, index: checkpoint.index, term: checkpoint.term, digest: checkpoint.digest };
}

const offerBytes = 512;
