// A leader speaks: one publish for everyone, however many they are, and unicasts to those who missed something.

import type { MemberKey } from "../base/ids.ts";
import { type LogIndex, offset, shift } from "../base/units.ts";
import type { AppendMessage, Core, Leadership } from "./core.ts";
import { entryBytes } from "./log.ts";
import type { Entry } from "./types.ts";

/** Appends to the own log and publishes at once: the own disk works while the followers' do (thesis §10.2.1). */
export function appendAndPublish(core: Core, leadership: Leadership, entries: readonly Entry[]): void {
  const previous = core.log.lastIndex;
  const message = appendAfter(core, leadership, previous, entries);
  core.append(entries);
  for (const entry of entries) leadership.uncommittedBytes += entryBytes(entry);
  leadership.inFlight.push(core.log.lastIndex);
  leadership.publishedAt = core.now;
  core.outbox.publish(message);
}

/** Carries the commit index and asks everyone for a sign of life. Never waits for a disk. Answers the beat of it. */
export function publishHeartbeat(core: Core, leadership: Leadership): number {
  const message = appendAfter(core, leadership, core.log.lastIndex, []);
  leadership.publishedAt = core.now;
  core.outbox.publish(message);
  return message.beat;
}

/** Asks one member how far it is. */
export function probe(core: Core, leadership: Leadership, member: MemberKey): void {
  core.outbox.send(member, appendAfter(core, leadership, core.log.lastIndex, []));
}

/** `after` must lie within the log. */
export function appendAfter(
  core: Core,
  leadership: Leadership,
  after: LogIndex,
  entries: readonly Entry[],
): AppendMessage {
  return {
    kind: "append",
    term: core.term,
    beat: leadership.contact.nextBeat(core.now),
    previousIndex: after,
    previousTerm: core.log.termAt(after) ?? core.log.start.term,
    commit: core.commit,
    siteTime: core.siteTime,
    entries,
  };
}

/** The head of the next entry that this leader appends. */
export function nextHead(core: Core): Pick<Entry, "index" | "term" | "siteTime"> {
  return { index: offset(core.log.lastIndex, 1), term: core.term, siteTime: core.siteTime };
}

export const heartbeatDueAt = (core: Core, leadership: Leadership) =>
  shift(leadership.publishedAt, core.timing.heartbeatInterval);
