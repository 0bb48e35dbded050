import { it } from "vitest";
import { siteBooks } from "../../../../firmware-sim/world/books/site-books.ts";
import { countRefusals } from "../../../../firmware-sim/world/checkers/count-refusals.ts";
import { deviceId } from "../../../../src/base/ids.ts";
import { logIndex, siteTime } from "../../../../src/base/units.ts";
import { configuration, epoch, origin } from "../../../site/site-fixture.ts";
import { CheckedSite, expectCaught, firstOf } from "./checked-site.ts";

const watched = (): CheckedSite => new CheckedSite([siteBooks, countRefusals]);

it("a count is refused where the definitions changed since it was folded", () => {
  const site = watched();
  site.take("a", [11, 12]);
  const { revision } = firstOf(site).replica.state.definitions;
  site.configure(configuration(["a"]));
  const move = { origin: origin("a", 1), from: 0, to: 2, check: 0, stored: 2 };
  site.commit({ kind: "count", revision: logIndex(revision), moves: [move], stampMax: siteTime(epoch), parts: [] });
});

it("a count is refused whose origin was removed while it was on its way", () => {
  const site = watched();
  site.take("b", [11, 12]);
  site.commit({ kind: "remove", device: deviceId("b") });
  site.count("b", 0, 2);
});

it("caught: a count that does not begin where its origin stands, as of a coordinator that forgot what it had in flight", () => {
  const site = watched();
  site.take("a", [11, 12, 13]);
  site.count("a", 0, 2);
  expectCaught("count-refusals", () => site.count("a", 0, 3));
});

it("caught: a count of a stranger, who is no member and never was", () => {
  const site = watched();
  site.take("z", [11, 12]);
  expectCaught("count-refusals", () => site.count("z", 0, 2));
});

it("caught: a count with stamps ahead of site time, which no coordinator takes", () => {
  const site = watched();
  site.take("a", [11, 12], { at: epoch + 60_000 });
  expectCaught("count-refusals", () => site.count("a", 0, 2, { at: epoch }));
});
