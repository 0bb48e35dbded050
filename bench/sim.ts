// What does a whole site of 50 devices take on one machine, running steadily?
//
// `skein sim`, as a user starts it, with four sensors a device at 1 Hz, and its own report: means from the complete site to the
// silence of the sensors.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onExit } from "./support/cleanup.ts";
import { cpuTimes, machineNote } from "./support/machine.ts";
import type { Bench } from "./support/report.ts";

const devices = 50;
const seconds = 45;
const rssAimMB = 300;
const cpuAim = 40;

/** What is used of `firmware-sim/report.ts`. */
interface SimReport {
  readonly passed: boolean;
  readonly failures: readonly string[];
  readonly rssBytes: { readonly mean: number; readonly max: number };
  readonly cpuShare: number;
  readonly messagesPerSecond: number;
  readonly deliveriesPerSecond: number;
  readonly commits: number;
  readonly runMs: number;
  readonly startMs: number;
}

export const sim: Bench = {
  question: "memory and CPU of the 50-device sim, steady",
  run: async (directory) => {
    const before = cpuTimes();
    const report = await runSim(directory);
    const rss = report.rssBytes.mean / 2 ** 20;
    const cpu = report.cpuShare * 100;
    const verdict = report.passed ? "the judge found nothing wrong" : `the judge: ${report.failures.join("; ")}`;
    return {
      title: `${devices} devices in one process, ${Math.round(report.runMs / 1_000)} s`,
      columns: [
        { name: "RSS MB", digits: 0 },
        { name: "most", digits: 0 },
        { name: "CPU %", digits: 1 },
        { name: "published a second", digits: 0 },
        { name: "delivered a second", digits: 0 },
        { name: "commits a second", digits: 1 },
      ],
      rows: [
        {
          name: "skein sim",
          values: [
            rss,
            report.rssBytes.max / 2 ** 20,
            cpu,
            report.messagesPerSecond,
            report.deliveriesPerSecond,
            (report.commits * 1_000) / report.runMs,
          ],
        },
      ],
      judgements: [
        { what: "RSS, MB", value: rss, bound: "aim", atMost: rssAimMB },
        { what: "CPU, % of one core", value: cpu, bound: "aim", atMost: cpuAim },
      ],
      notes: [`complete after ${(report.startMs / 1_000).toFixed(1)} s; ${verdict}`, machineNote(before)],
    };
  },
};

async function runSim(directory: string): Promise<SimReport> {
  const command = fileURLToPath(new URL("../src/cli/main.js", import.meta.url));
  const path = join(directory, "report.json");
  const options = ["--devices", `${devices}`, "--duration", `${seconds}s`, "--seed", "1", "--plain"];
  const child = spawn(
    process.execPath,
    [command, "sim", ...options, "--report", path, "--data", join(directory, "data")],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const forget = onExit(() => child.kill("SIGKILL"));
  let said = "";
  child.stderr.on("data", (text: Buffer) => {
    said = (said + text.toString()).slice(-2_000);
  });
  await new Promise((resolve) => child.once("exit", resolve));
  forget();
  if (!existsSync(path)) throw new Error(`skein sim made no report:\n${said}`);
  return JSON.parse(readFileSync(path, "utf8")) as SimReport;
}
