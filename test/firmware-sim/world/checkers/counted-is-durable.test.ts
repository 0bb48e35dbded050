import { it } from "vitest";
import { siteBooks } from "../../../../firmware-sim/world/books/site-books.ts";
import { countedIsDurable } from "../../../../firmware-sim/world/checkers/counted-is-durable.ts";
import { CheckedSite, expectCaught } from "./checked-site.ts";

const watched = (): CheckedSite => new CheckedSite([siteBooks, countedIsDurable]);

it("what is synced may be counted, and an heir begins where its card was counted", () => {
  const site = watched();
  site.take("a", [11, 12, 13]);
  site.count("a", 0, 2);
  site.live("a", 2);
  site.join("a", 2, 1);
  site.count("a", 2, 3, { life: 2 });
});

it("an heir whose copy of a card is older than what is counted begins behind it", () => {
  const site = watched();
  site.take("a", [11, 12]);
  site.tell((checker) => checker.cardCopied?.("card of a", "copy"));
  site.take("a", [13]);
  site.count("a", 0, 3);
  site.live("a", 2, "copy");
  site.join("a", 2, 1);
});

it("caught: a reading counted before its sync returned", () => {
  const site = watched();
  site.take("a", [11]);
  expectCaught("counted-is-durable", () => site.count("a", 0, 2));
});

it("caught: readings counted that only another device has", () => {
  const site = watched();
  site.take("b", [11, 12]);
  expectCaught("counted-is-durable", () => site.count("a", 0, 2, { card: "card of b" }));
});
