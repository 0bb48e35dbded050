// What may be handed to the state machine, and how far it has come.
//
// A voter applies only what is synced, so that its state is never ahead of its log (RAFT-CASES 46). A learner's state is in
// memory only, and its checkpoint waits for the sync, so it need not wait.

import { assert } from "../base/errors.ts";
import { type LogIndex, logIndex } from "../base/units.ts";
import type { Core } from "./core.ts";

export function deliver(core: Core): void {
  if (core.receiving?.isComplete) return; // an install must not race an apply (RAFT-CASES 17)
  const upTo = core.isVoter ? Math.min(core.commit, core.disk.synced) : core.commit;
  if (upTo <= core.delivered) return;
  core.outbox.emit({ kind: "apply", entries: core.log.between(core.delivered, logIndex(upTo)) });
  core.delivered = logIndex(upTo);
}

export function onApplied(core: Core, index: LogIndex): void {
  assert(index <= core.delivered, "only what was handed over is applied");
  core.applied = logIndex(Math.max(core.applied, index));
  releaseReads(core);
}

/** Reads whose index the state machine has reached. */
export function releaseReads(core: Core): void {
  const { applying } = core;
  for (let at = 0; at < applying.length; ) {
    const read = applying[at];
    if (read !== undefined && read.index <= core.applied) {
      core.outbox.emit({ kind: "read-ready", context: read.context, index: read.index });
      applying.splice(at, 1);
    } else at += 1;
  }
}

/** A read at `index` is confirmed: it is ready once that is applied here. */
export function awaitApplied(core: Core, context: number, index: LogIndex): void {
  if (index <= core.applied) core.outbox.emit({ kind: "read-ready", context, index });
  else core.applying.push({ context, index });
}
