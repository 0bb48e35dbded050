// Handing the leadership over (thesis §3.10; RAFT-CASES 22).
//
// The leader takes no more proposals, waits until the target's log is synced up to its own last entry, and asks it to hold an
// election at once. The request is repeated until the target's vote request is heard; it may be lost. If nothing has come of
// it within one shortest election timeout (the target is gone, hangs, or lags too far), the leader goes on as before.
//
// The target raises its term at once, so no append of the old leader cancels its candidacy. It needs no exception from anyone:
// voters obey the vote request of a voter that they know, and a majority knows it, because the configuration is committed.
// A stale request changes nothing: its term is over, or its beat is older than one that was heard since. At worst, where the
// target heard nothing since, it costs the election that the target was about to hold.

import type { MemberKey } from "../base/ids.ts";
import { type Instant, instant, shift } from "../base/units.ts";
import { type Core, type Leadership, nameOf, type Transfer } from "./core.ts";
import { canCampaign, startElection } from "./election.ts";
import { publishHeartbeat } from "./publishing.ts";
import type { RaftMessage, TransferOutcome } from "./types.ts";
import { isJoint, isVoter } from "./voters.ts";

type Request = Extract<RaftMessage, { readonly kind: "transfer-request" }>;

export function beginTransfer(core: Core, context: number, to: MemberKey): void {
  const { leadership, outbox, timing } = core;
  const refused = refusal(core, to);
  if (leadership === undefined || refused !== undefined) {
    outbox.emit({ kind: "transfer-ended", context, to, outcome: refused ?? "not-leader" });
    return;
  }
  const until = shift(core.now, timing.electionTimeoutMin);
  core.transfer = { context, to, term: core.term, until, askAgainAt: core.now };
  // One that lags asks for what it misses when it hears where the log ends.
  if (leadership.contact.matchOf(to) < core.log.lastIndex) publishHeartbeat(core, leadership);
}

/** Done after every event: what the transfer waits for may have happened, or its time may be over. */
export function followUpTransfer(core: Core): void {
  const { transfer, leadership } = core;
  if (transfer === undefined) return;
  if (leadership !== undefined && core.isTransferring) {
    if (core.now >= transfer.until) end(core, transfer, "not-taken");
    else askTarget(core, leadership, transfer);
  } else if ((core.log.termAt(core.commit) ?? 0) > transfer.term) {
    end(core, transfer, core.leader === transfer.to ? "done" : "not-taken");
  } else if (core.now >= learnsUntil(core, transfer)) end(core, transfer, "unknown");
}

export function transferDueAt(core: Core): Instant | undefined {
  const { transfer, leadership } = core;
  if (transfer === undefined) return undefined;
  if (leadership === undefined || !core.isTransferring) return learnsUntil(core, transfer);
  if (!isReady(core, leadership, transfer)) return transfer.until;
  return instant(Math.min(transfer.until, transfer.askAgainAt));
}

export function onTransferRequest(core: Core, from: MemberKey, request: Request): void {
  const isFresh = request.term === core.term && core.leader === from && request.beat >= core.following.beat;
  if (!isFresh || !canCampaign(core)) return;
  const { disk, log } = core;
  if (disk.synced < request.lastIndex || log.termAt(request.lastIndex) !== request.lastTerm) return;
  startElection(core, `${nameOf(from)} handed over`);
}

function refusal(core: Core, to: MemberKey): TransferOutcome | undefined {
  const { leadership, log } = core;
  if (leadership === undefined) return "not-leader";
  if (to === core.self || !isVoter(log.voters, to)) return "not-a-voter";
  const isChanging = isJoint(log.voters) || log.votersIndex > core.commit;
  return isChanging || core.transfer !== undefined || core.commit < leadership.first ? "busy" : undefined;
}

/** What was proposed before the transfer began goes out first: it was accepted. */
function isReady(core: Core, leadership: Leadership, { to }: Transfer): boolean {
  return leadership.buffered.length === 0 && leadership.contact.matchOf(to) === core.log.lastIndex;
}

function askTarget(core: Core, leadership: Leadership, transfer: Transfer): void {
  if (core.now < transfer.askAgainAt || !isReady(core, leadership, transfer)) return;
  transfer.askAgainAt = shift(core.now, core.timing.heartbeatInterval);
  const { lastIndex, lastTerm } = core.log;
  const beat = leadership.contact.newestBeat;
  core.outbox.send(transfer.to, { kind: "transfer-request", term: core.term, beat, lastIndex, lastTerm });
}

function end(core: Core, { context, to }: Transfer, outcome: TransferOutcome): void {
  core.transfer = undefined;
  core.outbox.emit({ kind: "transfer-ended", context, to, outcome });
}

/** Who leads is nearly always known by the first commit of the next term, which an election may delay. */
const learnsUntil = (core: Core, transfer: Transfer): Instant => shift(transfer.until, core.timing.electionTimeoutMax);
