// The tree with a mutant's patch applied, without a copy of the tree: only the files that the patch names are copied and
// changed; whoever loads the tree is given these in the place of their originals.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { packagePath } from "../../../firmware-sim/package-root.ts";
import { assert, SkeinError } from "../../../src/base/errors.ts";

export const root = realpathSync(packagePath());

export interface MutatedTree {
  /** A folder of its own, for what is made of it. */
  readonly directory: string;
  /** By their absolute paths: the contents of the files that are not as in the tree. */
  readonly changed: ReadonlyMap<string, string>;
  remove(): void;
}

/** Fails with `invalid-argument` where the patch does not fit the tree, changes nothing, or leaves `src/`. */
export function mutatedTree(name: string, patch: string): MutatedTree {
  const directory = mkdtempSync(join(realpathSync(tmpdir()), "skein-mutant-"));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    return { directory, changed: changedFiles(directory, name, patch), remove };
  } catch (failure) {
    remove();
    throw failure;
  }
}

/** The tree as it is: what every mutant is compared with. */
export function unchangedTree(): MutatedTree {
  const directory = mkdtempSync(join(realpathSync(tmpdir()), "skein-mutant-"));
  return { directory, changed: new Map(), remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** One file that runs seeds when a thread loads it (firmware-sim/world/seed-worker.ts, bundled). Fails with `invalid-argument`. */
export async function worldOf({ directory, changed }: MutatedTree): Promise<string> {
  const outfile = join(directory, "world.mjs");
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
  try {
    await build({
      entryPoints: [join(root, "firmware-sim/world/seed-worker.ts")],
      outfile,
      bundle: true,
      platform: "node",
      format: "esm",
      packages: "external",
      sourcemap: "inline",
      sourcesContent: false,
      logLevel: "silent",
      plugins: [
        {
          name: "mutant",
          setup: (hooks) =>
            hooks.onLoad({ filter: /\.ts$/ }, ({ path }) => {
              const contents = changed.get(path);
              return contents === undefined ? undefined : { contents, loader: "ts" };
            }),
        },
      ],
    });
  } catch (cause) {
    throw new SkeinError("invalid-argument", "The tree with this patch does not build", cause);
  }
  return outfile;
}

function changedFiles(directory: string, name: string, patch: string): ReadonlyMap<string, string> {
  const files = [...patch.matchAll(/^\+\+\+ b\/(\S+)/gm)].map(([, file = ""]) => file);
  const outside = files.find((file) => !file.startsWith("src/"));
  if (files.length === 0 || outside !== undefined) {
    throw new SkeinError(
      "invalid-argument",
      `The patch of ${name} changes ${outside ?? "nothing"}: a mutant is a bug in src/`,
    );
  }
  for (const file of files) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    copyFileSync(join(root, file), join(directory, file));
  }
  try {
    const env = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(directory) };
    execFileSync("git", ["apply", "--whitespace=nowarn", "-"], { cwd: directory, input: patch, env, stdio: "pipe" });
  } catch (cause) {
    throw new SkeinError("invalid-argument", `The patch of ${name} no longer applies: bring it up to date`, cause);
  }
  const changed = new Map(files.map((file) => [join(root, file), readFileSync(join(directory, file), "utf8")]));
  for (const [file, content] of changed) assert(content !== readFileSync(file, "utf8"), `${name} changes ${file}`);
  return changed;
}
