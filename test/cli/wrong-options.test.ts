// What a person types wrong is one line that says what to do, and an exit code: never a stack, and never a run that ends badly.

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runSkein } from "../e2e/program.ts";

it.concurrent.each<[string, number, RegExp]>([
  ["sim --broker localhost", 64, /"localhost" is not a broker's URL: use mqtt:/],
  ["sim --port 99999", 64, /--port 99999 is no TCP port/],
  ["sim --page-port x", 64, /--page-port takes a whole number/],
  ["sim --day 0s", 64, /a simulated day lasts a second or longer/],
  ["sim --devices 1 --report /nowhere/report.json", 64, /--report \/nowhere\/report\.json cannot be written: ENOENT/],
  ["sim --devices 1 --data /proc/nowhere --port 0 --page-port 0", 73, /The directory \/proc\/nowhere cannot be used/],
  ["config apply", 64, /Give either a file or --revision NUMBER/],
  [
    "config apply package.json --site a --broker mqtt://127.0.0.1:1",
    65,
    /package\.json:\d+:3: scripts: there is no such key/,
  ],
  ["config", 64, /Which action\? show, diff, apply or history/],
])("skein %s", async (words, exitCode, message) => {
  const { code, stderr } = await runSkein(words.split(" "), 20_000);
  expect(stderr.trimEnd().split("\n").at(-1)).toMatch(message);
  expect(stderr).not.toContain("    at ");
  expect(code).toBe(exitCode);
});

it("ends without a word when nobody reads what it prints (a pipe into a program that ended)", () => {
  const main = join(import.meta.dirname, "..", "..", "dist", "src", "cli", "main.js");
  const script = `(sleep 0.2; "${process.execPath}" "${main}" sim --devices 1 --port 0 --page-port 0; echo "ended with $?" >&2) | true`;
  const said = execFileSync("sh", ["-c", `{ ${script}; } 2>&1`], { encoding: "utf8", timeout: 30_000 });
  expect(said).toBe("ended with 143\n");
});
