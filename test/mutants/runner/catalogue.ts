// Runs mutants and says what caught each.
//
// The world first, then the directed tests that the mutant names. A catch counts only if the control passes the same.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { SeedOrder } from "../../../firmware-sim/world/seed-worker.ts";
import { SkeinError } from "../../../src/base/errors.ts";
import { Control } from "./control.ts";
import { runDirected } from "./directed-trial.ts";
import { type Mutant, readMutant } from "./mutant.ts";
import { type MutatedTree, mutatedTree, root, worldOf } from "./mutated-tree.ts";
import { scenarioOrder, worldOrder } from "./world-order.ts";
import { WorldTrial } from "./world-trial.ts";

export interface MutantResult {
  readonly name: string;
  readonly mutant: Mutant | undefined;
  readonly outcome: Outcome;
  /** Of wall time. */
  readonly seconds: number;
}

export type Outcome =
  | {
      readonly kind: "world";
      readonly checker: string;
      readonly seed: number;
      readonly scenario: string | undefined;
      readonly seeds: number;
      readonly detail: string;
    }
  | { readonly kind: "directed"; readonly test: string; readonly seeds: number }
  /** A missing test. `same`: in how many of the seeds everything happened as without the patch; absent: not asked. */
  | { readonly kind: "survived"; readonly seeds: number; readonly same?: number }
  /** The mutant, or the tree itself, is not as it must be. */
  | { readonly kind: "error"; readonly why: string };

export interface RunOptions {
  /** Seeds of each mutant whose header names no number. */
  readonly seeds: number;
  /** Begin no further seed of a mutant after so many seconds of wall time. */
  readonly budget: number;
  /** One seed, or one run of directed tests, that takes longer does not end by itself. */
  readonly hangsAfterSeconds: number;
  readonly threads: number;
  /** Of a survivor: whether its patch made any difference in its seeds. */
  readonly explain?: boolean;
  /** Leave directed tests out. */
  readonly worldOnly?: boolean;
}

export interface NamedPatch {
  readonly name: string;
  readonly patch: string;
}

/** Every patch of a folder, by name. */
export function patchesIn(folder = join(root, "test/mutants")): readonly NamedPatch[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".patch"));
  return files.sort().map((file) => ({
    name: file.slice(0, -".patch".length),
    patch: readFileSync(join(folder, file), "utf8"),
  }));
}

export interface CatalogueReport {
  /** In the order of the patches. */
  readonly results: readonly MutantResult[];
  /** Seeds that broke a promise without any patch: the tree itself is not well. */
  readonly broken: readonly string[];
}

/** `done` hears of each result as it comes. */
export async function runMutants(
  patches: readonly NamedPatch[],
  options: RunOptions,
  done: (result: MutantResult) => void = () => undefined,
): Promise<CatalogueReport> {
  const control = new Control(options);
  const results: MutantResult[] = [];
  const queue = patches.entries();
  const work = async (): Promise<void> => {
    for (const [at, { name, patch }] of queue) {
      const result = await runMutant(name, patch, options, control);
      results[at] = result;
      done(result);
    }
  };
  try {
    await Promise.all(Array.from({ length: options.threads }, () => work()));
  } finally {
    await control.close();
  }
  return { results, broken: control.broken };
}

async function runMutant(name: string, patch: string, options: RunOptions, control: Control): Promise<MutantResult> {
  const began = performance.now();
  let mutant: Mutant | undefined;
  let tree: MutatedTree | undefined;
  let outcome: Outcome;
  try {
    mutant = readMutant(name, patch);
    const missing = mutant.directed.find((file) => !existsSync(join(root, file)));
    if (missing !== undefined) throw new SkeinError("not-found", `There is no test ${missing}`);
    tree = mutatedTree(name, patch);
    outcome = await tryMutant(mutant, tree, options, control);
  } catch (failure) {
    if (!(failure instanceof SkeinError)) throw failure;
    const { message, cause } = failure;
    const because = cause instanceof Error ? ` (${cause.message.trim().split("\n").slice(0, 3).join("; ")})` : "";
    outcome = { kind: "error", why: message + because };
  } finally {
    tree?.remove();
  }
  return { name, mutant, outcome, seconds: (performance.now() - began) / 1000 };
}

async function tryMutant(mutant: Mutant, tree: MutatedTree, options: RunOptions, control: Control): Promise<Outcome> {
  const inWorld = await tryWorld(mutant, tree, options, control);
  if (inWorld.kind !== "survived" || mutant.directed.length === 0 || options.worldOnly) return inWorld;
  const { isPassed, failed } = await runDirected(tree, mutant.directed, options.hangsAfterSeconds * 1000);
  if (isPassed) return inWorld;
  if (failed === "no-hang" && !mutant.mayHang) return { kind: "error", why: "its directed tests do not end" };
  const without = await control.directed(mutant.directed);
  if (!without.isPassed) return { kind: "error", why: `without the patch fails, too: ${without.failed}` };
  return { kind: "directed", test: failed, seeds: inWorld.seeds };
}

async function tryWorld(
  mutant: Mutant,
  tree: MutatedTree,
  { seeds, budget, hangsAfterSeconds, explain }: RunOptions,
  control: Control,
): Promise<Extract<Outcome, { kind: "world" | "survived" | "error" }>> {
  const orders = ordersOf(mutant, seeds);
  if (orders.length === 0) return { kind: "survived", seeds: 0 };
  const trial = new WorldTrial(await worldOf(tree), hangsAfterSeconds * 1000);
  const until = performance.now() + budget * 1000;
  const survived: { readonly order: SeedOrder; readonly digest: string }[] = [];
  try {
    for (const [before, order] of orders.entries()) {
      if (performance.now() >= until) break;
      const { checker, detail, digest } = await trial.run(order);
      if (checker === undefined) {
        survived.push({ order, digest });
        continue;
      }
      if (checker === "no-hang" && !mutant.mayHang)
        return { kind: "error", why: `${detail}, and its header does not allow it` };
      const without = await control.seed(order);
      if (without.checker !== undefined) continue; // proves nothing, and the control says so at the end
      const { seed, scenario } = order;
      return { kind: "world", checker, seed, scenario, seeds: before + 1, detail: detail.split("\n")[0] ?? "" };
    }
  } finally {
    await trial.close();
  }
  if (explain !== true) return { kind: "survived", seeds: survived.length };
  let same = 0;
  for (const { order, digest } of survived) if ((await control.seed(order)).digest === digest) same += 1;
  return { kind: "survived", seeds: survived.length, same };
}

/** Stories first: they are short, and meet what they are about. */
function ordersOf({ scenarios, world }: Mutant, seeds: number): readonly SeedOrder[] {
  const drawn = Array.from({ length: world?.seeds ?? seeds }, (_, i) => world && worldOrder(world.from + i, world));
  return [...scenarios.map(scenarioOrder), ...drawn.filter((order) => order !== undefined)];
}
