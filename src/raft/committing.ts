// The leader counts: what a quorum holds on disk is committed, if the last of it is of this leader's term (paper §5.4.2,
// Figure 8). Its own disk counts as every other, once synced (RAFT-CASES 14), and only while it is a voter.

import { type LogIndex, logIndex } from "../base/units.ts";
import { deliver } from "./applying.ts";
import type { Core } from "./core.ts";
import { followUpChange } from "./membership.ts";
import { sendProposals } from "./proposals.ts";
import { majorityValue } from "./voters.ts";

/** Called whenever an acknowledgement or the own disk may have completed a quorum. May end the leadership. */
export function advanceCommit(core: Core): void {
  const { leadership } = core;
  if (leadership === undefined) return;
  const agreed = majorityValue(core.log.voters, (member) =>
    member === core.self ? core.disk.synced : leadership.contact.matchOf(member),
  );
  if (agreed <= core.commit || core.log.termAt(logIndex(agreed)) !== core.term) return;
  leadership.uncommittedBytes -= core.log.bytesBetween(core.commit, logIndex(agreed));
  core.commit = logIndex(agreed);
  dropCommitted(leadership.inFlight, core.commit);
  deliver(core);
  followUpChange(core, leadership);
  if (core.leadership !== undefined) sendProposals(core, leadership);
}

function dropCommitted(inFlight: LogIndex[], commit: LogIndex): void {
  while (inFlight[0] !== undefined && inFlight[0] <= commit) inFlight.shift();
}
