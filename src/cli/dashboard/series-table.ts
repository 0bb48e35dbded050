// The aggregates of a site as a table, one series a line, with a spark line of its latest windows.

import { sparkLine } from "../terminal/spark-line.ts";
import { column, cut, type Style } from "../terminal/style.ts";
import type { Series } from "./series-board.ts";

const numberColumns = 9;
const sparkColumns = 24;

/** At most `rows` lines with the heading; what is left out is named in the last one. */
export function seriesTable(
  series: readonly Series[],
  size: { columns: number; rows: number },
  paint: Style,
): string[] {
  if (size.rows <= 0) return [];
  const nameColumns = Math.min(36, Math.max(12, ...series.map(({ name }) => name.length)));
  const heads = ["mean", "min", "max", "count"].map((head) => head.padStart(numberColumns)).join("");
  const heading = paint.dim(
    cut(`${column("series", nameColumns)}${heads}  ${"last windows".padStart(sparkColumns)}`, size.columns),
  );
  const shown = series.length <= size.rows - 1 ? series : series.slice(0, Math.max(0, size.rows - 2));
  const lines = shown.map(({ name, latest, means }) => {
    const numbers = [latest.mean, latest.min, latest.max].map((value) => formatValue(value).padStart(numberColumns));
    const again = latest.edition > 1 ? paint.yellow(` ${latest.edition}.`) : "";
    const count = String(latest.count).padStart(numberColumns);
    const line = `${column(name, nameColumns)}${numbers.join("")}${count}  ${paint.cyan(sparkLine(means, sparkColumns))}${again}`;
    return cut(line, size.columns);
  });
  const left = series.length - shown.length;
  return [heading, ...lines, ...(left > 0 ? [paint.dim(cut(`… and ${left} more series`, size.columns))] : [])].slice(
    0,
    size.rows,
  );
}

/** Four digits that matter; `–` for what is no number. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1000) return value.toFixed(0);
  if (size >= 100) return value.toFixed(1);
  return value.toFixed(2);
}
