// Directed tests against a mutant's tree: vitest is given the changed files in the place of their originals.

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type MutatedTree, root } from "./mutated-tree.ts";

export interface DirectedOutcome {
  readonly isPassed: boolean;
  /** The first test that failed. */
  readonly failed: string;
}

/** Runs the test files until the first fails. `hangsAfter` in ms of wall time. */
export async function runDirected(
  { directory, changed }: MutatedTree,
  files: readonly string[],
  hangsAfter: number,
): Promise<DirectedOutcome> {
  const config = join(directory, "vitest.config.mjs");
  writeFileSync(config, configuration(changed));
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const options = ["run", "--root", root, "--config", config, "--bail", "1", "--no-color", "--maxWorkers", "1"];
  const child = spawn(process.execPath, [vitest, ...options, ...files], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => {
    output += bytes.toString();
  });
  child.stderr.on("data", (bytes: Buffer) => {
    output += bytes.toString();
  });
  return await new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), hangsAfter);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const [, failed] = /^\s*(?:FAIL|×)\s+(.+)$/m.exec(output) ?? [];
      resolve({ isPassed: code === 0, failed: failed?.trim() ?? (signal === null ? tail(output) : "no-hang") });
    });
  });
}

function configuration(changed: MutatedTree["changed"]): string {
  return `const changed = new Map(${JSON.stringify([...changed])});
export default {
  test: { include: ["test/**/*.test.ts"], testTimeout: 60000 },
  plugins: [{ name: "mutant", enforce: "pre", load: (id) => changed.get(id.split("?")[0]) }],
};
`;
}

const tail = (output: string): string => output.trim().split("\n").slice(-3).join(" ");
