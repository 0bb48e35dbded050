// PROTOCOLS, "Counting each reading once": the entry `count`.

import { describe, expect, it } from "vitest";
import { deviceId } from "../../src/base/ids.ts";
import { logIndex, siteTime } from "../../src/base/units.ts";
import { foldOf as countedIn } from "../../src/site/windows.ts";
import { epoch, origin, part, site } from "./site-fixture.ts";

describe("a count", () => {
  it("moves each origin and merges its parts in the same entry (2 members, 1 window)", () => {
    const s = site("a", "b");
    const applied = s.apply({
      kind: "count",
      revision: s.state.definitions.revision,
      moves: [
        { origin: origin("a"), from: 0, to: 2, check: 11, stored: 3 },
        { origin: origin("b"), from: 0, to: 1, check: 12, stored: 1 },
      ],
      stampMax: siteTime(epoch + 2),
      parts: [part(epoch, [20, 21, 25], [1])],
    });
    expect(applied.outcome).toEqual({ kind: "done", index: logIndex(s.index) });
    expect([...applied.touched].sort()).toEqual(["counted", "windows"]);
    expect(applied.moves.map((move) => move.check)).toEqual([11, 12]);
    expect([s.state.counted(origin("a")), s.state.counted(origin("b"))]).toEqual([2, 1]);
    const window = s.state.window(part(epoch, []).key);
    expect(window && countedIn(window)).toMatchObject({ count: 3, sum: 66, min: 20, max: 25 });
    expect([...(window?.contributors ?? [])]).toEqual(["b"]);
    expect(s.state.stampMax).toBe(epoch + 2);
  });

  it("follows several moves of one origin (0→2→3)", () => {
    const s = site("a");
    const moves = [
      { origin: origin("a"), from: 0, to: 2, check: 1, stored: 2 },
      { origin: origin("a"), from: 2, to: 3, check: 1, stored: 3 },
    ];
    const { revision } = s.state.definitions;
    const applied = s.apply({
      kind: "count",
      revision,
      moves,
      stampMax: siteTime(epoch),
      parts: [part(epoch, [1, 2, 3])],
    });
    expect(applied.outcome.kind).toBe("done");
    expect(s.state.counted(origin("a"))).toBe(3);
  });

  it("is refused whole when one of its moves does not stand at its place (2 members, the second repeated)", () => {
    const s = site("a", "b");
    s.count("b", 0, [5]);
    const before = s.state.digest();
    const applied = s.apply({
      kind: "count",
      revision: s.state.definitions.revision,
      moves: [
        { origin: origin("a"), from: 0, to: 1, check: 1, stored: 1 },
        { origin: origin("b"), from: 0, to: 1, check: 1, stored: 1 },
      ],
      stampMax: siteTime(epoch),
      parts: [part(epoch, [1, 5])],
    });
    expect(applied).toMatchObject({ outcome: { kind: "refused", reason: "not-at-from" }, moves: [] });
    expect(applied.touched.size).toBe(0);
    expect(s.state.digest()).toBe(before);
  });

  it.each([
    ["folded under another revision", { revision: 1 }, "stale-revision"],
    ["of an incarnation that is no member", { life: 2 }, "unknown-member"],
    ["whose place is behind", { from: 1 }, "not-at-from"],
    [
      "with a window of no aggregation",
      { parts: [{ ...part(epoch, [1]), key: { ...part(epoch, [1]).key, aggregation: "none" } }] },
      "malformed",
    ],
    ["with more readings than it moves", { parts: [part(epoch, [1, 2])] }, "malformed"],
    ["with a window after its newest stamp", { at: epoch, parts: [part(epoch + 60_000, [1])] }, "malformed"],
    ["an hour ahead of site time", { at: epoch + 3_600_000 }, "malformed"],
  ])(
    "%s is refused and changes nothing",
    (_name, { from = 0, ...more }: Record<string, unknown> & { from?: number }, reason) => {
      const s = site("a");
      const before = s.state.digest();
      expect(s.count("a", from, [1], more).outcome).toMatchObject({ kind: "refused", reason });
      expect(s.state.digest()).toBe(before);
    },
  );

  it("of a removed member is refused from that entry on", () => {
    const s = site("a", "b");
    s.apply({ kind: "remove", device: deviceId("a") });
    expect(s.count("a", 0, [1]).outcome).toMatchObject({ kind: "refused", reason: "gone-origin" });
  });
});
