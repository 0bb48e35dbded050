// When windows are published, and as what (PROTOCOLS, entry `close`).
//
// A window gets its first edition once a `close` has passed its end, and the next one when late readings changed it and the
// last edition is older than the interval between editions. A window exists from its first reading or missed sampling instant
// on: where all of a group's sensors are silent because their devices are down, nothing is published, and the series has a gap.

import { type Duration, type SiteTime, siteTime, type Term } from "../base/units.ts";
import { aggregateTopic, formatAggregate } from "./aggregate-json.ts";
import type { DefinitionHistory } from "./definitions.ts";
import { formatItemId } from "./item-id.ts";
import type { Outbox } from "./outbox.ts";
import type { SeriesTable } from "./series.ts";
import { foldOf, type SiteWindow, type Windows } from "./windows.ts";

export interface ClosingParts {
  readonly windows: Windows;
  readonly outbox: Outbox;
  readonly series: SeriesTable;
  readonly generation: number;
  readonly term: Term;
  readonly now: SiteTime;
  readonly closedUpTo: SiteTime;
  readonly editionInterval: Duration;
  /** Items at most. */
  readonly itemsMax: number;
  unitOf(window: SiteWindow): string;
}

/** Publishes what is due, in the order of windows' ends, as far as the outbox has room. Answers how many items. */
export function publishDue(parts: ClosingParts): number {
  const { windows, outbox, series, generation, term, now } = parts;
  const due = [...windows.pending].filter((window) => isPublishable(window, parts)).sort(inOrder);
  let items = 0;
  for (const window of due) {
    if (outbox.isFull || items >= parts.itemsMax) break;
    const fold = foldOf(window);
    const edition = window.isSupplement ? 0 : window.edition + 1;
    const id = formatItemId({ generation, number: outbox.next });
    const as = { id, term, edition, unit: parts.unitOf(window), replaces: undefined };
    const retain = !window.isSupplement && series.noteLatest(window.key);
    const merging = { sketch: fold.sketch, isWhole: edition <= 1 };
    outbox.append({ topic: aggregateTopic(window), retain, payload: formatAggregate(window, fold, as), merging });
    windows.published(window, now);
    items += 1;
  }
  return items;
}

export interface DueParts extends Pick<ClosingParts, "windows" | "outbox" | "closedUpTo" | "editionInterval"> {
  readonly definitions: DefinitionHistory;
  isComplete(window: SiteWindow): boolean;
}

/**
 * Up to where a `close` should be proposed at `now`: to the end of the last window before which none has to be waited for any
 * more; or again to where it is closed, if there is something to publish. Undefined: nothing is due.
 */
export function dueClose(now: SiteTime, parts: DueParts): SiteTime | undefined {
  if (parts.outbox.isFull) return undefined;
  const isLeft = [...parts.windows.pending].some((window) => isPublishable(window, { ...parts, now }));
  let upTo = isLeft ? parts.closedUpTo : undefined;
  const open = [...parts.windows.pending].filter((window) => window.edition === 0 && window.end > parts.closedUpTo);
  for (const window of open.sort(inOrder)) {
    const grace = parts.definitions.aggregationOf(window.key)?.grace ?? 0;
    const isDue = now >= window.end + grace || (now >= window.end && parts.isComplete(window));
    if (!isDue) break;
    upTo = siteTime(Math.max(upTo ?? 0, window.end));
  }
  return upTo;
}

function isPublishable(
  window: SiteWindow,
  { now, closedUpTo, editionInterval }: Pick<ClosingParts, "now" | "closedUpTo" | "editionInterval">,
): boolean {
  if (window.edition === 0) return window.end <= closedUpTo;
  return window.isDirty && now - window.publishedAt >= editionInterval;
}

/** The same on every replica: by end, then aggregation, group and start, a window before its supplement. */
function inOrder(a: SiteWindow, b: SiteWindow): number {
  return (
    a.end - b.end ||
    compare(a.key.aggregation, b.key.aggregation) ||
    compare(a.key.group, b.key.group) ||
    a.key.start - b.key.start ||
    Number(a.isSupplement) - Number(b.isSupplement)
  );
}

const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);
