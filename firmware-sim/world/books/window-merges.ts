// What a merged item must say (invariant C, checkers/conservation.ts; docs/decisions/0006): all that the items have that it replaces,
// as a consumer would add them up, and nothing else. It replaces what its entry takes out of the outbox, and what it names; and the
// windows in its span leave the state, published as they are.

import type { SiteState } from "../../../src/site/state.ts";
import { SeriesItems } from "../../judge/series-items.ts";
import { Violation } from "../checker.ts";
import { type Amount, addAmounts, isSameAmount, nothing, showAmount } from "./amounts.ts";
import { keyName, type ReadingKey } from "./expected-definitions.ts";
import type { Applying } from "./site-books.ts";
import type { ToldMerge, ToldWindow } from "./told-items.ts";
import { compare, mayHaveLeft } from "./window-comparison.ts";
import type { WindowLedger } from "./window-ledger.ts";

const name = "conservation";

/** Answers the windows that left. */
export function expectMerges(
  { known, merges }: Pick<Applying, "known" | "merges">,
  ledger: WindowLedger,
  state: SiteState,
): readonly ReadingKey[] {
  if (merges.length !== known.merges.length) {
    throw new Violation(name, `entry ${known.index} makes ${merges.length} merged items of ${known.merges.length}`);
  }
  for (const [place, merge] of merges.entries()) checkMerge(merge, known.merges[place] ?? [], state);
  return merges.flatMap(({ merged }) => (merged.adds ? [] : leave(known.index, merged, ledger, state)));
}

function checkMerge({ merged, replaced }: ToldMerge, taken: readonly number[], state: SiteState): void {
  const what = `item ${merged.id.generation}.${merged.id.number}, merged of ${keyName(merged.key)},`;
  const named = replaced.map(({ id }) => id.number);
  if (named.join() !== [...taken].sort((a, b) => a - b).join()) {
    throw new Violation(name, `${what} replaces ${named.join()}, and ${taken.join()} are taken out of the outbox`);
  }
  const left = named.find((number) => state.outbox.holds(number));
  if (left !== undefined) throw new Violation(name, `${what} replaces ${left}, which is still in the outbox`);
  const due = amountOfItems(replaced);
  if (!isSameAmount(merged.amount, due)) {
    throw new Violation(name, `${what} is ${showAmount(merged.amount)}; what it replaces is ${showAmount(due)}`);
  }
  const [start, end] = [
    Math.min(...replaced.map(({ key }) => key.start)),
    Math.max(...replaced.map((each) => each.end)),
  ];
  if (merged.key.start !== start || merged.end !== end) {
    throw new Violation(name, `${what} is from ${merged.key.start} to ${merged.end}, and not from ${start} to ${end}`);
  }
  const items = replaced.reduce((sum, { replacedItems }) => sum + replacedItems + 1, 0);
  if (merged.replacedItems !== items) {
    throw new Violation(name, `${what} says that it replaces ${merged.replacedItems} items, and it replaces ${items}`);
  }
}

/** As a consumer adds them up, before it hears of the one that replaces them. */
function amountOfItems(items: readonly ToldWindow[]): Amount {
  const series = new SeriesItems<ToldWindow & { readonly place: ToldWindow["id"]; readonly start: number }>();
  for (const item of items) series.add({ ...item, place: item.id, start: item.key.start, replaces: undefined });
  return series.counting().reduce((sum, { amount }) => addAmounts(sum, amount), nothing);
}

function leave(index: number, { key, end }: ToldWindow, ledger: WindowLedger, state: SiteState): readonly ReadingKey[] {
  const within = [...ledger.all()]
    .map(([, expected]) => expected)
    .filter((expected) => {
      const { aggregation, group, start } = expected.key;
      return aggregation === key.aggregation && group === key.group && start >= key.start && start < end;
    });
  for (const expected of within.filter(({ hasLeft }) => !hasLeft)) {
    mayHaveLeft(expected);
    compare(state, ledger.change(index, expected.key, { hasLeft: true }), index);
  }
  return within.map((expected) => expected.key);
}
