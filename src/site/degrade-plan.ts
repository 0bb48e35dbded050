// What a coordinator whose outbox runs full merges next: a pure function of the items that wait (docs/decisions/0006).
//
// Items of one series whose windows start in the same slot of site time become one item. First nothing is lost but editions that
// a later one has replaced; then slots grow, 5 minutes, 15, an hour, 4 hours, a day; the oldest first. An item's window is as
// long as what it was merged from, not as its slot: so no two items of a series ever begin at the same time.
//
// The new item names what it replaces by ranges of numbers: "the items of my series in 1.17–1.90". A range never goes over an item
// of the series that is not merged, nor over numbers that have left already (nobody here knows what they were): there another range
// begins. A later edition of a window whose first edition has left is merged with editions of that window only, because nothing
// tells how much of it the world has seen; and a window whose next edition is due waits for it.

import { limits } from "../base/limits.ts";
import { type Duration, hours, minutes, type SiteTime, siteTime } from "../base/units.ts";
import { aggregateTopic, type ReadAggregate, type Replaced, readAggregate } from "./aggregate-json.ts";
import { compareItemIds, type ItemId, type ItemRange } from "./item-id.ts";
import type { OutboxItem } from "./outbox.ts";
import type { SiteWindow } from "./windows.ts";

/** An item as far as planning needs it: some 200 bytes of memory each, while it lasts. */
export interface ScannedItem
  extends Pick<ReadAggregate, "id" | "end" | "isSupplement" | "edition" | "unit" | "replaces"> {
  readonly number: number;
  /** Topic of its series. */
  readonly series: string;
  readonly start: SiteTime;
  readonly isWhole: boolean;
}

/** Items that become one. */
export interface MergePlan {
  /** Ascending. */
  readonly items: readonly ScannedItem[];
  /** Those whose values add up: of several editions of one window only the newest. In the order of their windows. */
  readonly counted: readonly ScannedItem[];
  readonly end: SiteTime;
  readonly replaces: Replaced;
}

/** 0: only what is of the same window. Each divides the next, and a day. */
const slots: readonly Duration[] = [hours(0), minutes(5), minutes(15), hours(1), hours(4), hours(24)];

/** Undefined for what is never merged. */
export function scanItem(number: number, item: OutboxItem): ScannedItem | undefined {
  const read = item.merging === undefined ? undefined : readAggregate(item.payload);
  if (read === undefined || item.merging === undefined) return undefined;
  const { key, end, isSupplement, id, edition, unit, replaces } = read;
  const { isWhole } = item.merging;
  return { number, series: item.topic, start: key.start, end, isSupplement, id, edition, unit, replaces, isWhole };
}

/** Whether an item that was added after planning makes the plan wrong: a later edition of a window in it. */
export function contradicts({ series, start, isSupplement, edition, replaces }: ScannedItem, plan: MergePlan): boolean {
  if (isSupplement || edition === 1 || replaces !== undefined) return false;
  return plan.items.some((item) => item.series === series && item.start <= start && start < item.end);
}

export interface PlanLimits {
  /** Of the outbox: what is before it has left. */
  readonly first: number;
  /** Slots that end later are not full yet. */
  readonly closedUpTo: SiteTime;
  /** Windows that wait for an edition. */
  readonly pending: Iterable<SiteWindow>;
}

/**
 * Takes the whole outbox, item by item in the order of numbers, because a later edition may wait at its end; then plans, in steps
 * that are short enough for an event loop with heartbeats in it.
 */
export class MergePlanner {
  readonly #families = new Map<string, ScannedItem[]>();

