// Columns that line up, for people. Numbers to the right.

import { widthOf } from "../terminal/style.ts";

/** One string per line; the first row is the heading. */
export function textTable(rows: readonly (readonly (string | number)[])[]): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.map((row) => widthOf(String(row[i] ?? "")))),
  );
  const isRight = widths.map((_, i) => rows.slice(1).some((row) => typeof row[i] === "number"));
  return rows.map((row) =>
    row
      .map((cell, i) => {
        const padding = " ".repeat((widths[i] ?? 0) - widthOf(String(cell)));
        return isRight[i] === true ? padding + cell : cell + padding;
      })
      .join("  ")
      .trimEnd(),
  );
}
