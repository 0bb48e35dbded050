import { it } from "vitest";
import { siteBooks } from "../../../../firmware-sim/world/books/site-books.ts";
import { siteTimeChecker } from "../../../../firmware-sim/world/checkers/site-time.ts";
import { siteTime } from "../../../../src/base/units.ts";
import { CheckedSite, epoch, expectCaught, firstOf } from "./checked-site.ts";

const watched = (): CheckedSite => new CheckedSite([siteBooks, siteTimeChecker]);

it("time that stands or goes on, and stamps that do so in each life", () => {
  const site = watched();
  site.take("a", [11, 12], { at: epoch });
  site.take("a", [13], { at: epoch + 1000 });
  site.now = epoch + 1000;
  site.count("a", 0, 3);
  site.live("a");
  site.take("a", [14], { at: epoch + 500 });
});

it("caught: an entry that bears an earlier time than one before it", () => {
  const site = watched();
  site.now -= 1;
  expectCaught("site-time", () => site.close());
});

it("caught: a device whose stamps go back", () => {
  const site = watched();
  site.take("a", [11], { at: epoch + 5000 });
  expectCaught("site-time", () => site.take("a", [12], { at: epoch + 4999 }));
});

it("caught: a reading counted that is stamped more than 2 s ahead", () => {
  const site = watched();
  site.take("a", [11], { at: epoch + 2001 });
  expectCaught("site-time", () => site.count("a", 0, 1, { at: epoch }));
});

it("caught: an entry whose newest stamp is not the newest that it counts", () => {
  const site = watched();
  site.take("a", [11, 12], { at: epoch });
  expectCaught("site-time", () => site.count("a", 0, 2, { stampMax: epoch + 500 }));
});

it("caught: a replica that forgets how far time has come", () => {
  const site = watched();
  Object.defineProperty(firstOf(site).replica.state, "siteTimeFloor", { get: () => siteTime(1) });
  expectCaught("site-time", () => site.close());
});
