// How the model makes one frozen partial of two, and what must not be done with one.

import { milliseconds } from "../../../src/base/units.ts";
import { definitionAt, windowEnd, windowStart } from "../../../src/readings/fold.ts";
import { mergeFrozen } from "../../../src/readings/frozen-merging.ts";
import type { Definitions, FrozenOffer, FrozenPartial, WindowKey } from "../../../src/readings/types.ts";

/** Windows of one slot become one, which begins where the first of them does. */
const slot = milliseconds(16_000);

export const merged = (a: FrozenPartial, b: FrozenPartial): FrozenPartial => mergeFrozen(a, b, slot);

/** Into which window of `frozen` went what lay in `key`. */
export function windowIn(frozen: FrozenPartial, key: WindowKey): WindowKey | undefined {
  const isSeries = (other: WindowKey): boolean => other.aggregation === key.aggregation && other.group === key.group;
  const earlier = frozen.parts.map((part) => part.key).filter((each) => isSeries(each) && each.start <= key.start);
  const latest = Math.max(...earlier.map(({ start }) => start));
  return earlier.find(({ start }) => start === latest);
}

/** As it must not be: its windows are those that the present definitions have there. */
export function underDefinitions({ frozen, ...offer }: FrozenOffer, definitions: Definitions): FrozenOffer {
  const parts = frozen.parts.map((part) => {
    const defined = definitionAt(definitions, part.key.start)?.aggregations.find(
      ({ name }) => name === part.key.aggregation,
    );
    const key = { ...part.key, start: windowStart(part.key.start, defined?.window ?? milliseconds(1)) };
    return { ...part, key, end: windowEnd(definitions, key) ?? part.end };
  });
  return { ...offer, frozen: { ...frozen, parts } };
}
