// PROTOCOLS, "Counting each reading once": the entry `count`.

import { describe, expect, it } from "vitest";
import { deviceId } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { logIndex, siteTime } from "../../src/base/units.ts";
import type { FrozenPart } from "../../src/readings/types.ts";
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

describe("a count of a frozen partial", () => {
  const minute = 60_000;
  const frozen = (from: number, to: number, parts: readonly FrozenPart[], stampMax = epoch) => ({
    kind: "count-frozen" as const,
    move: { origin: origin("a"), from, to, check: 7, stored: to },
    stampMax: siteTime(stampMax),
    parts,
  });
  const lasting = (span: number, values: readonly number[]): FrozenPart => {
    const { key, fold } = part(epoch, values);
    return { key, fold, end: siteTime(key.start + span) };
  };

  it("goes into the window that the site has of the same length, whatever the revision is, and tells the move", () => {
    const s = site("a", "b");
    s.count("b", 0, [5]);
    const applied = s.apply(frozen(0, 2, [lasting(minute, [20, 21])]));
    expect(applied.outcome.kind).toBe("done");
    expect(applied.moves).toEqual([{ origin: origin("a"), from: 0, to: 2, check: 7, stored: 2 }]);
    const window = s.state.window(part(epoch, []).key);
    expect(window && countedIn(window)).toMatchObject({ count: 3, sum: 46, min: 5, max: 21 });
    expect([s.state.counted(origin("a")), s.state.stampMax]).toEqual([2, epoch]);
  });

  it("of a longer window is told beside it, with its own length, and added by who adds up (5 minutes)", () => {
    const s = site("a", "b");
    s.count("b", 0, [5]);
    s.apply(frozen(0, 2, [lasting(5 * minute, [20, 21])]));
    s.apply(frozen(2, 3, [lasting(3 * minute, [30])]));
    const { key } = part(epoch, []);
    const [window, supplement] = [s.state.window(key), s.state.supplement(key)];
    expect(window && countedIn(window)).toMatchObject({ count: 1, sum: 5 });
    expect(supplement && countedIn(supplement)).toMatchObject({ count: 3, sum: 71 });
    s.now += 10 * minute;
    s.close();
    const told = s.items().map(({ ts, spanMs, count, adds }) => [ts, spanMs, count, adds]);
    expect(told).toEqual(
      expect.arrayContaining([
        [epoch, minute, 1, false],
        [epoch, 5 * minute, 3, true],
      ]),
    );
  });

  it("of a window that is defined no longer is told all the same", () => {
    const s = site("a");
    const { key, fold } = part(epoch, [4]);
    const gone = { key: { ...key, aggregation: "gone" }, fold, end: siteTime(epoch + 20_000) };
    expect(s.apply(frozen(0, 1, [gone])).outcome.kind).toBe("done");
    const supplement = s.state.supplement(gone.key);
    expect(supplement && countedIn(supplement)).toMatchObject({ count: 1, sum: 4 });
  });

  it.each([
    ["not-at-from", frozen(1, 3, [lasting(minute, [1])])],
    ["malformed", frozen(0, 1, [lasting(minute, [1, 2])])],
    ["malformed", frozen(0, 1, [lasting(limits.frozenSpan + 1, [1])])],
    ["malformed", frozen(0, 1, [lasting(minute, [1])], epoch + 10 * minute)],
  ])("is refused as %s, and nothing changes", (reason, command) => {
    const s = site("a");
    const before = s.state.digest();
    expect(s.apply(command).outcome).toMatchObject({ kind: "refused", reason });
    expect(s.state.digest()).toBe(before);
  });

  it("repeated is refused", () => {
    const s = site("a");
    const command = frozen(0, 2, [lasting(minute, [20, 21])]);
    s.apply(command);
    expect(s.apply(command).outcome).toMatchObject({ kind: "refused", reason: "not-at-from" });
  });
});
