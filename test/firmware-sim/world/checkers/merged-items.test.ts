// Items that a site without its uplink merged (docs/decisions/0006), as the checkers of counting see them.

import { describe, expect, it } from "vitest";
import { siteBooks } from "../../../../firmware-sim/world/books/site-books.ts";
import { countingCheckers } from "../../../../firmware-sim/world/checkers/counting.ts";
import { everythingCounted } from "../../../../firmware-sim/world/checkers/everything-counted.ts";
import type { OutboxMerge } from "../../../../src/site/types.ts";
import { type Degrade, degradeOf } from "../../../site/merging.ts";
import { hex } from "../../../site/site-fixture.ts";
import { CheckedSite, epoch, expectCaught, firstOf } from "./checked-site.ts";

const minute = 60_000;
const windows = 10;

/** Ten windows of a minute wait, of two slots of five minutes: items 1 to 10. */
function waiting(checkers = countingCheckers): CheckedSite {
  const site = new CheckedSite(checkers);
  // One more than it is counted for, so that one comes late.
  site.take("a", [100]);
  for (let round = 0; round < windows; round++) {
    site.now = epoch + round * minute;
    site.take("b", [10 + round]);
    site.count("b", round, round + 1);
  }
  site.now += 2 * minute;
  site.close();
  expect(firstOf(site).replica.state.outbox.next).toBe(windows + 1);
  return site;
}

function degrade(site: CheckedSite, changed: (merge: OutboxMerge) => OutboxMerge = (merge) => merge): void {
  const command = degradeOf({ state: firstOf(site).replica.state } as Parameters<typeof degradeOf>[0]);
  const [first, ...rest] = command?.merges ?? [];
  if (command === undefined || first === undefined) throw new Error("nothing can be merged");
  const wrong: Degrade = { ...command, merges: [changed(first), ...rest] };
  expect(site.commit(wrong)?.outcome.kind).toBe("done");
}

const told = (site: CheckedSite, item: ReturnType<CheckedSite["upload"]>): void =>
  site.tell((checker) => checker.uplink?.(item, "a"));
const upload = (site: CheckedSite, ...numbers: readonly number[]): void => {
  for (const number of numbers) told(site, site.upload(number));
};
const acknowledge = (site: CheckedSite, upTo: number): void => {
  site.commit({ kind: "cursor", upTo });
  site.tell((checker) => checker.second?.());
};
const heal = (site: CheckedSite): void => site.tell((checker) => checker.healed?.());

describe("merged items", () => {
  it("stand for what they replace, and what comes late is added to them", () => {
    const site = waiting();
    const repeated = site.upload(2);
    degrade(site);
    site.count("a", 0, 1);
    site.commit({ kind: "checkpoint", previous: undefined });
    site.now += minute;
    site.close();
    upload(site, windows + 1, windows + 2, windows + 3);
    // From a coordinator who had not heard that it is replaced.
    told(site, repeated);
    told(site, repeated);
    acknowledge(site, windows + 3);
    heal(site);
  });

  it("of a replica that lags, and of one that begins anew, are the same", () => {
    const site = waiting();
    const [, late] = site.lives;
    if (late === undefined) throw new Error("two replicas are needed");
    site.lagging.add(late);
    degrade(site);
    site.catchUp(late);
    site.live("a");
    expect(late.replica.state.outbox.count).toBe(2);
  });

  it("of a lost majority are void: what they had replaced counts again, and is merged again", () => {
    const site = waiting([siteBooks, everythingCounted]);
    const fine = Array.from({ length: windows }, (_, i) => site.upload(i + 1));
    // Nobody who is left knows of it.
    const [first] = fine;
    if (first === undefined) throw new Error("no item");
    const lost = JSON.parse(Buffer.from(first.payload).toString()) as object;
    const body = { ...lost, id: "1.11", spanMs: 5 * minute, count: 5, sum: 60, max: 14, replaces: "1.1-1.5" };
    const coarse = { ...first, payload: Buffer.from(JSON.stringify({ ...body, replacedItems: 5 })) };
    for (const item of fine) told(site, item);
    told(site, coarse);
    site.commit({ kind: "found", site: "house" as never, generation: { number: 2, nonce: hex(8) } });
    site.count("a", 0, 1);
    site.now += minute;
    site.close();
    upload(site, windows + 1);
    heal(site);
    degrade(site);
    upload(site, windows + 2);
    told(site, coarse);
    upload(site, ...(firstOf(site).replica.state.outbox.next > windows + 3 ? [windows + 3] : []));
    heal(site);
  });
});

describe("caught:", () => {
  it("a merged item that tells another sum", () => {
    const site = waiting();
    const lose = (merge: OutboxMerge): OutboxMerge => ({
      ...merge,
      fold: { ...merge.fold, sum: merge.fold.sum - 1 },
    });
    expectCaught("conservation", () => degrade(site, lose));
  });

  it("one that does not name all that it takes out", () => {
    const ranges = [{ first: { generation: 1, number: 1 }, last: { generation: 1, number: 4 } }];
    const name = (merge: OutboxMerge): OutboxMerge => ({ ...merge, replaces: { ...merge.replaces, ranges } });
    expectCaught("conservation", () => degrade(waiting(), name));
  });

  it("one that names what still waits", () => {
    const ranges = [{ first: { generation: 1, number: 1 }, last: { generation: 1, number: 9 } }];
    const name = (merge: OutboxMerge): OutboxMerge => ({ ...merge, replaces: { ...merge.replaces, ranges } });
    expectCaught("conservation", () => degrade(waiting(), name));
  });

  it("one that says that it replaces more than it does", () => {
    const more = (merge: OutboxMerge): OutboxMerge => ({ ...merge, replaces: { ...merge.replaces, items: 6 } });
    expectCaught("conservation", () => degrade(waiting(), more));
  });

  it("one that is longer than what is in it", () => {
    const longer = (merge: OutboxMerge): OutboxMerge => ({ ...merge, end: (merge.end + minute) as OutboxMerge["end"] });
    expectCaught("conservation", () => degrade(waiting(), longer));
  });

  it("one that never comes", () => {
    const site = waiting([siteBooks, everythingCounted]);
    degrade(site);
    site.count("a", 0, 1);
    upload(site, windows + 1);
    expectCaught("everything-counted", () => heal(site));
  });

  it("one that the uplink is said to have, and has not", () => {
    const site = waiting();
    degrade(site);
    upload(site, windows + 1);
    expectCaught("outbox-order", () => acknowledge(site, windows + 2));
  });
});
