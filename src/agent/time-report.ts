// What a device can say of the site's time: plain data for `skein time` and for status.

import type { DeviceId } from "../base/ids.ts";
import { between, type Duration, hours, type SiteTime } from "../base/units.ts";
import type { SourceView } from "../replica/time-sources.ts";
import type { TimeFacts, TimeJump } from "../site/time-table.ts";

/** While a source agrees, the log says so again each hour (time-sources.ts). */
const agreementLasts = hours(2);

export interface SourceReport {
  readonly device: DeviceId;
  /** How far its clock is ahead of site time; the coordinator alone knows. */
  readonly offset: Duration | undefined;
  /** When the log last said that it agrees; undefined: it is not adopted. */
  readonly agreedAt: SiteTime | undefined;
  /** Synced site time does not follow it, because it differs by too much. */
  readonly isIgnored: boolean;
}

export interface TimeReport {
  readonly siteTime: SiteTime | undefined;
  readonly isSynced: boolean;
  readonly since: SiteTime;
  /** By how much site time was ahead of its sources when they last agreed; negative: behind them. */
  readonly ahead: Duration;
  readonly sources: readonly SourceReport[];
  readonly jumps: readonly TimeJump[];
}

/** `seen`: what a coordinator hears of the sources; undefined elsewhere. */
export function reportTime(
  siteTime: SiteTime | undefined,
  facts: TimeFacts,
  seen: readonly SourceView[] | undefined,
): TimeReport {
  const { isSynced, since, ahead, jumps } = facts;
  const agreedAt = new Map(facts.sources.map((source) => [source.device, source.agreedAt]));
  const names = new Set([...agreedAt.keys(), ...(seen ?? []).map(({ device }) => device)]);
  const sources = [...names].sort().map((device) => {
    const view = seen?.find((each) => each.device === device);
    const isIgnored = isSynced && view !== undefined && !view.isAgreeing;
    return { device, offset: view?.offset, agreedAt: agreedAt.get(device), isIgnored };
  });
  return { siteTime, isSynced, since, ahead, sources, jumps };
}

/** `synced (2 sources: pi-1, pi-4)` */
export function describeTime(report: Pick<TimeReport, "siteTime" | "isSynced" | "sources">): string {
  const { siteTime, isSynced } = report;
  const isOver = ({ agreedAt }: SourceReport): boolean =>
    siteTime !== undefined && agreedAt !== undefined && between(agreedAt, siteTime) > agreementLasts;
  const sources = report.sources.filter((source) => !source.isIgnored && !isOver(source));
  const counting = sources.map(({ device }) => device);
  const names = `${counting.slice(0, 4).join(", ")}${counting.length > 4 ? ", …" : ""}`;
  const count = counting.length === 1 ? "1 source" : `${counting.length} sources`;
  if (isSynced) return counting.length === 0 ? "synced, but no source agrees now" : `synced (${count}: ${names})`;
  if (counting.length === 0) return "uncertain: no clock source yet";
  const needed = counting.length === 1 ? "it has to stand for 10 minutes" : "no two of them agree";
  return `uncertain: ${count} (${names}), ${needed}`;
}
