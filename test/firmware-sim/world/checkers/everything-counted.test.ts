import { expect, it } from "vitest";
import { siteBooks } from "../../../../firmware-sim/world/books/site-books.ts";
import { everythingCounted } from "../../../../firmware-sim/world/checkers/everything-counted.ts";
import { CheckedSite, expectCaught, firstOf } from "./checked-site.ts";

const minute = 60_000;

/** Two editions of one window, and one of another, all in the cloud. */
function watched(): CheckedSite {
  const site = new CheckedSite([siteBooks, everythingCounted]);
  site.take("a", [11, 12, 13]);
  site.count("a", 0, 2);
  site.now += 2 * minute;
  site.close();
  site.count("a", 2, 3);
  site.now += 2 * minute;
  site.close();
  site.take("b", [101]);
  site.count("b", 0, 1);
  site.now += 2 * minute;
  site.close();
  return site;
}

const upload = (site: CheckedSite, ...numbers: readonly number[]): void => {
  for (const number of numbers) site.tell((checker) => checker.uplink?.(site.upload(number), "a"));
};
const heal = (site: CheckedSite): void => site.tell((checker) => checker.healed?.());
const waitsFor = (site: CheckedSite): string | undefined =>
  site.checkers.map((checker) => checker.waitsFor?.()).find((why) => why !== undefined);

it("the cloud has it all, repeats included", () => {
  const site = watched();
  upload(site, 1, 2, 1, 3);
  expect(waitsFor(site)).toBeUndefined();
  heal(site);
});

it("what a lost card had uncounted is not missed, and named", () => {
  const site = watched();
  upload(site, 1, 2, 3);
  site.take("a", [14]);
  site.tell((checker) => checker.cardLost?.("card of a", "everything"));
  site.live("a", 2, "new card");
  site.join("a", 2);
  heal(site);
});

it("caught: a reading that is never counted", () => {
  const site = watched();
  upload(site, 1, 2, 3);
  site.take("a", [14]);
  expect(waitsFor(site)).toMatch(/counted up to 3, and has taken 4/);
  expectCaught("everything-counted", () => heal(site));
});

it("caught: an edition that never comes", () => {
  const site = watched();
  upload(site, 1, 3);
  expectCaught("everything-counted", () => heal(site));
});

it("caught: a window that is told with another sum", () => {
  const site = watched();
  upload(site, 1, 2);
  const item = site.upload(3);
  const payload = Buffer.from(Buffer.from(item.payload).toString().replace('"sum":101', '"sum":102'));
  site.tell((checker) => checker.uplink?.({ ...item, payload }, "a"));
  expectCaught("everything-counted", () => heal(site));
});

it("caught: a replica that stands elsewhere in the end", () => {
  const site = watched();
  upload(site, 1, 2, 3);
  firstOf(site).replica.state.counted = () => 1;
  expectCaught("everything-counted", () => heal(site));
});

it("caught: more readings named as destroyed than there were", () => {
  const site = watched();
  upload(site, 1, 2, 3);
  site.take("a", [14]);
  site.count("a", 3, 4, { stored: 9 });
  site.now += 2 * minute;
  site.close();
  upload(site, 4);
  site.live("a", 2, "new card");
  site.join("a", 2);
  expectCaught("everything-counted", () => heal(site));
});

it("what rotted uncounted is not missed, nor what lay beside it in the log that was set aside", () => {
  const site = watched();
  upload(site, 1, 2, 3);
  site.take("a", [14, 15]);
  site.tell((checker) => checker.cardLost?.("card of a", "readings"));
  site.setAside("card of a");
  site.live("a", 2);
  site.join("a", 2);
  heal(site);
});

it("caught: a device that begins anew although its readings are whole, and leaves some uncounted", () => {
  const site = watched();
  upload(site, 1, 2, 3);
  site.take("a", [14]);
  site.live("a", 2, "new card");
  site.join("a", 2);
  expectCaught("everything-counted", () => heal(site));
});
