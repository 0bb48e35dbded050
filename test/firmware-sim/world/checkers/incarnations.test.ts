import { it } from "vitest";
import { siteBooks } from "../../../../firmware-sim/world/books/site-books.ts";
import { incarnations } from "../../../../firmware-sim/world/checkers/incarnations.ts";
import { deviceId } from "../../../../src/base/ids.ts";
import { term } from "../../../../src/base/units.ts";
import type { RaftEffect } from "../../../../src/raft/types.ts";
import { SiteState } from "../../../../src/site/state.ts";
import { CheckedSite, expectCaught, firstOf } from "./checked-site.ts";

const watched = (): CheckedSite => new CheckedSite([siteBooks, incarnations]);

/** Entries are done that a right state refuses. */
function appliesAnything(site: CheckedSite): void {
  site.lives.splice(1);
  firstOf(site).replica.state.apply = ({ index }) => ({
    outcome: { kind: "done", index },
    touched: new Set(),
    moves: [],
  });
}

it("new incarnations, heirs, removed devices that come back as new ones, copies", () => {
  const site = watched();
  site.live("a", 2);
  site.join("a", 2, 1);
  site.join("a", 2, 1);
  site.commit({ kind: "remove", device: deviceId("b") });
  site.join("b", 2);
  site.tell((checker) => checker.cardCopied?.("card of a", "backup"));
  site.tell((checker) => checker.cardLost?.("card of a", "everything"));
  site.live("a", 2, "backup");
});

it("caught: a removed incarnation that is a member again", () => {
  const site = watched();
  site.join("a", 2);
  appliesAnything(site);
  expectCaught("incarnations", () => site.join("a", 1));
});

it("caught: two heirs of one card's readings", () => {
  const site = watched();
  site.join("a", 2, 1);
  appliesAnything(site);
  expectCaught("incarnations", () => site.join("a", 3, 1));
});

it("caught: a replica with another member table", () => {
  const site = watched();
  const { state } = firstOf(site).replica;
  Object.defineProperty(state, "members", { get: () => SiteState.empty().members });
  expectCaught("incarnations", () => site.join("a", 2));
});

it("caught: a removed incarnation that becomes leader", () => {
  const site = watched();
  site.join("a", 2);
  const leads: RaftEffect = { kind: "role", role: "leader", term: term(2), leader: undefined, why: "" };
  const first = firstOf(site);
  expectCaught("incarnations", () => site.tell((checker) => checker.stepped?.(first, undefined as never, [leads])));
});

it("caught: an incarnation whose card is lost, on a new card", () => {
  const site = watched();
  site.tell((checker) => checker.cardLost?.("card of a", "everything"));
  expectCaught("incarnations", () => site.live("a", 1, "new card"));
});
