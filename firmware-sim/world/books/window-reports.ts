// What is said of readings that cards took with them (invariant C, checkers/conservation.ts).

import { memberOf } from "../../../src/base/ids.ts";
import type { SiteState } from "../../../src/site/state.ts";
import { foldOf } from "../../../src/site/windows.ts";
import { Violation } from "../checker.ts";
import { amountOfFold, hasSameValues } from "./amounts.ts";
import type { KnownEntry, Lineage, StoppedOrigin } from "./committed-entries.ts";
import { inForce, type ReadingKey } from "./expected-definitions.ts";
import { compareOne } from "./window-comparison.ts";
import type { WindowLedger } from "./window-ledger.ts";

const name = "conservation";

/**
 * What cards took with them uncounted is added to `missing` once in each aggregation that has a sensor of the device, and taken
 * away again where an heir turns up. Where it is told is the site's affair, how much is not.
 */
export function expectReports(
  ledger: WindowLedger,
  { lineage, known }: { readonly lineage: Lineage; readonly known: KnownEntry },
  state: SiteState,
): readonly ReadingKey[] {
  const { index, ended, resumed } = known;
  const isReported = [...ended, ...resumed].some(({ uncounted }) => uncounted > 0);
  if (!isReported) return [];
  const changed: ReadingKey[] = [];
  const reported = new Map<string, number>();
  for (const window of state.allWindows()) {
    const { key, isSupplement } = window;
    const expected = ledger.of(key);
    const due = isSupplement ? expected.late : expected.amount;
    const shown = amountOfFold(foldOf(window));
    if (!hasSameValues(shown, due)) compareOne(window, { ...expected, amount: due }, index);
    if (shown.missing === due.missing) continue;
    changed.push(key);
    reported.set(key.aggregation, (reported.get(key.aggregation) ?? 0) + shown.missing - due.missing);
    ledger.change(index, key, isSupplement ? { late: shown } : { amount: shown });
  }
  const { versions, floor } = lineage.facts;
  for (const [aggregation, { places }] of inForce(versions, floor)?.aggregations ?? []) {
    const devices = new Set([...places.values()].map(({ device }) => device));
    const owed = sumOf(ended.filter(({ origin }) => devices.has(memberOf(origin).device)));
    const least = owed - sumOf(resumed);
    const told = reported.get(aggregation) ?? 0;
    if (told >= least && told <= owed) continue;
    const due = least === owed ? `${owed}` : `${least} to ${owed}`;
    throw new Violation(
      name,
      `entry ${index} adds ${told} to what is missing in ${aggregation}, and ${due} readings were lost`,
    );
  }
  return changed;
}

const sumOf = (stopped: readonly StoppedOrigin[]): number => stopped.reduce((sum, { uncounted }) => sum + uncounted, 0);
