// Changing the voters through a joint configuration (paper §6; thesis §4.3).
//
// One change at a time, and none before an entry of this term is committed: else two disjoint majorities are possible (the
// "single-server bug", RAFT-CASES 1, 4). The leader leaves the joint configuration by itself once it is committed in its
// term, also one elected inside it (RAFT-CASES 2), and leaves office only once the final configuration, without it, is
// committed (RAFT-CASES 5).

import { assert } from "../base/errors.ts";
import type { MemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Core, Leadership } from "./core.ts";
import { appendAndPublish, nextHead, publishHeartbeat } from "./publishing.ts";
import { stepDown } from "./roles.ts";
import type { RaftEffect, Voters } from "./types.ts";
import { isJoint, isVoter } from "./voters.ts";

type Refusal = Extract<RaftEffect, { readonly kind: "proposal-refused" }>["reason"];

export function changeVoters(core: Core, context: number, members: readonly MemberKey[]): void {
  const incoming = [...new Set(members)];
  assert(incoming.length > 0, "a site has at least one voter");
  const { leadership, log, outbox } = core;
  const reason = refusal(core, incoming.length);
  if (leadership === undefined || reason !== undefined) {
    outbox.emit({ kind: "proposal-refused", context, reason: reason ?? "not-leader", leader: core.leader });
    return;
  }
  const { current } = log.voters;
  const head = nextHead(core);
  outbox.emit({ kind: "proposed", context, index: head.index, term: head.term });
  appendVoters(core, leadership, { current, incoming });
  // A new voter counts from now on; it has as long to answer as everyone.
  for (const member of incoming) if (!current.includes(member)) leadership.contact.answered(member, core.now);
}

/** Goes on where a committed configuration asks for it. May end the leadership. */
export function followUpChange(core: Core, leadership: Leadership): void {
  const { voters, votersIndex } = core.log;
  if (votersIndex > core.commit || core.commit < leadership.first) return;
  if (voters.incoming !== undefined) {
    appendVoters(core, leadership, { current: voters.incoming });
  } else if (!isVoter(voters, core.self)) {
    publishHeartbeat(core, leadership); // the last word: that the change is committed
    stepDown(core, "it is no longer a voter");
  }
}

function refusal(core: Core, count: number): Refusal | undefined {
  const { leadership, log } = core;
  if (leadership === undefined) return "not-leader";
  if (core.commit < leadership.first) return "term-not-committed";
  if (core.isTransferring) return "transferring";
  if (isJoint(log.voters) || log.votersIndex > core.commit) return "configuration-pending";
  return count > limits.voters ? "too-large" : undefined;
}

function appendVoters(core: Core, leadership: Leadership, voters: Voters): void {
  appendAndPublish(core, leadership, [{ ...nextHead(core), kind: "voters", voters }]);
}
