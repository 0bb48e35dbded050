import { it } from "vitest";
import { siteBooks } from "../../../../firmware-sim/world/books/site-books.ts";
import { noLostChange } from "../../../../firmware-sim/world/checkers/no-lost-change.ts";
import { logIndex } from "../../../../src/base/units.ts";
import { diffConfiguration } from "../../../../src/site/configuration-diff.ts";
import type { Applied, Command } from "../../../../src/site/types.ts";
import { configuration } from "../../../site/site-fixture.ts";
import { CheckedSite, expectCaught, firstOf } from "./checked-site.ts";

const watched = (): CheckedSite => new CheckedSite([siteBooks, noLostChange]);

/** A change made to `base`. */
function change(site: CheckedSite, base: number): Command {
  const changes = diffConfiguration(firstOf(site).replica.state.configuration, configuration(["a", "b", "c"]));
  return { kind: "configure", base: logIndex(base), changes, author: "anna", note: "" };
}

/** From now on the state of each replica answers a change so, whatever it is made to. */
function answering(site: CheckedSite, answer: (index: number) => Applied["outcome"]): void {
  for (const { replica } of site.lives) {
    const { state } = replica;
    const apply = state.apply.bind(state);
    state.apply = (entry) => ({ ...(apply(entry) as Applied), outcome: answer(entry.index) });
  }
}

it("changes made one after the other apply, and one made to what is no longer in force is refused", () => {
  const site = watched();
  const { revision } = firstOf(site).replica.state;
  site.configure(configuration(["a"]));
  site.commit(change(site, revision));
  site.configure(configuration(["a", "b"]));
});

it("caught: a change that applies to what another one has replaced", () => {
  const site = watched();
  const { revision } = firstOf(site).replica.state;
  site.configure(configuration(["a"]));
  answering(site, (index) => ({ kind: "done", index: logIndex(index) }));
  expectCaught("no-lost-change", () => site.commit(change(site, revision)));
});

it("caught: a change that is refused although it was made to what is in force", () => {
  const site = watched();
  const { revision } = firstOf(site).replica.state;
  answering(site, () => ({ kind: "refused", reason: "stale-revision", detail: "" }));
  expectCaught("no-lost-change", () => site.commit(change(site, revision)));
});
