// What the coordinator says on the uplink beside aggregates: who leads and why (`site`, kept by the broker), and what happened
// (`events/{kind}`). Flat JSON without an `id`: not part of the outbox, said best effort, and a repeat means nothing new.

import type { DeviceId, Generation, SiteId } from "../base/ids.ts";
import type { LogIndex, SiteTime, Term } from "../base/units.ts";

export interface SiteReport {
  readonly siteTime: SiteTime;
  readonly site: SiteId;
  readonly coordinator: DeviceId;
  readonly term: Term;
  readonly generation: Generation;
  /** How it became coordinator, for people. */
  readonly why: string;
  readonly revision: LogIndex;
  readonly commit: LogIndex;
  readonly members: number;
  /** Members that a broker has as connected. */
  readonly present: number;
  readonly voters: readonly DeviceId[];
}

export interface SiteEvent {
  readonly siteTime: SiteTime;
  /** A level of the topic: `coordinator`, `joined`, `gone`, `back`, `configuration`, `sensor-stuck` … */
  readonly kind: string;
  readonly device: DeviceId | undefined;
  readonly text: string;
  readonly term: Term;
}

/** Below the prefix of the site's topics. */
export const siteTopic = "site";
export const eventTopic = ({ kind }: SiteEvent): string => `events/${kind}`;

export function formatSiteReport({ siteTime, generation, ...report }: SiteReport): Uint8Array {
  const { site, coordinator, term, why, revision, commit, members, present, voters } = report;
  const values = { ts: siteTime, site, coordinator, term, generation: generation.number, why, revision, commit };
  return Buffer.from(JSON.stringify({ ...values, members, present, voters }));
}

export function formatSiteEvent({ siteTime, kind, device, text, term }: SiteEvent): Uint8Array {
  return Buffer.from(JSON.stringify({ ts: siteTime, kind, device, text, term }));
}
