// A frozen partial of the model, and how two neighbours become one.

import { type LogIndex, milliseconds, siteTime } from "../../../src/base/units.ts";
import { definitionAt, keyText, mergeFolds, windowStart } from "../../../src/readings/fold.ts";
import type { CountPart, Definitions, Fold, WindowKey } from "../../../src/readings/types.ts";

export interface FrozenWindow {
  readonly key: WindowKey;
  readonly fold: Fold;
}

/** Immutable: its identity is how the checker knows what went into it. */
export interface FrozenPartial {
  readonly from: number;
  readonly to: number;
  /** Of the definitions that it was frozen under: compared with nothing. */
  readonly revision: LogIndex;
  readonly stampMax: number;
  readonly windows: readonly FrozenWindow[];
}

/** Windows of one slot become one, which begins where the first of them does. */
const slot = 16_000;

export function merged(a: FrozenPartial, b: FrozenPartial): FrozenPartial {
  const slots = new Map<string, FrozenWindow>();
  const all = [...a.windows, ...b.windows].sort((one, other) => one.key.start - other.key.start);
  for (const { key, fold } of all) {
    const name = keyText({ ...key, start: siteTime(Math.floor(key.start / slot)) });
    const before = slots.get(name);
    slots.set(name, before === undefined ? { key, fold } : { key: before.key, fold: mergeFolds(before.fold, fold) });
  }
  const stampMax = Math.max(a.stampMax, b.stampMax);
  return { from: a.from, to: b.to, revision: b.revision, stampMax, windows: [...slots.values()] };
}

/** Into which window of `frozen` went what lay in `key`. */
export function windowIn(frozen: FrozenPartial, key: WindowKey): WindowKey | undefined {
  const isSeries = (other: WindowKey): boolean => other.aggregation === key.aggregation && other.group === key.group;
  const starts = frozen.windows.filter((each) => isSeries(each.key) && each.key.start <= key.start);
  const latest = Math.max(...starts.map((each) => each.key.start));
  return starts.find((each) => each.key.start === latest)?.key;
}

/** As it must not be: its windows are those that the present definitions have there. */
export function underDefinitions(frozen: FrozenPartial, definitions: Definitions): FrozenPartial {
  const windows = frozen.windows.map(({ key, fold }) => {
    const defined = definitionAt(definitions, key.start)?.aggregations.find(({ name }) => name === key.aggregation);
    return { key: { ...key, start: windowStart(key.start, defined?.window ?? milliseconds(1)) }, fold };
  });
  return { ...frozen, windows };
}

export const partsOf = ({ windows }: FrozenPartial): readonly CountPart[] =>
  windows.map(({ key, fold }) => ({ key, fold, origins: [] }));
