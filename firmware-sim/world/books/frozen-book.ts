// What a card froze (docs/decisions/0008), held against the readings that it took: each frozen window is exactly those that lay in it
// under the definitions of that moment, or in the windows that became one in it. Computed anew, from keys and sums of its own.

import type { FrozenPartial } from "../../../src/readings/types.ts";
import {
  type Amount,
  addAmounts,
  amountOfFold,
  isSameAmount,
  nothing,
  showAmount,
  type WindowDelta,
} from "./amounts.ts";
import { keyName, type ReadingKey } from "./expected-definitions.ts";

/** Of readings that are frozen for the first time: the windows of those numbered (from, to]. */
export type WindowsTaken = (from: number, to: number) => Iterable<WindowDelta>;

interface FrozenRange {
  readonly from: number;
  readonly to: number;
  readonly check: number;
  readonly windows: readonly WindowDelta[];
}

export class FrozenBook {
  #ranges: readonly FrozenRange[] = [];
  copy(): FrozenBook {
    const copy = new FrozenBook();
    copy.#ranges = this.#ranges;
    return copy;
  }

  /** Everything that is frozen from now on. Answers what is wrong with it. */
  freeze(all: readonly FrozenPartial[], taken: WindowsTaken): string | undefined {
    const ranges: FrozenRange[] = [];
    for (const frozen of all) {
      const { from, to, check } = frozen;
      const before = this.#ranges.filter((range) => range.from >= from && range.to <= to);
      const across = this.#ranges.find((range) => range.from < to && range.to > from && !before.includes(range));
      if (across !== undefined) return `${from + 1}–${to} is frozen across ${across.from + 1}–${across.to}`;
      const kept = before[0];
      if (kept?.from === from && kept.to === to && kept.check !== check) return `${from + 1}–${to} is frozen twice`;
      const wrong = compare(frozen, windowsWithin({ from, to }, before, taken));
      if (wrong !== undefined) return wrong;
      ranges.push({
        from,
        to,
        check,
        windows: frozen.parts.map(({ key, fold }) => ({ key, amount: amountOfFold(fold) })),
      });
    }
    const lost = this.#ranges.find(({ from, to }) => !ranges.some((range) => range.from <= from && range.to >= to));
    const isCounted = lost !== undefined && ranges.every((range) => range.from >= lost.to);
    if (lost !== undefined && !isCounted) return `${lost.from + 1}–${lost.to} was frozen, and is gone`;
    // Those that are counted stay here: a replica may apply their entry much later.
    this.#ranges = [...this.#ranges.filter(({ to }) => to <= (ranges[0]?.from ?? 0)), ...ranges];
    return undefined;
  }

  /** By name; undefined: no such range was frozen here. */
  windowsOf(move: Omit<FrozenRange, "windows">): ReadonlyMap<string, WindowDelta> | undefined {
    const range = this.#ranges.find(
      ({ from, to, check }) => from === move.from && to === move.to && check === move.check,
    );
    if (range === undefined) return undefined;
    const windows = new Map<string, WindowDelta>();
    for (const { key, amount } of range.windows) {
      windows.set(keyName(key), { key, amount: addAmounts(windows.get(keyName(key))?.amount ?? nothing, amount) });
    }
    return windows;
  }
}

function* windowsWithin(
  { from, to }: Pick<FrozenRange, "from" | "to">,
  before: readonly FrozenRange[],
  taken: WindowsTaken,
): Generator<WindowDelta> {
  let at = from;
  for (const range of before) {
    if (range.from > at) yield* taken(at, range.from);
    yield* range.windows;
    at = range.to;
  }
  if (at < to) yield* taken(at, to);
}

function compare({ from, to, slot, parts }: FrozenPartial, windows: Iterable<WindowDelta>): string | undefined {
  const due = new Map<(typeof parts)[number], Amount>();
  for (const { key, amount } of windows) {
    const part = holderOf(key, parts);
    if (part === undefined || (slot === 0 && part.key.start !== key.start)) {
      return `${from + 1}–${to} is frozen without ${keyName(key)}`;
    }
    due.set(part, addAmounts(due.get(part) ?? nothing, amount));
  }
  for (const part of parts) {
    const [shown, expected] = [amountOfFold(part.fold), due.get(part) ?? nothing];
    if (isSameAmount(shown, expected)) continue;
    const both = `${showAmount(shown)}; its readings are ${showAmount(expected)}`;
    return `${from + 1}–${to} is frozen with ${keyName(part.key)} as ${both}`;
  }
  return undefined;
}

/** The one that begins last of those that begin no later. */
function holderOf(key: ReadingKey, parts: FrozenPartial["parts"]): FrozenPartial["parts"][number] | undefined {
  const isMeant = (part: FrozenPartial["parts"][number]): boolean =>
    part.key.aggregation === key.aggregation && part.key.group === key.group && part.key.start <= key.start;
  const meant = parts.filter((part) => isMeant(part) && part.end > key.start);
  return meant.reduce<(typeof meant)[number] | undefined>(
    (last, part) => (last === undefined || part.key.start > last.key.start ? part : last),
    undefined,
  );
}
