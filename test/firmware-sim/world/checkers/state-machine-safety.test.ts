import { expect, it } from "vitest";
import { stateMachineSafety } from "../../../../firmware-sim/world/checkers/state-machine-safety.ts";
import { type DeviceId, type Generation, type Incarnation, siteId } from "../../../../src/base/ids.ts";
import { logIndex, siteTime, term } from "../../../../src/base/units.ts";
import type { Entry } from "../../../../src/raft/types.ts";
import { encodeProposal } from "../../../../src/site/command-codec.ts";
import type { Command } from "../../../../src/site/types.ts";
import { type Actor, command, quietSite, replicate } from "./story.ts";

const entryOf = (index: number, asked: Command): Entry => ({
  kind: "command",
  index: logIndex(index),
  term: term(1),
  siteTime: siteTime(0),
  command: encodeProposal({ client: undefined, command: asked }),
});
const generation: Generation = { number: 1, nonce: "a".repeat(32) };
const found = entryOf(4, { kind: "found", site: siteId("test"), generation });
const joined = {
  device: "d" as DeviceId,
  incarnation: "0".repeat(32) as Incarnation,
  session: 1,
  start: 1,
  was: [],
  version: "",
};

/** Applies behind the checker's back: the state is no longer what the entries say. */
const corrupt = (actor: Actor): void => {
  const { outcome } = actor.state.apply(
    entryOf(5, { kind: "join", joins: [joined] }) as Extract<Entry, { kind: "command" }>,
  );
  expect(outcome.kind).toBe("done");
};

it("two members that apply different entries at one index", () => {
  const { x, y } = quietSite(stateMachineSafety);
  x.put({ entries: [command(4, 1, "on")] });
  x.commit(4);
  expect(() => y.apply(command(4, 1, "off"))).toThrow(/state-machine-safety: at 4 b@.* applies another entry/);
});

it("an entry that nobody has committed", () => {
  const { x } = quietSite(stateMachineSafety);
  x.put({ entries: [command(4, 1)] });
  expect(() => x.apply(command(4, 1))).toThrow(/applies entry 4, which nobody has committed/);
});

it("another entry than was committed", () => {
  const { x, y } = quietSite(stateMachineSafety);
  x.put({ entries: [command(4, 1)] });
  x.step({ commit: logIndex(4) });
  expect(() => y.apply(command(4, 2))).toThrow(/applies another entry 4 \(term 2\) than was committed/);
});

it("a follower that takes another entry for committed, before it applies it", () => {
  const { x, y, z } = quietSite(stateMachineSafety);
  y.put({ entries: [command(4, 0)] });
  replicate(x, [z], command(4, 1));
  expect(() => y.step({ commit: logIndex(4) })).toThrow(
    /b@.* takes its entry 4 \(term 0\) for committed, and another one is/,
  );
});

it("an entry that is left out, and one that is applied twice", () => {
  const { x, y, z } = quietSite(stateMachineSafety);
  x.put({ entries: [command(4, 1), command(5, 1)] });
  x.commit(5);
  expect(() => y.apply(command(5, 1))).toThrow(/applies entry 5 after 3/);
  expect(() => z.apply(command(3, 1))).toThrow(/applies entry 3 after 3/);
});

it("states that differ although the entries were the same, at a marker of a checkpoint", () => {
  const { x, y, z } = quietSite(stateMachineSafety);
  replicate(x, [y, z], found);
  corrupt(y);
  const marker = entryOf(5, { kind: "checkpoint", previous: undefined });
  expect(() => replicate(x, [y, z], marker)).toThrow(/after entry 5 the state of b@.* that of a@/);
});

it("states that differ at a sixty-fourth entry, with no checkpoint anywhere near", () => {
  const { x, y, z } = quietSite(stateMachineSafety);
  replicate(x, [y, z], found);
  corrupt(z);
  for (let index = 5; index < 64; index++) replicate(x, [y, z], command(index, 1));
  expect(() => replicate(x, [y, z], command(64, 1))).toThrow(/after entry 64 the state of c@/);
});

it("states that differ at the end of the world, wherever that is", () => {
  const { x, y, z, story } = quietSite(stateMachineSafety);
  replicate(x, [y, z], found);
  corrupt(z);
  for (let index = 5; index < 16; index++) replicate(x, [y, z], command(index, 1));
  expect(() => story.checker.healed?.()).toThrow(/after entry 15 the state of c@/);
});

it("a snapshot that installs another state than the others had there", () => {
  const { x, y, z } = quietSite(stateMachineSafety);
  replicate(x, [y], found);
  replicate(x, [y], entryOf(5, { kind: "checkpoint", previous: undefined }));
  z.appliedIndex = logIndex(5);
  expect(() => z.replaced()).toThrow(/after entry 5 the state of c@/);
});

it("a card that comes back with another state than it had", () => {
  const { x, y, z } = quietSite(stateMachineSafety);
  replicate(x, [y, z], found);
  replicate(x, [y, z], entryOf(5, { kind: "checkpoint", previous: undefined }));
  z.end();
  corrupt(z);
  expect(() => z.begin({ checkpoint: { index: logIndex(5), digest: "", bytes: 0 } })).toThrow(
    /after entry 5 the state of c@/,
  );
});
