import { describe, it } from "vitest";
import { siteBooks } from "../../../../firmware-sim/world/books/site-books.ts";
import { outboxOrder } from "../../../../firmware-sim/world/checkers/outbox-order.ts";
import { degradeOf } from "../../../site/merging.ts";
import { CheckedSite, expectCaught, firstOf } from "./checked-site.ts";

const minute = 60_000;

/** With four items in the outbox. */
function watched(): CheckedSite {
  const site = new CheckedSite([siteBooks, outboxOrder]);
  for (let round = 0; round < 4; round++) {
    site.take("a", [10 + round]);
    site.count("a", round, round + 1);
    site.now += 2 * minute;
    site.close();
  }
  return site;
}

const upload = (site: CheckedSite, ...numbers: readonly number[]): void => {
  for (const number of numbers) site.tell((checker) => checker.uplink?.(site.upload(number), "a"));
};

it("items in order, and repeats after a failover", () => {
  const site = watched();
  upload(site, 1, 2, 1, 2, 3, 3, 4);
  site.commit({ kind: "cursor", upTo: 4 });
  site.tell((checker) => checker.second?.());
});

/** With ten windows of a minute in the outbox, of which the first five have become one, and so have the others: items 11 and 12. */
function merged(): CheckedSite {
  const site = new CheckedSite([siteBooks, outboxOrder]);
  for (let round = 0; round < 10; round++) {
    site.take("a", [10 + round]);
    site.count("a", round, round + 1);
    site.now += minute;
  }
  site.now += 2 * minute;
  site.close();
  const { outbox } = firstOf(site).replica.state;
  const command = degradeOf({ state: firstOf(site).replica.state });
  if (command !== undefined) site.commit(command);
  if (outbox.next !== 13 || outbox.count !== 2) throw new Error(`${outbox.count} items wait before ${outbox.next}`);
  return site;
}

it("items that say which ones they replace, and not one of those", () => {
  const site = merged();
  upload(site, 11, 12);
  site.tell((checker) => checker.healed?.());
});

describe("caught:", () => {
  it("an item left out", () => expectCaught("outbox-order", () => upload(watched(), 1, 3)));

  it("items that never came, and whose replacement never came either", () => {
    const site = merged();
    upload(site, 11);
    expectCaught("outbox-order", () => site.tell((checker) => checker.healed?.()));
  });

  it("an item after a higher one", () => expectCaught("outbox-order", () => upload(watched(), 2, 1)));

  it("an item that comes again with other bytes", () => {
    const site = watched();
    upload(site, 1);
    const item = site.upload(1);
    const payload = Buffer.from(Buffer.from(item.payload).toString().replace('"missing":0', '"missing":1'));
    expectCaught("outbox-order", () => site.tell((checker) => checker.uplink?.({ ...item, payload }, "a")));
  });

  it("an item that comes again on another topic", () => {
    const site = watched();
    upload(site, 1);
    const item = site.upload(1);
    expectCaught("outbox-order", () =>
      site.tell((checker) => checker.uplink?.({ ...item, topic: `${item.topic}/x` }, "a")),
    );
  });

  it("an item that no replica made", () => {
    const site = watched();
    const item = site.upload(1);
    const payload = Buffer.from(Buffer.from(item.payload).toString().replace('"count":1', '"count":2'));
    expectCaught("outbox-order", () => site.tell((checker) => checker.uplink?.({ ...item, payload }, "a")));
  });

  it("two replicas that make different items under one number", () => {
    const site = watched();
    const [, second] = site.lives;
    if (second === undefined) throw new Error("two replicas are needed");
    const honest = second.replica.state.outbox.item.bind(second.replica.state.outbox);
    second.replica.state.outbox.item = (number) => {
      const item = honest(number);
      return item && { ...item, retain: !item.retain };
    };
    site.take("a", [99]);
    site.count("a", 4, 5);
    site.now += 2 * minute;
    expectCaught("outbox-order", () => site.close());
  });

  it("a cursor that passes what has come", () => {
    const site = watched();
    upload(site, 1, 2);
    site.commit({ kind: "cursor", upTo: 3 });
    expectCaught("outbox-order", () => site.tell((checker) => checker.second?.()));
  });
});
