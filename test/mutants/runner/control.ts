// The tree without any patch: a mutant is caught only by what the tree itself passes, or everything would be "caught".
//
// It runs just the seeds and tests that caught something, and none of them twice.

import type { SeedOrder } from "../../../firmware-sim/world/seed-worker.ts";
import { type DirectedOutcome, runDirected } from "./directed-trial.ts";
import { unchangedTree, worldOf } from "./mutated-tree.ts";
import { type SeedOutcome, WorldTrial } from "./world-trial.ts";

export class Control {
  readonly #hangsAfterMs: number;
  readonly #tree = unchangedTree();
  readonly #seeds = new Map<string, Promise<SeedOutcome>>();
  readonly #directed = new Map<string, Promise<DirectedOutcome>>();
  readonly #broken: string[] = [];
  #trial: Promise<WorldTrial> | undefined;
  /** Its thread runs one seed at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor({ hangsAfterSeconds }: { readonly hangsAfterSeconds: number }) {
    this.#hangsAfterMs = hangsAfterSeconds * 1000;
  }

  /** What was broken without any patch, in words. */
  get broken(): readonly string[] {
    return this.#broken;
  }

  seed(order: SeedOrder): Promise<SeedOutcome> {
    const key = JSON.stringify(order);
    const known = this.#seeds.get(key);
    if (known !== undefined) return known;
    const outcome = this.#last.then(() => this.#run(order));
    this.#last = outcome.catch(() => undefined);
    this.#seeds.set(key, outcome);
    return outcome;
  }

  directed(files: readonly string[]): Promise<DirectedOutcome> {
    const key = files.join(" ");
    const known = this.#directed.get(key);
    if (known !== undefined) return known;
    const outcome = runDirected(this.#tree, files, this.#hangsAfterMs);
    this.#directed.set(key, outcome);
    return outcome;
  }

  async close(): Promise<void> {
    await (await this.#trial)?.close();
    this.#tree.remove();
  }

  async #run(order: SeedOrder): Promise<SeedOutcome> {
    this.#trial ??= worldOf(this.#tree).then((world) => new WorldTrial(world, this.#hangsAfterMs));
    const outcome = await (await this.#trial).run(order);
    const { checker, detail } = outcome;
    if (checker !== undefined) this.#broken.push(`${checker}: ${detail.split("\n")[0]} | ${JSON.stringify(order)}`);
    return outcome;
  }
}
