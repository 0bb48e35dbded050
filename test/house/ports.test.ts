// Chance, time and asynchrony below the host come in through ports (DESIGN §3): what the linter's list of globals cannot see
// is searched for by name.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const banned: readonly { readonly pattern: RegExp; readonly why: string; readonly except?: readonly string[] }[] = [
  { pattern: /\bMath\.random\b/, why: "chance comes in through the Random port" },
  {
    pattern: /\b(Date\.now|new Date\(\)|performance\.now|process\.hrtime)\b/,
    why: "time comes in through the Clock port",
  },
  {
    pattern: /\b(setTimeout|setInterval|setImmediate|queueMicrotask|process\.nextTick)\s*\(/,
    why: "timers come in through the Clock port",
  },
  { pattern: /\bcrypto\.subtle\b|\brandomBytes\b|\brandomUUID\b/, why: "chance comes in through the Random port" },
  { pattern: /from "node:crypto"/, why: "digests are in base/hash.ts", except: ["src/base/hash.ts"] },
  {
    pattern: /\b(deflate|inflate|gzip|gunzip|brotli\w*|deflateRaw|inflateRaw)\(/,
    why: "the thread pool's zlib answers in its own time: use the synchronous one",
  },
  {
    pattern: /from "(mqtt|aedes|ws|pino|classic-level|yargs|prom-client)"/,
    why: "these libraries belong to the host and the command line",
  },
];

const sources = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));

/** Comments may name what code may not do. */
const withoutComments = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");

function sins(name: string, text: string): string[] {
  const code = withoutComments(text);
  return banned
    .filter(({ pattern, except }) => !except?.includes(name) && pattern.test(code))
    .map(({ pattern, why }) => `${name}: ${pattern.exec(code)?.[0]}: ${why}`);
}

it("nothing below the host reads a clock, draws a number or schedules anything by itself", () => {
  const files = sources("src").filter((name) => !/^src\/(host|provision|cli)\//.test(name));
  expect(files.length).toBeGreaterThan(10);
  expect(files.flatMap((name) => sins(name, readFileSync(name, "utf8")))).toEqual([]);
});

it.each([
  "const a = Math.random();",
  "const a = Date.now();",
  "setImmediate(() => run());",
  'import { randomBytes } from "node:crypto";',
  'import { connect } from "mqtt";',
])("a file that does is found (%s)", (text) => {
  expect(sins("src/agent/planted.ts", text)).not.toEqual([]);
});

it("every file of src and firmware-sim holds one idea (at most 400 lines)", () => {
  const long = [...sources("src"), ...sources("firmware-sim")].filter(
    (name) => readFileSync(name, "utf8").split("\n").length > 401,
  );
  expect(long).toEqual([]);
});