  add(item: ScannedItem): void {
    addTo(this.#families, `${item.series} ${item.isSupplement}`, item);
  }

  /** Yields between its steps. Returns an empty list where nothing can be merged. */
  *plans({ first, closedUpTo, pending }: PlanLimits): Generator<undefined, readonly MergePlan[], undefined> {
    const starts = startsOf(pending);
    const families: Family[] = [];
    for (const items of this.#families.values()) {
      families.push(familyOf(items, starts, first));
      yield;
    }
    for (const slot of slots) {
      const plans: MergePlan[] = [];
      for (const family of families) {
        plans.push(...plansOf(family, slot, closedUpTo));
        yield;
      }
      if (plans.length > 0) return plans.sort((a, b) => a.end - b.end);
    }
    return [];
  }
}

/** The items of one window, or of one merged before. */
interface Unit {
  readonly start: SiteTime;
  readonly end: SiteTime;
  readonly items: readonly ScannedItem[];
  readonly isWhole: boolean;
}

/** A series' items, or its supplements. */
interface Family {
  readonly isSupplement: boolean;
  /** By start. */
  readonly units: readonly Unit[];
  /** Starts of windows that wait for an edition. */
  readonly pending: readonly SiteTime[];
  /** Of its items, ascending. */
  readonly numbers: readonly number[];
  /** Items before it have left the outbox. */
  readonly oldestWaiting: number;
}

/** Of the windows that wait for an edition, by series. */
function startsOf(pending: Iterable<SiteWindow>): ReadonlyMap<string, readonly SiteTime[]> {
  const starts = new Map<string, SiteTime[]>();
  for (const { key, isSupplement } of pending) if (!isSupplement) addTo(starts, aggregateTopic({ key }), key.start);
  return starts;
}

function familyOf(
  items: readonly ScannedItem[],
  pending: ReadonlyMap<string, readonly SiteTime[]>,
  oldestWaiting: number,
): Family {
  const [first] = items;
  const isSupplement = first?.isSupplement ?? false;
  return {
    isSupplement,
    units: unitsOf(items),
    pending: first === undefined || isSupplement ? [] : (pending.get(first.series) ?? []),
    numbers: items.map(({ number }) => number),
    oldestWaiting,
  };
}

function unitsOf(items: readonly ScannedItem[]): readonly Unit[] {
  const byStart = new Map<SiteTime, ScannedItem[]>();
  for (const item of items) addTo(byStart, item.start, item);
  return [...byStart]
    .map(([start, each]) => ({
      start,
      end: each.reduce((end, item) => siteTime(Math.max(end, item.end)), siteTime(0)),
      items: each.sort((a, b) => a.number - b.number),
      isWhole: each.some(({ isWhole }) => isWhole),
    }))
    .sort((a, b) => a.start - b.start);
}

function plansOf(family: Family, slot: Duration, closedUpTo: SiteTime): readonly MergePlan[] {
  if (slot === 0) return family.units.flatMap((unit) => safePlans([unit], family));
  const runs = new Map<number, Unit[]>();
  for (const unit of family.units) {
    const place = Math.floor(unit.start / slot);
    if (unit.isWhole && unit.end - unit.start < slot && (place + 1) * slot <= closedUpTo) addTo(runs, place, unit);
  }
  return [...runs.values()].flatMap((run) => safePlans(run, family));
}

/** The run as one plan, or as several where it is too much for one, or where a window within waits for its next edition. */
function safePlans(run: readonly Unit[], family: Family): readonly MergePlan[] {
  const items = run.flatMap((unit) => unit.items);
  const [first] = run;
  if (first === undefined || items.length < 2) return [];
  if (items.length > limits.degradeMergeItems) return smallerPlans(run, family);
  const plan = planOf(run, items, family);
  if (plan.replaces.ranges.length > limits.degradeRanges) return smallerPlans(run, family);
  const obstacle = family.pending.find((start) => start >= first.start && start < plan.end);
  if (obstacle === undefined) return [plan];
  const before = run.filter(({ end }) => end <= obstacle);
  const after = run.filter(({ start }) => start > obstacle);
  return [...safePlans(before, family), ...safePlans(after, family)];
}

/** The oldest supplements of one window may go first; of its editions only all may, because the newest decides. */
function smallerPlans(run: readonly Unit[], family: Family): readonly MergePlan[] {
  const [first] = run;
  const half = run.length >> 1;
  if (half > 0) return [...safePlans(run.slice(0, half), family), ...safePlans(run.slice(half), family)];
  if (first === undefined || !family.isSupplement) return [];
  const most = Math.min(limits.degradeMergeItems, first.items.length >> 1);
  return safePlans([{ ...first, items: first.items.slice(0, most) }], family);
}

function planOf(run: readonly Unit[], items: ScannedItem[], family: Family): MergePlan {
  const ranges = items.flatMap(({ id, replaces }) => [...(replaces?.ranges ?? []), { first: id, last: id }]);
  return {
    items: items.sort((a, b) => a.number - b.number),
    counted: family.isSupplement ? items : run.flatMap((unit) => unit.items.slice(-1)),
    end: run.reduce((end, unit) => siteTime(Math.max(end, unit.end)), siteTime(0)),
    replaces: {
      ranges: joined(ranges, family),
      items: items.reduce((sum, { replaces }) => sum + (replaces?.items ?? 0) + 1, 0),
    },
  };
}

/**
 * Ranges become one where nothing of the family lies between them, as far as anybody knows. Each is of one generation: so whoever
 * hears of the first number of a generation knows what is void (docs/topics.md), even if that item was never sent.
 */
function joined(ranges: readonly ItemRange[], { numbers, oldestWaiting }: Family): readonly ItemRange[] {
  const result: { first: ItemId; last: ItemId }[] = [];
  for (const { first, last } of [...ranges].sort((a, b) => compareItemIds(a.first, b.first))) {
    const before = result.at(-1);
    if (before === undefined) {
      result.push({ first, last });
      continue;
    }
    const next = before.last.number + 1;
    const isKnown = next >= first.number || (next >= oldestWaiting && nextOf(numbers, next) >= first.number);
    if (!isKnown || before.last.generation !== first.generation) result.push({ first, last });
    else if (compareItemIds(last, before.last) > 0) before.last = last;
  }
  return result;
}

/** The first of these, which ascend, that is not below `from`. */
function nextOf(numbers: readonly number[], from: number): number {
  let low = 0;
  for (let high = numbers.length; low < high; ) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) < from) low = middle + 1;
    else high = middle;
  }
  return numbers[low] ?? Number.POSITIVE_INFINITY;
}

function addTo<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
