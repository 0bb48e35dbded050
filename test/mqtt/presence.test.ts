import { describe, expect, it } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { PresenceTable } from "../../src/mqtt/presence.ts";
import { memberNamed } from "./site-of-devices.ts";

const says = (connection: number, isHere: boolean) => ({ kind: "presence", connection, isHere }) as const;

describe("PresenceTable", () => {
  const a = memberNamed("a");

  it.each([
    ["of an earlier session", 4, 9],
    ["of an earlier connection", 5, 1],
  ])("a late will %s changes nothing", (_what, session, connection) => {
    const table = new PresenceTable();
    expect(table.heard(a, 5, says(2, true))).toMatchObject({ device: "a", isHere: true });
    expect(table.heard(a, session, says(connection, false))).toBeUndefined();
    expect(table.isHere(a.device)).toBe(true);
  });

  it("the will of this very connection does, and a repeated presence of it does not undo that", () => {
    const table = new PresenceTable();
    table.heard(a, 5, says(2, true));
    expect(table.heard(a, 5, says(2, true))).toBeUndefined();
    expect(table.heard(a, 5, says(2, false))).toMatchObject({ isHere: false });
    expect(table.heard(a, 5, says(2, true))).toBeUndefined();
    expect(table.isHere(a.device)).toBe(false);
    expect(table.heard(a, 5, says(3, true))).toMatchObject({ isHere: true });
  });

  it("a new life of the device replaces the old one, whose will is then late, whatever its session", () => {
    const table = new PresenceTable();
    table.heard(a, 70, says(2, true));
    const wiped = memberNamed("a", 2);
    expect(table.heard(wiped, 1, says(1, true))).toMatchObject({ incarnation: wiped.incarnation });
    expect(table.heard(a, 70, says(2, false))).toBeUndefined();
    expect(table.here().map(({ incarnation }) => incarnation)).toEqual([wiped.incarnation]);
  });

  describe("whereabouts of one run", () => {
    const seen = (...said: readonly (readonly [session: number, connection: number, isHere: boolean])[]) => {
      const table = new PresenceTable();
      for (const [session, connection, isHere] of said) table.heard(a, session, says(connection, isHere));
      return table.whereabouts(a, 5);
    };

    it.each([
      ["here", "here", [[5, 1, true]]],
      [
        "left, by its will",
        "left",
        [
          [5, 1, true],
          [5, 1, false],
        ],
      ],
      [
        "left, by the will of a later connection that never said so",
        "left",
        [
          [5, 1, true],
          [5, 2, false],
        ],
      ],
      [
        "here, where the will of an earlier connection comes late",
        "here",
        [
          [5, 2, true],
          [5, 1, false],
        ],
      ],
      [
        "here, where the will of an earlier session comes late",
        "here",
        [
          [5, 1, true],
          [4, 9, false],
        ],
      ],
      [
        "here again after a reconnection",
        "here",
        [
          [5, 1, true],
          [5, 1, false],
          [5, 2, true],
        ],
      ],
      ["unknown, where a broker kept a will and it never came", undefined, [[5, 1, false]]],
      [
        "unknown, where an earlier session left",
        undefined,
        [
          [4, 1, true],
          [4, 1, false],
        ],
      ],
      ["unknown, where an earlier session stands", undefined, [[4, 1, true]]],
      [
        "unknown, where its will is the first of its session",
        undefined,
        [
          [4, 1, true],
          [5, 1, false],
        ],
      ],
      [
        "here, where a later session is",
        "here",
        [
          [5, 1, true],
          [6, 1, true],
        ],
      ],
      ["unknown, where nothing was heard", undefined, []],
    ] as const)("%s", (_, where, said) => {
      expect(seen(...said)).toBe(where);
    });

    it("here, where another life of the device is: a copy says nothing of the original", () => {
      const table = new PresenceTable();
      table.heard(a, 5, says(1, true));
      table.heard(memberNamed("a", 2), 1, says(1, true));
      expect(table.whereabouts(a, 5)).toBe("here");
      table.heard(memberNamed("a", 2), 1, says(1, false));
      expect(table.whereabouts(a, 5)).toBeUndefined();
    });

    it("unknown after the own connection was lost, though the broker kept its will", () => {
      const table = new PresenceTable();
      table.heard(a, 5, says(1, true));
      table.clear();
      table.heard(a, 5, says(1, false));
      expect(table.whereabouts(a, 5)).toBeUndefined();
    });
  });

  it("tells who is here by name, and forgets everyone when it is cleared", () => {
    const table = new PresenceTable();
    for (const name of ["c", "a", "b"]) table.heard(memberNamed(name), 1, says(1, name !== "b"));
    expect(table.here().map(({ device }) => device)).toEqual(["a", "c"]);
    table.clear();
    expect(table.here()).toEqual([]);
  });

  it("remembers no more strangers than its bound, and still hears those it knows", () => {
    const table = new PresenceTable();
    for (let i = 0; i < limits.presences; i++) table.heard(memberNamed(`d${i}`), 1, says(1, true));
    expect(table.heard(memberNamed("late"), 1, says(1, true))).toBeUndefined();
    expect(table.heard(memberNamed("d0"), 1, says(1, false))).toMatchObject({ isHere: false });
  });
});
