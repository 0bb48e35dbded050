// npm run bench [-- <name> …] [--json] [--directory PATH]: the figures of docs/performance.md, measured on this machine.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkpoints } from "./checkpoints.ts";
import { commit } from "./commit.ts";
import { failover } from "./failover.ts";
import { idle } from "./idle.ts";
import { memory } from "./memory.ts";
import { messages } from "./messages.ts";
import { sim } from "./sim.ts";
import { simulatedNetwork } from "./simulated-network.ts";
import { simulatedWorld } from "./simulated-world.ts";
import { store } from "./store.ts";
import { removeOnExit } from "./support/cleanup.ts";
import { asJson, asTable, type Bench, missesLimit } from "./support/report.ts";
import { throughput } from "./throughput.ts";

const benches: Readonly<Record<string, Bench>> = {
  commit,
  throughput,
  messages,
  idle,
  memory,
  failover,
  sim,
  "simulated-network": simulatedNetwork,
  "simulated-world": simulatedWorld,
  store,
  checkpoints,
};

/** No bench takes as long, whatever happens. */
const deadlineMs = 150_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    directory: { type: "string", default: tmpdir() },
    help: { type: "boolean", default: false },
  },
});

const unknown = positionals.find((name) => benches[name] === undefined);
if (values.help || unknown !== undefined) {
  if (unknown !== undefined) process.stderr.write(`There is no bench ${JSON.stringify(unknown)}.\n\n`);
  process.stderr.write(usage());
  process.exit(unknown === undefined ? 0 : 2);
}

let isLimitMissed = false;
for (const name of positionals.length > 0 ? positionals : Object.keys(benches)) {
  const bench = benches[name];
  if (bench !== undefined && (await runOne(name, bench))) isLimitMissed = true;
}
process.exit(isLimitMissed ? 1 : 0);

/** Whether it missed a limit. */
async function runOne(name: string, bench: Bench): Promise<boolean> {
  const directory = mkdtempSync(join(values.directory, "skein-bench-"));
  const forget = removeOnExit(directory);
  const deadline = setTimeout(() => {
    process.stderr.write(`bench ${name}: not done after ${deadlineMs / 1_000} s, given up\n`);
    process.exit(3);
  }, deadlineMs);
  if (!values.json && process.stderr.isTTY) process.stderr.write(`${name}: ${bench.question} …\n`);
  const report = await bench.run(directory);
  clearTimeout(deadline);
  forget();
  rmSync(directory, { recursive: true, force: true });
  process.stdout.write(values.json ? `${asJson(name, report)}\n` : `${name}\n${asTable(report)}\n\n`);
  return missesLimit(report);
}

function usage(): string {
  const width = Math.max(...Object.keys(benches).map((name) => name.length)) + 2;
  const lines = Object.entries(benches).map(([name, { question }]) => `  ${name.padEnd(width)}${question}`);
  return `npm run bench [-- <name> …] [--json] [--directory PATH]\n\n${lines.join("\n")}\n\nWithout a name: all. PATH lies on the disk to be measured.\nExit code 1: a limit was missed (a missed aim is only reported).\n`;
}
