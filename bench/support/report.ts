// What one bench answers: a table, and what it is judged by. An *aim* that is missed is reported and explained; a *limit*
// that is missed fails the run.

export interface Judgement {
  readonly what: string;
  readonly value: number;
  readonly bound: "aim" | "limit";
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Row {
  readonly name: string;
  /** One for each column; null where there is nothing to say. */
  readonly values: readonly (number | null)[];
}

export interface Column {
  readonly name: string;
  readonly digits: number;
}

export interface Report {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly judgements: readonly Judgement[];
  /** How it was measured, and how quiet the machine was. */
  readonly notes: readonly string[];
}

export interface Bench {
  /** One line for the list of benches. */
  readonly question: string;
  /** `directory` lies on the disk that is measured; the caller removes it. */
  run(directory: string): Promise<Report>;
}

export function isMet({ value, atMost, atLeast }: Judgement): boolean {
  return value <= (atMost ?? Number.POSITIVE_INFINITY) && value >= (atLeast ?? Number.NEGATIVE_INFINITY);
}

export const missesLimit = (report: Report): boolean =>
  report.judgements.some((judgement) => judgement.bound === "limit" && !isMet(judgement));

/** For people. */
export function asTable({ title, columns, rows, judgements, notes }: Report): string {
  const nameWidth = Math.max(title.length, ...rows.map(({ name }) => name.length)) + 2;
  const widths = columns.map(({ name }) => Math.max(name.length, 9) + 2);
  const line = (name: string, cells: readonly string[]): string =>
    name.padEnd(nameWidth) + cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("");
  const lines = [
    line(
      title,
      columns.map(({ name }) => name),
    ),
  ];
  for (const { name, values } of rows) {
    lines.push(
      line(
        name,
        values.map((value, i) => (value === null ? "–" : value.toFixed(columns[i]?.digits ?? 0))),
      ),
    );
  }
  if (judgements.length > 0) lines.push("");
  for (const judgement of judgements) lines.push(sentence(judgement));
  for (const note of notes) lines.push(`  ${note}`);
  return lines.join("\n");
}

/** For programs: one line. */
export function asJson(bench: string, { columns, rows, judgements, notes }: Report): string {
  return JSON.stringify({
    bench,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    rows: rows.map(({ name, values }) => ({
      name,
      ...Object.fromEntries(columns.map((column, i) => [column.name, rounded(values[i] ?? null, column.digits)])),
    })),
    judgements: judgements.map((judgement) => ({
      ...judgement,
      value: rounded(judgement.value, 3),
      isMet: isMet(judgement),
    })),
    notes,
  });
}

const rounded = (value: number | null, digits: number): number | null =>
  value === null ? null : Number(value.toFixed(digits));

function sentence(judgement: Judgement): string {
  const { what, value, bound, atMost, atLeast } = judgement;
  const target = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`;
  const figure = Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
  return `  ${what}: ${figure} (${bound} ${target}: ${isMet(judgement) ? "met" : "MISSED"})`;
}
