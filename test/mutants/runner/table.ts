// What became of the mutants, for people.

import type { MutantResult, Outcome } from "./catalogue.ts";

export const isCaught = ({ outcome }: MutantResult): boolean => outcome.kind === "world" || outcome.kind === "directed";

/** What caught it, or what is wrong. */
export function caughtBy(outcome: Outcome): string {
  switch (outcome.kind) {
    case "world":
      return outcome.scenario === undefined ? outcome.checker : `${outcome.checker} (scenario ${outcome.scenario})`;
    case "directed":
      return `test: ${outcome.test}`;
    case "survived":
      return outcome.same === undefined
        ? "SURVIVED"
        : `SURVIVED (${outcome.same} of ${outcome.seeds} seeds went as without it)`;
    case "error":
      return `ERROR: ${outcome.why}`;
  }
}

/** Seeds that were run until it was caught; all of them where it was not. */
const seedsOf = (outcome: Outcome): number => (outcome.kind === "error" ? 0 : outcome.seeds);

export function resultLine({ name, outcome, seconds }: MutantResult): string {
  const mark = outcome.kind === "world" || outcome.kind === "directed" ? "caught  " : "NOT     ";
  const seeds = `${seedsOf(outcome)} seeds`.padStart(8);
  const detail = outcome.kind === "world" ? `  (seed ${outcome.seed}: ${outcome.detail.slice(0, 160)})` : "";
  return `${mark} ${name.padEnd(44)} ${seeds} ${seconds.toFixed(0).padStart(4)} s  ${caughtBy(outcome)}${detail}`;
}

export function summary(results: readonly MutantResult[]): string {
  const of = (kind: Outcome["kind"]): number => results.filter(({ outcome }) => outcome.kind === kind).length;
  const caught = `${results.filter(isCaught).length} of ${results.length} mutants caught`;
  return `${caught}: ${of("world")} by the world alone, ${of("directed")} by directed tests; ${of("survived")} survived, ${of("error")} errors`;
}

/** docs/mutants.md */
export function page(results: readonly MutantResult[], commit: string): string {
  const rows = results.map(({ name, mutant, outcome }) => {
    const cells = [
      `\`${name}\``,
      mutant?.what ?? "",
      mutant?.source ?? "",
      caughtBy(outcome),
      String(seedsOf(outcome)),
    ];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
  return `# What the world and the tests catch

Each row is a bug that \`npm run mutants\` puts into \`src/\`, by a patch in \`test/mutants/\`, and what catches it: a checker of the
world (after so many seeds), or, where the world cannot see it, the directed test named. How to add one: [simulation.md](simulation.md#mutants).
This page is written by \`npm run mutants -- --page\`; this one at commit ${commit}.

${summary(results)}.

| mutant | the bug | where it comes from | caught by | seeds |
|---|---|---|---|---|
${rows.join("\n")}
`;
}
