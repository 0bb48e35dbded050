// Seed 1033 of the world: an aggregation was removed and made again within one window, while that window had just left the state
// (the outbox had merged it). The later definition lengthened the window, and what came for it opened it anew, as a first edition.

import { expect, it } from "vitest";
import { siteTime } from "../../src/base/units.ts";
import { emptyFold } from "../../src/readings/fold.ts";
import { Windows } from "../../src/site/windows.ts";

const key = { aggregation: "all", group: "temperature", start: siteTime(60_000) };

it("what comes for a window that has left is a supplement, also where a later definition has lengthened it", () => {
  const windows = new Windows(1_000_000, () => undefined);
  windows.add(key, { ...emptyFold, missing: 1 }, [], { end: siteTime(75_000), horizon: siteTime(0) });
  const window = windows.get(key);
  if (window === undefined) throw new Error("it is not there");
  windows.published(window, siteTime(80_000));
  const horizon = windows.drop((each) => each.key.start === key.start);
  expect(horizon).toBe(75_000);
  windows.add(key, { ...emptyFold, missing: 2 }, [], { end: siteTime(120_000), horizon });
  expect(windows.get(key)).toBeUndefined();
  expect(windows.supplement(key)?.isSupplement).toBe(true);
});

it("a window that has not left goes on, however long it became", () => {
  const windows = new Windows(1_000_000, () => undefined);
  windows.add(key, { ...emptyFold, missing: 1 }, [], { end: siteTime(75_000), horizon: siteTime(0) });
  windows.add(key, { ...emptyFold, missing: 2 }, [], { end: siteTime(120_000), horizon: siteTime(70_000) });
  expect(windows.supplement(key)).toBeUndefined();
  expect(windows.get(key)?.isSupplement).toBe(false);
});
