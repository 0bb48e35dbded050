// `npm run mutants`: puts each bug of the catalogue into the tree and expects the world, or a directed test, to catch it.
//
//   npm run mutants                                 all of them; fails if one survives or no longer applies
//   npm run mutants -- --only vote-before-sync      those whose names contain it
//   npm run mutants -- --page                       writes docs/mutants.md, too
//   npm run mutants -- --control "often=4" --from-seed 3 --seeds 1          such a world without any mutant

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import yargs from "yargs";
import { type MutantResult, patchesIn, runMutants } from "./catalogue.ts";
import { Control } from "./control.ts";
import { root } from "./mutated-tree.ts";
import { isCaught, page, resultLine, summary } from "./table.ts";
import { readWorldOverrides, worldOrder } from "./world-order.ts";

/** What the whole catalogue must come to (issue 3). */
const mutantsMin = 40;
const byWorldMin = 30;

const options = await yargs(process.argv.slice(2))
  .scriptName("npm run mutants --")
  .option("only", { type: "string", array: true, describe: "Mutants whose names contain one of these" })
  .option("from", { type: "string", describe: "Begin with the mutant of this name" })
  .option("seeds", { type: "number", describe: "Seeds of each mutant that names no number", default: 4 })
  .option("budget", {
    type: "number",
    describe: "Begin no further seed of a mutant after so many seconds",
    default: 120,
  })
  .option("threads", { type: "number", describe: "Mutants at a time", default: availableParallelism() })
  .option("world-only", { type: "boolean", describe: "Leave directed tests out", default: false })
  .option("explain", { type: "boolean", describe: "Of survivors: did the patch make any difference", default: false })
  .option("json", { type: "string", describe: "Write the results into this file" })
  .option("control", { type: "string", describe: "Run such worlds without a mutant; as a header's line world:" })
  .option("from-seed", { type: "number", describe: "The first seed of --control", default: 1 })
  .option("page", { type: "boolean", describe: "Write docs/mutants.md", default: false })
  .strict()
  .parseAsync();

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const hangsAfterSeconds = 90;
if (options.control !== undefined) process.exit(await runControl(options.control));
const { only, from } = options;
const patches = patchesIn().filter(
  ({ name }) =>
    (only === undefined || only.some((part) => name.includes(part))) && (from === undefined || name >= from),
);
const isWhole = only === undefined && from === undefined;
let finished = 0;
const { results, broken } = await runMutants(patches, { ...options, hangsAfterSeconds }, (result) => {
  finished += 1;
  print(`${`${finished}/${patches.length}`.padStart(7)} ${resultLine(result)}`);
});
print(`\n${results.map(resultLine).join("\n")}\n\n${summary(results)}`);
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results.map(asJson), null, 2)}\n`);
if (options.page) writeFileSync(join(root, "docs/mutants.md"), page(results, commit()));
const byWorld = results.filter(({ outcome }) => outcome.kind === "world").length;
const isEnough = !isWhole || (results.length >= mutantsMin && byWorld >= byWorldMin);
if (!isEnough)
  print(`The catalogue is to have ${mutantsMin} mutants, ${byWorldMin} of them caught by the world alone.`);
for (const what of broken) print(`BROKEN without any mutant: ${what}`);
process.exitCode = broken.length === 0 && isEnough && results.length > 0 && results.every(isCaught) ? 0 : 1;

async function runControl(text: string): Promise<number> {
  const world = readWorldOverrides(text);
  if (typeof world === "string") {
    print(world);
    return 2;
  }
  const control = new Control({ hangsAfterSeconds });
  for (let seed = options.fromSeed; seed < options.fromSeed + options.seeds; seed++) {
    const { checker, detail } = await control.seed(worldOrder(seed, world));
    print(`seed ${seed}: ${checker === undefined ? "no promise broken" : `${checker}: ${detail}`}`);
  }
  await control.close();
  return control.broken.length === 0 ? 0 : 1;
}

function asJson({ name, mutant, outcome, seconds }: MutantResult): object {
  return { name, source: mutant?.source, breaks: mutant?.breaks, ...outcome, wallSeconds: Number(seconds.toFixed(1)) };
}

function commit(): string {
  return execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root }).toString().trim();
}
