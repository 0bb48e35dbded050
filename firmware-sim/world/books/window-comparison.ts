// A replica's windows held against the ledger (invariant C, checkers/conservation.ts).

import type { WindowKey } from "../../../src/readings/types.ts";
import type { SiteState } from "../../../src/site/state.ts";
import { foldOf, type SiteWindow } from "../../../src/site/windows.ts";
import { Violation } from "../checker.ts";
import { amountOfFold, isSameAmount, nothing, showAmount } from "./amounts.ts";
import { keyName, type ReadingKey } from "./expected-definitions.ts";
import type { ExpectedWindow } from "./window-ledger.ts";

const name = "conservation";

export const asKey = (key: ReadingKey): WindowKey => key as WindowKey;

export function compare(state: SiteState, expected: ExpectedWindow, index: number): void {
  const { key, hasLeft } = expected;
  compareOne(state.window(asKey(key)), { ...expected, amount: hasLeft ? nothing : expected.amount }, index);
  compareOne(state.supplement(asKey(key)), { ...expected, amount: expected.late }, index);
}

export function compareOne(window: SiteWindow | undefined, { key, amount }: ExpectedWindow, index: number): void {
  const shown = window === undefined ? nothing : amountOfFold(foldOf(window));
  if (isSameAmount(shown, amount)) return;
  const which = window?.isSupplement === true ? "supplement of " : "";
  const both = `has ${showAmount(shown)}; its readings are ${showAmount(amount)}`;
  throw new Violation(name, `after ${index}, ${which}${keyName(key)} ${both}`);
}

export function mayHaveLeft({ key, amount, published }: ExpectedWindow): void {
  if (isSameAmount(amount, published ?? nothing)) return;
  throw new Violation(
    name,
    `${keyName(key)} left with ${showAmount(amount)}, and ${showAmount(published ?? nothing)} published`,
  );
}
