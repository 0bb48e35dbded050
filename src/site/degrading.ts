// Items that wait for the uplink, merged into fewer (DESIGN §9; docs/decisions/0006): the outbox of a site that is offline for
// weeks becomes coarser instead of losing anything.
//
// Problem: apply may not read the store, where the items are; and a coordinator before this one may have published some of them
// already. Idea: the coordinator reads the items, merges them and proposes the result as data; apply compares a checksum of what
// was read with what it holds, takes the items out, and appends the merged ones **under new numbers**. So no id ever has other
// bytes, numbers stay the order of sending, and the new item names what it replaces, for whoever has got that before. An item that
// was added since the plan was made might be a later edition of a window in it: then the entry is refused, and planned anew.
//
// The windows whose items are merged leave the state with them: what is counted in them later is a supplement, and is added.

import { limits } from "../base/limits.ts";
import type { SiteTime, Term } from "../base/units.ts";
import { aggregateTopic, formatAggregate } from "./aggregate-json.ts";
import { formatItemId } from "./item-id.ts";
import { encodeItem, type Outbox, type OutboxItem, storedSize } from "./outbox.ts";
import { type Refusal, refused } from "./refusals.ts";
import type { SeriesTable } from "./series.ts";
import type { Command, OutboxMerge } from "./types.ts";
import type { SiteWindow, Windows } from "./windows.ts";

export type DegradeCommand = Extract<Command, { readonly kind: "degrade" }>;

export interface DegradingParts {
  readonly windows: Windows;
  readonly outbox: Outbox;
  readonly series: SeriesTable;
  readonly generation: number;
  readonly term: Term;
  readonly closedUpTo: SiteTime;
}

/** Replaces all of the entry's items, or says why none of them. `horizon`: the end of the youngest window that left. */
export function applyDegrade(command: DegradeCommand, parts: DegradingParts): Refusal | { readonly horizon: SiteTime } {
  const { outbox, windows } = parts;
  const refusal = refuseMerges(command, parts) ?? refuseNumbers(command, parts);
  if (refusal !== undefined) return refusal;
  const covered = new Covered(command.merges);
  for (const window of windows.pending) {
    if (!covered.has(window)) continue;
    const { aggregation, group, start } = window.key;
    return refused("outbox-moved", `${aggregation}/${group} at ${start} waits for its next edition`);
  }
  const items = command.merges.map((merge, place) => encodeItem(mergedItem(merge, outbox.next + place, parts)));
  const numbers = command.merges.flatMap((merge) => merge.numbers);
  const before = numbers.reduce((sum, number) => sum + outbox.sizeOf(number), 0);
  const after = items.reduce((sum, item) => sum + storedSize(item), 0);
  if (after >= before) return refused("malformed", `Merging makes no room: ${before} bytes become ${after}`);
  outbox.remove(numbers);
  for (const item of items) outbox.appendEncoded(item);
  return { horizon: windows.drop((window) => covered.has(window)) };
}

function refuseMerges({ merges }: DegradeCommand, { closedUpTo }: DegradingParts): Refusal | undefined {
  if (merges.length === 0) return refused("malformed", "A degrade that merges nothing");
  for (const { key, end, isSupplement, edition, numbers, replaces } of merges) {
    const name = `${key.aggregation}/${key.group} at ${key.start}`;
    if (end <= key.start || end > closedUpTo) return refused("malformed", `${name} has no end that is closed`);
    if (isSupplement !== (edition === 0)) return refused("malformed", `${name}: edition ${edition}`);
    const isRange = replaces.ranges.every(
      ({ first, last }) => first.generation === last.generation && first.number <= last.number,
    );
    if (numbers.length < 2 || replaces.items < numbers.length || replaces.ranges.length === 0 || !isRange) {
      return refused("malformed", `${name} replaces too few items`);
    }
  }
  return undefined;
}

function refuseNumbers({ next, merges, check }: DegradeCommand, { outbox }: DegradingParts): Refusal | undefined {
  if (next !== outbox.next) return refused("outbox-moved", `Planned before item ${outbox.next - 1} was added`);
  const numbers = merges.flatMap((merge) => merge.numbers);
  if (numbers.length > limits.degradeEntryItems) return refused("malformed", "Merges too many items at once");
  if (new Set(numbers).size < numbers.length) return refused("malformed", "Merges an item twice");
  if (outbox.checkOf(numbers) !== check) {
    return refused("outbox-moved", "What it merges is not in the outbox as it was read");
  }
  return undefined;
}

function mergedItem(merge: OutboxMerge, number: number, { generation, term, series }: DegradingParts): OutboxItem {
  const { key, end, isSupplement, edition, unit, isWhole, replaces, fold } = merge;
  const id = formatItemId({ generation, number });
  return {
    topic: aggregateTopic(merge),
    retain: !isSupplement && series.isLatestIn(key, end),
    payload: formatAggregate(merge, fold, { id, term, edition, unit, replaces }),
    merging: { sketch: fold.sketch, isWhole },
  };
}

/** Which windows lie in the spans of merges; supplements are no windows that were published before. */
class Covered {
  readonly #spans = new Map<string, { readonly start: number; readonly end: number }[]>();

  constructor(merges: readonly OutboxMerge[]) {
    for (const { key, end, isSupplement } of merges) {
      if (isSupplement) continue;
      const name = aggregateTopic({ key });
      const spans = this.#spans.get(name) ?? [];
      this.#spans.set(name, spans);
      spans.push({ start: key.start, end });
    }
  }

  has({ key, isSupplement }: SiteWindow): boolean {
    if (isSupplement || this.#spans.size === 0) return false;
    const spans = this.#spans.get(aggregateTopic({ key })) ?? [];
    return spans.some(({ start, end }) => key.start >= start && key.start < end);
  }
}
