// Files beside the code (`devices/`, the page) are found from the package's root: the code runs from the tree and from `dist/`.

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SkeinError } from "../src/base/errors.ts";

/** The path of `name` in the package. Fails with `not-found`. */
export function packagePath(...name: string[]): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return join(folder, ...name);
    if (folder === dirname(folder)) throw new SkeinError("not-found", `no package.json in ${start} or above it`);
  }
}
