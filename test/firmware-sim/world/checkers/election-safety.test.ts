import { expect, it } from "vitest";
import { electionSafety } from "../../../../firmware-sim/world/checkers/election-safety.ts";
import { append, noop, quietSite } from "./story.ts";

it("two members that are elected in one term", () => {
  const { y } = quietSite(electionSafety);
  expect(() => y.lead(1, noop(4, 1))).toThrow(/election-safety: .*b@.* was elected in term 1.*so did a@/);
});

it("a member that speaks as leader in a term that another one won, and says so to nobody", () => {
  const { y } = quietSite(electionSafety);
  expect(() => y.say(append(1))).toThrow(/b@.* spoke as leader in term 1/);
});

it("an incarnation that goes on leading after a power cut, in the term that it had won before", () => {
  const { x } = quietSite(electionSafety);
  x.end();
  x.begin();
  expect(() => x.lead(1, noop(4, 1))).toThrow(/election-safety/);
});

it("the same term of another founding of the site is another term", () => {
  const { y } = quietSite(electionSafety);
  y.generation = 2;
  expect(() => y.lead(1, noop(4, 1))).not.toThrow();
});
