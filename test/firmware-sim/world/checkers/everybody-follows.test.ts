import { expect, it } from "vitest";
import { siteBooks } from "../../../../firmware-sim/world/books/site-books.ts";
import { everybodyFollows } from "../../../../firmware-sim/world/checkers/everybody-follows.ts";
import { CheckedSite, expectCaught } from "./checked-site.ts";

const watched = (): CheckedSite => new CheckedSite([siteBooks, everybodyFollows]);

function raftStatus(site: CheckedSite, incoming?: readonly string[]): void {
  const status = () => ({ role: "leader", voters: { current: [], incoming } });
  for (const life of site.lives) Object.assign(life.replica, { status });
}

/** What the healing phase waits for. */
const waitsFor = (site: CheckedSite): string | undefined =>
  site.checkers.map((checker) => checker.waitsFor?.()).find((why) => why !== undefined);

const healed = (site: CheckedSite) => (): void => site.tell((checker) => checker.healed?.());

it("nothing is waited for once all members have applied what was committed when it was asked first", () => {
  const site = watched();
  raftStatus(site);
  const [, second] = site.lives;
  if (second === undefined) throw new Error("two devices");
  site.lagging.add(second);
  site.commit({ kind: "cursor", upTo: 0 });
  expect(waitsFor(site)).toMatch(/^b@\w+ is at entry 4, and 5 was committed/);
  expectCaught("everybody-follows", healed(site));
  site.catchUp(second);
  site.lagging.add(second);
  site.commit({ kind: "cursor", upTo: 0 });
  expect(waitsFor(site)).toBeUndefined();
  expect(healed(site)).not.toThrow();
});

it("caught: a device that runs, and that the site has removed or never let in", () => {
  const site = watched();
  site.live("c");
  raftStatus(site);
  expect(waitsFor(site)).toMatch(/^c@\w+ runs, and is no member/);
  expectCaught("everybody-follows", healed(site));
});

it("caught: a change of voters that never ends", () => {
  const site = watched();
  raftStatus(site, []);
  expect(waitsFor(site)).toMatch(/leads in a joint configuration/);
  expectCaught("everybody-follows", healed(site));
});
