import { expect, it } from "vitest";
import { committedIsDurable } from "../../../../firmware-sim/world/checkers/committed-is-durable.ts";
import { logIndex } from "../../../../src/base/units.ts";
import { a, b, c, d, e } from "../../../raft/kit.ts";
import { command, configuration, hardState, noop, quietSite, replicate, startAt } from "./story.ts";

const lost = /committed-is-durable: a@.* commits entry 4 of term 1, which no majority/;

it("a leader that counts its own write before it is down", () => {
  const { x, y } = quietSite(committedIsDurable);
  x.write({ entries: [command(4, 1)] });
  y.put({ entries: [command(4, 1)] });
  expect(() => x.commit(4)).toThrow(lost);
});

it("a leader that counts what a follower has written and not synced", () => {
  const { x, y } = quietSite(committedIsDurable);
  x.put({ entries: [command(4, 1)] });
  y.write({ entries: [command(4, 1)] });
  expect(() => x.commit(4)).toThrow(lost);
});

it("a leader that counts another entry of the same index", () => {
  const { x, y } = quietSite(committedIsDurable);
  x.put({ entries: [command(4, 1)] });
  y.put({ entries: [command(4, 0)] });
  expect(() => x.commit(4)).toThrow(lost);
});

it("a leader that counts a learner", () => {
  const { story, x } = quietSite(committedIsDurable);
  const learner = story.device(d).begin();
  x.put({ entries: [command(4, 1)] });
  learner.put({ hardState: hardState(1), entries: [noop(1, 1), command(2, 1), command(3, 1), command(4, 1)] });
  expect(() => x.commit(4)).toThrow(lost);
});

it("a leader that counts one half of a joint configuration", () => {
  const { x, y, z } = quietSite(committedIsDurable);
  x.put({ entries: [configuration(4, 1, [a, b, c], [c, d, e])] });
  for (const other of [y, z]) other.put({ entries: [configuration(4, 1, [a, b, c], [c, d, e])] });
  expect(() => x.commit(4)).toThrow(lost);
});

it("a leader that counts by the configuration that it has not appended yet", () => {
  const { story, x, y, z } = quietSite(committedIsDurable);
  const [v, w] = [story.device(d).begin(), story.device(e).begin()];
  for (const other of [v, w]) other.put({ entries: [noop(1, 1), command(2, 1), command(3, 1)] });
  replicate(x, [y, z, v, w], configuration(4, 1, [a, b, c], [a, d, e]));
  x.put({ entries: [command(5, 1)] });
  for (const other of [v, w]) other.put({ entries: [command(5, 1)] });
  const leaving = configuration(6, 1, [a, d, e]);
  expect(() => x.write({ entries: [leaving] }, { commit: logIndex(5) })).toThrow(/commits entry 5 .* and /);
});

it("a follower that takes for committed what no leader has committed", () => {
  const { x, y } = quietSite(committedIsDurable);
  for (const each of [x, y]) each.put({ entries: [command(4, 1)] });
  expect(() => y.commit(4)).toThrow(/b@.* commits entry 4 before any leader has/);
});

it("a commit of what is not there", () => {
  const { x } = quietSite(committedIsDurable);
  expect(() => x.step({ commit: logIndex(4) })).toThrow(/commits entry 4, which it does not have/);
});

it("a card that forgets a committed entry", () => {
  const { z } = quietSite(committedIsDurable);
  expect(() => z.put({ truncateAfter: logIndex(2) })).toThrow(
    /card of c@.* forgets entry 3 of term 1, which is committed/,
  );
});

it("a log that begins anew before a committed entry that it had", () => {
  const { z } = quietSite(committedIsDurable);
  expect(() => z.put({ start: startAt(2, 1, [a, b, c]) })).toThrow(/forgets entry 3/);
});

it("a card that was lost is counted for what it held, and for nothing that came later", () => {
  const { story, x, y } = quietSite(committedIsDurable);
  x.put({ entries: [command(4, 1)] });
  y.put({ entries: [command(4, 1)] });
  story.checker.cardLost?.(y.card, "everything");
  expect(() => x.commit(4)).not.toThrow();
  x.put({ entries: [command(5, 1)] });
  expect(() => x.commit(5)).toThrow(/a@.* commits entry 5 of term 1, which no majority/);
});

it("a snapshot that is on the card stands for its entries", () => {
  const { x, y } = quietSite(committedIsDurable);
  x.put({ entries: [command(4, 1)] });
  y.put({ start: startAt(4, 1, [a, b, c]) }, { commit: logIndex(3) });
  expect(() => x.commit(4)).not.toThrow();
});
