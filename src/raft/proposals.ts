// From proposals to appends: at once when nothing is in flight, in few large appends under load.
//
// What comes while enough is in flight waits here and goes out together when something is committed (thesis §10.2.2). So
// latency is one round trip when idle, and the number of publishes and syncs does not grow with the load.

import { limits } from "../base/limits.ts";
import { type LogIndex, offset } from "../base/units.ts";
import type { Core, Leadership, Proposal } from "./core.ts";
import { headBytes } from "./log.ts";
import { appendAndPublish } from "./publishing.ts";
import type { Entry } from "./types.ts";

/** One on its way and one behind it: more would be smaller appends, not more commits. */
const appendsInFlightMax = 2;

const bytesOf = (proposal: Proposal): number => headBytes + proposal.command.length;

export function propose(core: Core, proposals: readonly Proposal[]): void {
  const { leadership, outbox } = core;
  for (const proposal of proposals) {
    const { context, command } = proposal;
    if (leadership === undefined) {
      outbox.emit({ kind: "proposal-refused", context, reason: "not-leader", leader: core.leader });
    } else if (core.isTransferring) {
      outbox.emit({ kind: "proposal-refused", context, reason: "transferring", leader: core.leader });
    } else if (command.length > core.limits.batchBytes) {
      outbox.emit({ kind: "proposal-refused", context, reason: "too-large", leader: core.leader });
    } else if (isBusy(core, leadership, bytesOf(proposal))) {
      outbox.emit({ kind: "proposal-refused", context, reason: "busy", leader: core.leader });
    } else {
      leadership.buffered.push(proposal);
      leadership.bufferedBytes += bytesOf(proposal);
    }
  }
  if (leadership !== undefined) sendProposals(core, leadership);
}

/** Appends what waits, as far as the window has room. Called when proposals come and when something was committed. */
export function sendProposals(core: Core, leadership: Leadership): void {
  while (leadership.buffered.length > 0 && hasRoom(core, leadership)) {
    const batch = takeBatch(core, leadership);
    const entries: Entry[] = [];
    let index: LogIndex = core.log.lastIndex;
    for (const { context, command } of batch) {
      index = offset(index, 1);
      entries.push({ index, term: core.term, siteTime: core.siteTime, kind: "command", command });
      core.outbox.emit({ kind: "proposed", context, index, term: core.term });
    }
    appendAndPublish(core, leadership, entries);
  }
}

/** One proposal always fits when nothing else waits. */
function isBusy(core: Core, leadership: Leadership, bytes: number): boolean {
  const waiting = leadership.uncommittedBytes + leadership.bufferedBytes;
  return waiting > 0 && waiting + bytes > core.limits.uncommittedBytes;
}

function hasRoom(core: Core, leadership: Leadership): boolean {
  if (leadership.inFlight.length === 0) return true;
  if (leadership.uncommittedBytes >= core.limits.windowBytes) return false;
  return leadership.inFlight.length < appendsInFlightMax || leadership.bufferedBytes >= core.limits.batchBytes;
}

function takeBatch(core: Core, leadership: Leadership): readonly Proposal[] {
  let count = 0;
  let bytes = 0;
  for (const proposal of leadership.buffered) {
    bytes += bytesOf(proposal);
    if (count > 0 && (bytes > core.limits.batchBytes || count === limits.appendEntries)) {
      bytes -= bytesOf(proposal);
      break;
    }
    count += 1;
  }
  leadership.bufferedBytes -= bytes;
  return leadership.buffered.splice(0, count);
}
