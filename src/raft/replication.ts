// What a leader hears back.

import type { MemberKey } from "../base/ids.ts";
import { advanceCommit } from "./committing.ts";
import type { Core } from "./core.ts";
import { confirmReads } from "./reads.ts";
import type { RaftMessage } from "./types.ts";

type Acknowledgement = Extract<RaftMessage, { readonly kind: "append-ack" }>;

/** Match is monotone within a term, so a late or repeated acknowledgement changes nothing (RAFT-CASES 28, 31). */
export function onAcknowledgement(core: Core, from: MemberKey, ack: Acknowledgement): void {
  const { leadership } = core;
  if (leadership === undefined || ack.term !== core.term || ack.match > core.log.lastIndex) return;
  if (!leadership.contact.answeredBeat(from, ack.beat, core.now)) return;
  leadership.contact.matched(from, ack.match);
  confirmReads(core, leadership);
  advanceCommit(core);
}
