// Which clocks a coordinator believes (DESIGN §6): what each device's wall clock said, and what follows from it.
//
// Problem: some wall clocks are right, some say so and are wrong, and site time can never be turned back. Idea: while it is
// uncertain, two that agree within 2 s count, or one that has stood for 10 minutes; of equal groups the earlier one, from which
// there is still a way forward. Once synced, only those near the site's own time count, the nearer the more lately they agreed:
// a clock is off by at most 200 ppm of that time. The rest is named, for a person to look at.

import type { DeviceId } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { between, type Duration, type Instant, milliseconds, minutes, type SiteTime, seconds } from "../base/units.ts";
import type { TimeFacts } from "../site/time-table.ts";
import { lowerMedian } from "./leading-time.ts";

/** Sources whose clocks differ by less agree with each other. */
const agreement = seconds(2);
const standsFor = minutes(10);
/** A clock further from synced site time is ignored, and a smaller difference is no reason to jump. */
const tolerance = seconds(1);
const driftMax = 200e-6;
/** A device asks every 15 minutes: who has not in this time says nothing any more. */
const reportsLast = minutes(40);
/** While one source has to stand, a gap of more than this begins its time anew: sources report every minute then. */
const gapMax = minutes(3);
const refreshAfter = minutes(60);
/** What a source is ahead of site time is made good in about so long, if 500 ppm allow it. */
const slewOver = seconds(30);

interface Report {
  /** Its wall clock against the own monotonic clock, so that it stays right while site time is slewed. */
  readonly ahead: number;
  readonly at: Instant;
  /** Since when it has stood: every report since was within 2 s of the first. */
  readonly stoodSince: Instant;
  readonly stoodAt: number;
}

export interface SourceView {
  readonly device: DeviceId;
  /** How far its clock is ahead of site time. */
  readonly offset: Duration;
  readonly isAgreeing: boolean;
}

/** What the coordinator should do now. */
export interface TimeVerdict {
  readonly sources: readonly SourceView[];
  /** To be agreed on by a log entry. */
  readonly adopt:
    | { readonly sources: readonly DeviceId[]; readonly jump: Duration; readonly ahead: Duration }
    | undefined;
  /** Share by which site time should run faster than the own clock. */
  readonly slew: number;
}

export class TimeSources {
  readonly #reports = new Map<DeviceId, Report>();

  /** `offset`: how far the device's disciplined clock is ahead of site time; undefined: it is not disciplined. */
  heard(
    device: DeviceId,
    offset: Duration | undefined,
    { now, site }: { readonly now: Instant; readonly site: SiteTime },
  ) {
    const before = this.#reports.get(device);
    if (offset === undefined) {
      this.#reports.delete(device);
      return;
    }
    if (before === undefined && this.#reports.size >= limits.timeReports) return;
    const ahead = offset + site - now;
    const stands =
      before !== undefined &&
      between(before.at, now) <= gapMax &&
      Math.abs(ahead - before.stoodAt) <= agreement + driftMax * between(before.stoodSince, now);
    const since = stands ? before : { stoodSince: now, stoodAt: ahead };
    this.#reports.set(device, { ahead, at: now, stoodSince: since.stoodSince, stoodAt: since.stoodAt });
  }

  /** Another coordinator's from now on; or site time has jumped. */
  clear(): void {
    this.#reports.clear();
  }

  judge(now: Instant, site: SiteTime, facts: TimeFacts): TimeVerdict {
    for (const [device, { at }] of this.#reports) if (between(at, now) > reportsLast) this.#reports.delete(device);
    const offsets = [...this.#reports]
      .map(([device, { ahead }]) => ({ device, offset: milliseconds(ahead + now - site) }))
      .sort((a, b) => a.offset - b.offset || (a.device < b.device ? -1 : 1));
    return facts.isSynced ? this.#followed(offsets, site, facts) : this.#adopted(offsets, now);
  }

  #adopted(offsets: readonly Offset[], now: Instant): TimeVerdict {
    const chosen = largestGroup(offsets) ?? offsets.find(({ device }) => this.#hasStood(device, now));
    const group =
      chosen === undefined ? [] : Array.isArray(chosen) ? (chosen as readonly Offset[]) : [chosen as Offset];
    const names = new Set(group.map(({ device }) => device));
    const sources = offsets.map((each) => ({ ...each, isAgreeing: names.has(each.device) }));
    if (group.length === 0) return { sources, adopt: undefined, slew: 0 };
    const offset = Math.floor(lowerMedian(group.map((each) => each.offset)));
    const jump = milliseconds(offset > tolerance ? offset : 0);
    const ahead = milliseconds(jump > 0 ? 0 : -offset);
    return { sources, adopt: { sources: [...names].slice(0, limits.timeSources), jump, ahead }, slew: 0 };
  }

  #hasStood(device: DeviceId, now: Instant): boolean {
    const report = this.#reports.get(device);
    return (
      report !== undefined && between(report.at, now) <= gapMax && between(report.stoodSince, report.at) >= standsFor
    );
  }

  #followed(offsets: readonly Offset[], site: SiteTime, facts: TimeFacts): TimeVerdict {
    const agreedAt = new Map(facts.sources.map((source) => [source.device, source.agreedAt]));
    const newest = Math.max(facts.since, ...agreedAt.values());
    // On the way to where its sources were when they last agreed, site time is right with them and with itself.
    const behind = 0 - facts.ahead;
    const [lowest, highest] = [Math.min(0, behind), Math.max(0, behind)];
    const sources = offsets.map(({ device, offset }) => {
      const since = Math.max(0, site - (agreedAt.get(device) ?? newest));
      const most = tolerance + driftMax * since;
      return { device, offset, isAgreeing: offset <= highest + most && offset >= lowest - most };
    });
    const agreeing = sources.filter(({ isAgreeing }) => isAgreeing);
    if (agreeing.length === 0) return { sources, adopt: undefined, slew: 0 };
    const offset = lowerMedian(agreeing.map((source) => source.offset));
    // Those that are adopted already come first: where there are more than may be named, the same ones stay.
    const known = agreeing.filter(({ device }) => agreedAt.has(device));
    const named = [...known, ...agreeing.filter(({ device }) => !agreedAt.has(device))].slice(0, limits.timeSources);
    const names = named.map(({ device }) => device);
    const isKnown = names.every((device) => site - (agreedAt.get(device) ?? 0) < refreshAfter);
    const adopt = { sources: names, jump: milliseconds(0), ahead: milliseconds(-Math.round(offset)) };
    return { sources, adopt: isKnown ? undefined : adopt, slew: offset / slewOver };
  }
}

interface Offset {
  readonly device: DeviceId;
  readonly offset: Duration;
}

/** At least two that agree; of equally many the earliest. `offsets` ascend. */
function largestGroup(offsets: readonly Offset[]): readonly Offset[] | undefined {
  let best: readonly Offset[] = [];
  for (const [from, { offset: first }] of offsets.entries()) {
    const group = offsets.slice(from).filter(({ offset }) => offset - first <= agreement);
    if (group.length > best.length) best = group;
  }
  return best.length >= 2 ? best : undefined;
}
