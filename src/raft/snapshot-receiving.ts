// A follower that the leader's log no longer reaches pulls a snapshot, chunk by chunk, under one name.
//
// Chunks of two snapshots never mix, because each repeats the whole name (RAFT-CASES 47). An older snapshot than what is
// committed here is ignored, at the offer and again at the last chunk; from then until the driver has installed it, nothing
// is handed to the state machine (RAFT-CASES 17). A log that does not contain the snapshot's last entry is forgotten, and
// with it any configuration in it (RAFT-CASES 15).

import { assert } from "../base/errors.ts";
import type { MemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { type Duration, logIndex, shift } from "../base/units.ts";
import { deliver, releaseReads } from "./applying.ts";
import { type Core, isBelievable, type Receiving } from "./core.ts";
import { askAfterSnapshot, askForGap, postponeGap } from "./gaps.ts";
import { compact } from "./snapshot-serving.ts";
import type { RaftMessage, SnapshotName, Voters } from "./types.ts";

type Offer = Extract<RaftMessage, { readonly kind: "snapshot-offer" }>;
type Chunk = Extract<RaftMessage, { readonly kind: "snapshot-chunk" }>;

/** After this many questions without an answer the snapshot is given up, and the gap is asked for anew. */
const retriesMax = 8;

export function onOffer(core: Core, from: MemberKey, offer: Offer): void {
  const { name } = offer;
  if (offer.term !== core.term || from !== core.leader || from === core.shunned || core.leadership !== undefined)
    return;
  if (name.leader !== from || name.index <= core.commit || name.term > offer.term || !isBelievable(name.index)) return;
  const { receiving } = core;
  if (receiving !== undefined && (receiving.isComplete || receiving.name.index >= name.index)) return;
  core.receiving = {
    from,
    term: offer.term,
    name,
    bytes: offer.bytes,
    start: { index: name.index, term: name.term, voters: offer.voters },
    offset: 0,
    isComplete: false,
    retryAt: core.now,
    retries: 0,
  };
  ask(core, core.receiving);
}

export function onChunk(core: Core, from: MemberKey, chunk: Chunk): void {
  const { receiving } = core;
  if (receiving === undefined || receiving.isComplete || from !== receiving.from || from !== core.leader) return;
  if (!isSameName(chunk.name, receiving.name) || chunk.offset !== receiving.offset) return;
  if (receiving.name.index <= core.commit) {
    core.receiving = undefined;
    return;
  }
  const end = chunk.offset + chunk.data.length;
  if (end > limits.snapshotBytes || (chunk.data.length === 0 && !chunk.isLast)) return;
  receiving.offset = end;
  receiving.isComplete = chunk.isLast;
  receiving.retries = 0;
  const { name, offset, data, isLast } = chunk;
  core.outbox.emit({ kind: "store-chunk", name, offset, data, isLast, voters: receiving.start.voters });
  if (!chunk.isLast) ask(core, receiving);
}

/** A question or its answer was lost; or the leader is gone. */
export function retrySnapshot(core: Core): void {
  const { receiving } = core;
  if (receiving === undefined || receiving.isComplete) return;
  const isGone = core.leader !== receiving.from || core.term !== receiving.term;
  if (isGone || receiving.retries >= retriesMax) core.receiving = undefined;
  else if (core.now >= receiving.retryAt) {
    receiving.retries += 1;
    ask(core, receiving);
  }
}

/** The driver's state machine now stands at the snapshot; so do log and commit index. */
export function onInstalled(core: Core, name: SnapshotName, voters: Voters): void {
  const { receiving, log } = core;
  assert(receiving?.isComplete && isSameName(name, receiving.name), "what is installed was received");
  assert(name.index > core.commit, "nothing is committed while a snapshot is installed");
  core.receiving = undefined;
  if (log.termAt(name.index) === name.term) core.disk.coveredUpTo(name.index);
  else restart(core, { index: name.index, term: name.term, voters });
  core.commit = name.index;
  core.delivered = name.index;
  core.applied = name.index;
  core.checkpoint = { index: name.index, term: name.term, digest: name.digest, bytes: receiving.bytes };
  compact(core, name.index);
  if (core.term === receiving.term && core.leader === receiving.from) {
    core.following.verified = logIndex(Math.max(core.following.verified, name.index));
    core.commit = logIndex(Math.max(core.commit, Math.min(core.following.announced, core.following.verified)));
  }
  deliver(core);
  releaseReads(core);
  askAfterSnapshot(core);
  askForGap(core);
}

export function onFailed(core: Core, name: SnapshotName): void {
  if (core.receiving === undefined || !isSameName(name, core.receiving.name)) return;
  core.receiving = undefined;
  postponeGap(core, core.timing.electionTimeoutMin);
}

function restart(core: Core, start: Receiving["start"]): void {
  core.log.reset(start);
  core.disk.reset(start, core.now);
  core.following.verified = logIndex(Math.min(core.following.verified, start.index));
  core.following.held.clear();
  core.following.heldBytes = 0;
  core.outbox.emitLast({ kind: "compacted", start });
}

function ask(core: Core, receiving: Receiving): void {
  receiving.retryAt = shift(core.now, (2 * core.timing.heartbeatInterval) as Duration);
  const { from: to, name, offset } = receiving;
  core.outbox.send(to, { kind: "snapshot-question", term: core.term, name, offset });
}

function isSameName(a: SnapshotName, b: SnapshotName): boolean {
  return a.leader === b.leader && a.index === b.index && a.term === b.term && a.digest === b.digest;
}
