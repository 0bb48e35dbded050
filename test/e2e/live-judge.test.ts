import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { parseFault } from "../../firmware-sim/faults.ts";
import { packagePath } from "../../firmware-sim/package-root.ts";
import type { RunReport } from "../../firmware-sim/report.ts";
import { seconds } from "../../src/base/units.ts";
import type { Delivery } from "../../src/cli/dashboard/tap.ts";
import { play } from "./live-site.ts";

const folder = mkdtempSync(join(tmpdir(), "skein-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const readReport = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8")) as RunReport;

it("passes a site whose coordinator, another device and broker fail, and reports what happened (5 devices)", async () => {
  const faults = ["1s:kill-coordinator", "3s:kill", "5s:stop-broker", "6s:start-broker", "7s:crash"].map(parseFault);
  const reportFile = join(folder, "passed.json");
  const { exitCode, lines, phases } = await play({ devices: 5, duration: seconds(9), faults, reportFile });
  const report = readReport("passed.json");
  expect(report.failures).toEqual([]);
  expect([exitCode, lines.includes("passed")]).toEqual([0, true]);
  expect([...phases]).toEqual(expect.arrayContaining(["starting", "running", "draining"]));
  expect(report.faults.map(({ kind }) => kind)).toEqual(faults.map(({ kind }) => kind));
  expect(report.readings).toMatchObject({ lost: 0, double: 0, counted: report.readings.stored });
  expect(report.readings.stored).toBeGreaterThan(100);
  expect(report.windows).toMatchObject({ outOfOrder: 0, gaps: 0 });
  expect(report.elections).toBeGreaterThan(1);
  for (const key of ["commits", "messagesPerSecond", "bytesPerSecond", "cpuShare", "bytesWritten"] as const) {
    expect(report[key]).toBeGreaterThan(0);
  }
});

/** Changes the `count` of the first edition of one chosen window in what reaches the judge, and of all its later editions. */
function tampering(change: (body: { ts: number; count: number }) => object | undefined) {
  let chosen: string | undefined;
  const tamper = (delivery: Delivery): readonly Delivery[] => {
    if (!delivery.topic.includes("/aggregates/")) return [delivery];
    const body = JSON.parse(Buffer.from(delivery.payload).toString()) as { ts: number; count: number };
    const window = `${delivery.topic.split("/aggregates/")[1]} ${new Date(body.ts).toISOString()}`;
    chosen ??= body.count > 1 ? window : undefined;
    if (window !== chosen) return [delivery];
    const changed = change(body);
    return changed === undefined ? [] : [{ ...delivery, payload: Buffer.from(JSON.stringify(changed)) }];
  };
  return { tamper, window: () => chosen ?? "none was chosen" };
}

it.concurrent.each([
  ["one partial dropped", (body: { count: number }) => ({ ...body, count: body.count - 1 }), /counted \d+: 1 lost$/],
  [
    "one partial counted twice",
    (body: { count: number }) => ({ ...body, count: body.count + 1 }),
    /counted \d+: 1 too many$/,
  ],
  ["one window never published", () => undefined, /never published: \d+ lost$/],
])("ends with exit code 1 and names the window: %s", async (name, change, words) => {
  const { tamper, window } = tampering(change);
  const reportFile = join(folder, `${name}.json`);
  const { exitCode } = await play({ devices: 1, duration: seconds(3), drainLimit: seconds(9), tamper, reportFile });
  const { failures } = readReport(`${name}.json`);
  expect(exitCode).toBe(1);
  const named = failures.filter((failure) => failure.startsWith(`window ${window()}:`));
  expect(named).toEqual([expect.stringMatching(words)]);
});

/** Its temporary files are made in a directory of its own. */
function skein(args: readonly string[], temporary: string): ChildProcess {
  const main = packagePath("dist", "src", "cli", "main.js");
  const env = { ...process.env, TMPDIR: temporary };
  return spawn(process.execPath, [main, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
}

it.concurrent.each(["SIGINT", "SIGTERM"] as const)(
  "ends at %s without leaving a process or a file behind (own processes)",
  async (signal) => {
    const temporary = mkdtempSync(join(folder, "run-"));
    const child = skein(
      ["sim", "--devices", "3", "--devices", "2", "--processes", "--port", "0", "--page-port", "0"],
      temporary,
    );
    let text = "";
    child.stdout?.on("data", (data: Buffer) => {
      text += data.toString();
      if (text.includes("founds the site")) child.kill(signal);
    });
    const [code] = (await once(child, "exit")) as [number];
    expect(text).toContain("2 agents in 2 processes: about");
    expect(code).toBe(signal === "SIGINT" ? 130 : 143);
    expect(readdirSync(temporary)).toEqual([]);
  },
);

it.concurrent.each([
  [
    ["--fault", "20s:explode"],
    /^skein: --fault 20s:explode: there is no fault "explode"; there are kill-coordinator, .*\n$/,
  ],
  [["--data", packagePath("devices"), "--port", "0", "--page-port", "0"], /^skein: --data .* is not empty: .*\n$/],
])("explains wrong options in one line, without a stack, and starts nothing: %j", async (options, words) => {
  const temporary = mkdtempSync(join(folder, "run-"));
  const child = skein(["sim", ...options], temporary);
  let complaint = "";
  child.stderr?.on("data", (data: Buffer) => {
    complaint += data.toString();
  });
  const [code] = (await once(child, "close")) as [number];
  expect(code).toBe(64);
  expect(complaint).toMatch(words);
  expect(readdirSync(temporary)).toEqual([]);
});
