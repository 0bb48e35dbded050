// docs/simulation.md says what the world can do, and is compared with it.

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { allCheckers } from "../../../firmware-sim/world/all-checkers.ts";
import { faultKinds } from "../../../firmware-sim/world/fault-kinds.ts";
import { scenarios } from "../../../firmware-sim/world/scenarios/all.ts";
import { situationNames } from "../../../firmware-sim/world/situations.ts";
import { instant } from "../../../src/base/units.ts";

/** The rows of the page's table whose first heading is this, without the code marks of the name. */
function table(heading: string): string[][] {
  const lines = readFileSync("docs/simulation.md", "utf8").split("\n");
  const rows: string[][] = [];
  for (const line of lines.slice(lines.findIndex((each) => each.startsWith(`| ${heading} |`)) + 2)) {
    if (!line.startsWith("|")) break;
    const [, name = "", ...cells] = line.split("|").map((cell) => cell.trim());
    rows.push([name.replaceAll("`", ""), ...cells.slice(0, -1)]);
  }
  return rows;
}

it("the page has every fault with what happens, its weight and how long it lasts, and no other", () => {
  const known = faultKinds.map(({ name, what, weight, lasts: [least, most] }) => [
    name,
    what,
    `${weight}`,
    `${least / 1000}–${most / 1000}`,
  ]);
  expect(table("fault")).toEqual(known);
});

it("the page has every scenario with its story, and no other", () => {
  expect(table("scenario")).toEqual(scenarios.map(({ name, what }) => [name, what]));
});

it("the page has every rare situation and every checker, says what each is, and has no other", () => {
  const world = { now: instant(0), lives: () => [], pendingEvents: () => 0 };
  expect(table("situation").map(([name]) => name)).toEqual([...situationNames]);
  expect(table("checker").map(([name]) => name)).toEqual(allCheckers.map((make) => make(world).name));
  for (const [name, what] of [...table("situation"), ...table("checker")]) expect(what, name).toMatch(/\w{3}/);
});
