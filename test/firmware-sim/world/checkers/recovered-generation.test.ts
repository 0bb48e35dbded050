// What a recovery adopts is in no log; the books are told, and what the recovered device starts with must be that.

import { expect, it } from "vitest";
import { booksOf, siteBooks } from "../../../../firmware-sim/world/books/site-books.ts";
import type { CheckedWorld } from "../../../../firmware-sim/world/checker.ts";
import { conservation } from "../../../../firmware-sim/world/checkers/conservation.ts";
import { deviceId } from "../../../../src/base/ids.ts";
import { logIndex, siteTime, term } from "../../../../src/base/units.ts";
import type { Entry } from "../../../../src/raft/types.ts";
import { encodeProposal } from "../../../../src/site/command-codec.ts";
import { SiteState } from "../../../../src/site/state.ts";
import type { Command } from "../../../../src/site/types.ts";
import { hex, incarnation, origin } from "../../../site/site-fixture.ts";
import { type CheckedLife, CheckedSite, expectCaught, firstOf } from "./checked-site.ts";

/** `b` burned; of the last entries `a` does not know whether they were agreed. Answers what `a` holds in the end. */
function recovered({ unknown = 1 }: { unknown?: number } = {}) {
  let checked: CheckedWorld | undefined;
  const site = new CheckedSite([
    siteBooks,
    conservation,
    (world) => {
      checked = world;
      return { name: "spy" };
    },
  ]);
  site.take("a", [11, 12, 13]);
  site.take("b", [101, 102]);
  site.count("b", 0, 1);
  site.count("a", 0, 1);
  const [old] = [firstOf(site)];
  const committed = site.log.length - unknown;
  const state = SiteState.empty();
  for (const entry of site.log.slice(0, committed)) if (entry.kind === "command") state.apply(entry);
  const at = site.log.length + 1;
  const life: CheckedLife = {
    ...old,
    number: -2,
    self: origin("a", 2),
    generation: () => 2,
    replica: { ...old.replica, state, appliedIndex: logIndex(at) },
  };
  const adopt = (entry: Entry): void => {
    if (entry.kind !== "command") return;
    const applied = state.apply(entry);
    site.tell((checker) => checker.adopted?.(life, entry, applied));
  };
  const made = (command: Command): Entry => ({
    kind: "command",
    index: logIndex(at),
    term: term(1_001),
    siteTime: siteTime(site.now),
    command: encodeProposal({ client: undefined, command }),
  });
  site.tell((checker) => checker.generationBegan?.(life, logIndex(committed)));
  adopt(made({ kind: "found", site: "house" as never, generation: { number: 2, nonce: hex(8) } }));
  for (const entry of site.log.slice(committed)) adopt(entry);
  adopt(made({ kind: "remove", device: deviceId("b") }));
  const join = { device: deviceId("a"), incarnation: incarnation(2), session: 1, start: 0, version: "0" };
  adopt(made({ kind: "join", joins: [{ ...join, was: [incarnation(1)] }] }));
  const begin = (replica: CheckedLife["replica"]): void =>
    site.tell((checker) => checker.lifeBegan?.({ ...life, number: 9, replica }, undefined as never));
  if (checked === undefined) throw new Error("each checker is given its world");
  return { site, life, begin, books: booksOf(checked) };
}

it.each([0, 1, 2])(
  "the next generation has what the survivor held, agreed or not (%i entries of which it cannot know)",
  (unknown) => {
    const { life, begin, books } = recovered({ unknown });
    begin(life.replica);
    const { newest } = books;
    expect(newest?.facts.generation?.number).toBe(2);
    expect([newest?.counted.get(origin("a", 2)), newest?.counted.get(origin("b", 1))]).toEqual([1, 1]);
    expect([...(newest?.members.keys() ?? [])]).toEqual(["a"]);
    expect([...(newest?.totals.entries() ?? [])].reduce((sum, [, { amount }]) => sum + amount.sum, 0)).toBe(11 + 101);
  },
);

it("caught: a device that starts with less than was adopted", () => {
  const { site, life, begin } = recovered();
  const less = SiteState.empty();
  for (const entry of site.log.slice(0, -1)) if (entry.kind === "command") less.apply(entry);
  expectCaught("conservation", () => begin({ ...life.replica, state: less }));
});
