// The house rules of DESIGN §3: a folder imports only from folders that stand earlier in the list, and below the host nothing
// touches clock, chance, disk, network or timers except through a port. Each rule is shown to bite.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cruise } from "dependency-cruiser";
import extractConfig from "dependency-cruiser/config-utl/extract-depcruise-config";
import { afterEach, expect, it } from "vitest";

const config = await extractConfig("./.dependency-cruiser.cjs");
const planted: string[] = [];

afterEach(() => {
  for (const directory of planted.splice(0)) rmSync(directory, { recursive: true, force: true });
});

async function violations(places: string[], baseDir?: string): Promise<{ cruised: number; found: string[] }> {
  const result = await cruise(places, {
    ...config.options,
    ruleSet: config,
    validate: true,
    ...(baseDir === undefined ? {} : { baseDir }),
  });
  if (typeof result.output === "string") throw new Error("dependency-cruiser gave no result");
  const { totalCruised, violations: found } = result.output.summary;
  return { cruised: totalCruised, found: found.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`) };
}

/** A tree with one file per entry, inside the project so that its settings hold. */
function plant(files: Record<string, string>): string {
  const root = mkdtempSync("planted-");
  planted.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

it("every folder looks only down (whole tree)", async () => {
  const { cruised, found } = await violations(["src", "firmware-sim"]);
  expect(cruised).toBeGreaterThan(10);
  expect(found).toEqual([]);
});

it("a folder that looks up is found (raft importing site)", async () => {
  const root = plant({ "src/raft/a.ts": 'import "../site/b.ts";\n', "src/site/b.ts": "export const b = 1;\n" });
  const { found } = await violations(["src"], root);
  expect(found).toEqual(["raft-looks-up: src/raft/a.ts -> src/site/b.ts"]);
});

it("a file below the host that opens files, sockets or timers itself is found (agent importing node:fs, node:net, node:timers)", async () => {
  const text = ["fs", "net", "timers"].map((core) => `import "node:${core}";\n`).join("");
  const { found } = await violations(["src"], plant({ "src/agent/a.ts": text }));
  expect(found.filter((violation) => violation.startsWith("host-only"))).toHaveLength(3);
});

it("the agent that sees its own simulation is found (replica importing firmware-sim)", async () => {
  const root = plant({
    "src/replica/a.ts": 'import "../../firmware-sim/b.ts";\n',
    "firmware-sim/b.ts": "export const b = 1;\n",
  });
  const { found } = await violations(["src", "firmware-sim"], root);
  expect(found).toContain("src-never-sees-sim: src/replica/a.ts -> firmware-sim/b.ts");
});
