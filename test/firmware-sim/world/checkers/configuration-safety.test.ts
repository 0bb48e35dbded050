import { expect, it } from "vitest";
import { doQuorumsIntersect } from "../../../../firmware-sim/world/books/quorums.ts";
import { configurationSafety } from "../../../../firmware-sim/world/checkers/configuration-safety.ts";
import { type DeviceId, type Incarnation, siteId } from "../../../../src/base/ids.ts";
import { logIndex, siteTime, term } from "../../../../src/base/units.ts";
import { encodeProposal } from "../../../../src/site/command-codec.ts";
import type { Command } from "../../../../src/site/types.ts";
import { a, b, c, d, e } from "../../../raft/kit.ts";
import { type Actor, command, configuration, elect, hardState, noop, quietSite, replicate, startAt } from "./story.ts";

it("a change before an entry of the own term is committed (the single-server bug)", () => {
  const { y } = quietSite(configurationSafety);
  y.put({ hardState: hardState(2, b) });
  y.lead(2, noop(4, 2));
  expect(() => y.write({ entries: [configuration(5, 2, [a, b, c], [b])] })).toThrow(
    /configuration-safety: b@.* the configuration 5 .* before an entry of its own term is committed/,
  );
});

it("a second change while one is not committed", () => {
  const { x } = quietSite(configurationSafety);
  x.put({ entries: [configuration(4, 1, [a, b, c], [a, b, d])] });
  expect(() => x.write({ entries: [configuration(5, 1, [a, b, d])] })).toThrow(
    /while the one before it, 4, is not committed/,
  );
});

it("a change at once from three voters to three others", () => {
  const { x } = quietSite(configurationSafety);
  expect(() => x.write({ entries: [configuration(4, 1, [a, d, e])] })).toThrow(
    /a majority of each can decide without the other/,
  );
});

it("an even number of voters", () => {
  const { x } = quietSite(configurationSafety);
  expect(() => x.write({ entries: [configuration(4, 1, [a, b, c], [a, b])] })).toThrow(/of 2 voters, an even number/);
});

it("a leader that leads on without being a voter", () => {
  const { x, y, z } = quietSite(configurationSafety);
  replicate(x, [y, z], configuration(4, 1, [a, b, c], [c]));
  for (const each of [x, y, z]) each.put({ entries: [configuration(5, 1, [c])] });
  expect(() => x.step({ commit: logIndex(5) })).toThrow(/a@.* leads on, and \[c@.*\] is committed/);
});

it("a member that goes by a configuration which was taken back, or is not there yet", () => {
  const { x, y } = quietSite(configurationSafety);
  x.put({ entries: [configuration(4, 1, [a, b, c], [c, d, e])] });
  const { voters } = x.status;
  expect(() => x.put({ truncateAfter: logIndex(3), entries: [noop(4, 2)] }, { voters })).toThrow(
    /a@.* goes by .* and its log says/,
  );
  expect(() => y.step({ voters })).toThrow(/b@.* goes by/);
});

it("a snapshot with a configuration that was not committed there", () => {
  const { x, y, z } = quietSite(configurationSafety);
  replicate(x, [y], configuration(4, 1, [a, b, c], [a, b, d]));
  expect(() => z.put({ start: startAt(4, 1, [a, b, c]) })).toThrow(
    /log of c@.* begins after 4 with .* where .* was committed/,
  );
});

it("a card that comes back with a configuration that was not committed there", () => {
  const { x, y, z } = quietSite(configurationSafety);
  replicate(x, [y], configuration(4, 1, [a, b, c], [a, b, d]));
  z.end();
  expect(() => z.begin({ start: startAt(4, 1, [a, b, d]), entries: [] })).toThrow(/begins after 4/);
});

const given = (actor: Actor, index: number, asked: Command): void => {
  const { outcome } = actor.state.apply({
    index: logIndex(index),
    term: term(1),
    siteTime: siteTime(0),
    command: encodeProposal({ client: undefined, command: asked }),
  });
  expect(outcome.kind).toBe("done");
};

/** `d` was a member, and was removed: so it stands in the state of `actor`. */
function removeD(actor: Actor): void {
  const join = {
    device: "d" as DeviceId,
    incarnation: "0".repeat(32) as Incarnation,
    session: 1,
    start: 1,
    was: [],
    version: "",
  };
  given(actor, 1, { kind: "found", site: siteId("test"), generation: { number: 1, nonce: "a".repeat(32) } });
  given(actor, 2, { kind: "join", joins: [join] });
  given(actor, 3, { kind: "remove", device: join.device });
  expect(actor.state.isGone(d)).toBe(true);
}

it("a removed incarnation that is made a voter", () => {
  const { x } = quietSite(configurationSafety);
  removeD(x);
  expect(() => x.apply(configuration(4, 1, [a, b, c], [a, b, d]))).toThrow(/with entry 4 d@.* becomes a voter/);
});

it("a removed incarnation that is elected", () => {
  const { story } = quietSite(configurationSafety);
  const removed = story.device(d).begin();
  removeD(removed);
  expect(() => removed.lead(2, noop(1, 2))).toThrow(/d@.* was removed from the site and is elected in term 2/);
});

it("a whole change, and an election inside it, break nothing", () => {
  const { x, y, z } = quietSite(configurationSafety);
  replicate(x, [y, z], configuration(4, 1, [a, b, c], [b, c, d]));
  x.step({ role: "follower" });
  elect(y, [z], 2, noop(5, 2));
  replicate(y, [z], configuration(6, 2, [b, c, d]));
  replicate(y, [z], command(7, 2));
});

it("majorities meet where they must", () => {
  const [three, others] = [{ current: [a, b, c] }, { current: [c, d, e] }];
  expect(doQuorumsIntersect(three, three)).toBe(true);
  expect(doQuorumsIntersect(three, others)).toBe(false);
  expect(doQuorumsIntersect(three, { current: [a, b, c, d] })).toBe(true);
  expect(doQuorumsIntersect(three, { current: [a, b, c, d, e] })).toBe(false);
  expect(doQuorumsIntersect(three, { ...three, incoming: others.current })).toBe(true);
  expect(doQuorumsIntersect({ ...three, incoming: others.current }, others)).toBe(true);
  expect(doQuorumsIntersect({ ...three, incoming: others.current }, { current: [a] })).toBe(false);
});
