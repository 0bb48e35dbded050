// `npm start` as a newcomer types it (issue 2, point 1). The only test that goes through npm, because it is about npm.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../host/temporary-directory.ts";
import { eventually, Program } from "./program.ts";

const root = join(import.meta.dirname, "..", "..");

describe("npm start", () => {
  const directory = temporaryDirectory();
  const [stdout, stderr] = [join(directory.path, "stdout"), join(directory.path, "stderr")];
  const said = (): string => readFileSync(stdout, "utf8");
  const both = (): string => `${said()}\n${readFileSync(stderr, "utf8")}`;
  let npm: Program | undefined;
  let family: readonly number[] = [];

  afterEach(async () => {
    await npm?.end();
    for (const pid of family.filter(isAlive)) process.kill(pid, "SIGKILL");
  });

  afterAll(() => directory.remove());

  const start = (...options: string[]): Program => {
    npm = new Program("npm", ["--prefix", root, "start", "--", ...options], { stdout, stderr });
    return npm;
  };

  it("passes options on, and the last of a repeated one wins (--devices 5 after the script's 50)", async () => {
    const { code } = await start("--devices", "5", "--duration", "1h", "--duration", "5s").ended;
    expect(both()).toContain("passed");
    expect(code).toBe(0);
    expect(said()).toMatch(/: 5 devices, .*run 5s/);
    expect(said(), "it says where to watch").toMatch(/http:\/\/127\.0\.0\.1:\d+/);
    expect(said(), "it says which broker").toMatch(/mqtt:\/\/127\.0\.0\.1:\d+/);
  });

  it.skipIf(!existsSync("/proc/self/stat"))("a stopped npm leaves no process behind (SIGTERM)", async () => {
    const started = start("--devices", "3");
    const complete = said().length;
    await eventually("the site runs", () => /http:\/\//.test(said().slice(complete)) || undefined, { explain: both });
    family = descendantsOf(started.pid);
    expect(family.length).toBeGreaterThanOrEqual(1);
    started.signal("SIGTERM");
    await started.ended;
    await eventually("all of its processes have ended", () => family.every((pid) => !isAlive(pid)) || undefined, {
      withinMs: 20_000,
      explain: () => family.filter(isAlive).join(" "),
    });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** By the parents that Linux tells. */
function descendantsOf(pid: number): number[] {
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => parentOf(each) === pid);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}
