// The pages that say what the code says are compared with it.

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { errorCodes } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";

/** The cells of a page's table rows that begin with a word in code marks. */
function rows(page: string): Map<string, readonly string[]> {
  const lines = readFileSync(page, "utf8").split("\n");
  const cells = lines
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .filter(([, name]) => /^`[^`]+`$/.test(name ?? ""));
  return new Map(cells.map(([, name = "", ...rest]) => [name.slice(1, -1), rest]));
}

it("docs/limits.md has every limit with its value, and no other", () => {
  const documented = [...rows("docs/limits.md")].map(([name, [value]]) => [name, Number(value?.replaceAll(",", ""))]);
  expect(documented).toEqual(Object.entries(limits));
});

it("docs/errors.md has every code with its meaning, and something to do for each", () => {
  const documented = rows("docs/errors.md");
  expect([...documented].map(([code, [meaning]]) => [code, meaning])).toEqual(Object.entries(errorCodes));
  for (const [code, [, remedy]] of documented) expect(remedy, code).toMatch(/\w{3}.*\.$/);
});
