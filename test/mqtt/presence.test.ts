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
