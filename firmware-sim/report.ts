// The report of a run, for programs (`--report FILE`) and, in a few lines, for people. Its keys are documented in
// `docs/simulation.md`; a key is never given another meaning.

import { formatDuration } from "../src/base/duration-text.ts";
import { milliseconds } from "../src/base/units.ts";
import type { InjectedFault } from "./faults.ts";
import type { WindowTotals } from "./judge/published-windows.ts";
import type { ReadingTotals } from "./judge/verdict.ts";
import { clockOf, formatBytes, grouped } from "./live-view.ts";

export interface RunReport {
  readonly site: string;
  readonly seed: number;
  readonly devices: number;
  readonly passed: boolean;
  /** Why it did not pass, each naming the window, device or fault. */
  readonly failures: readonly string[];
  readonly readings: ReadingTotals;
  readonly windows: WindowTotals;
  /** Terms that had a coordinator. */
  readonly elections: number;
  /** Log entries committed from the complete site to the end of the run. */
  readonly commits: number;
  /** `at` in ms since the site was complete. */
  readonly faults: readonly InjectedFault[];
  /** Published by the agents and delivered to them, as the embedded broker counts it, else as the agents do; means over the run. */
  readonly messagesPerSecond: number;
  readonly deliveriesPerSecond: number;
  readonly bytesPerSecond: number;
  /** All processes of the run. */
  readonly rssBytes: { readonly mean: number; readonly max: number };
  /** Mean share of one core. */
  readonly cpuShare: number;
  /** By all agents to their data directories, over all their lives. */
  readonly bytesWritten: number;
  readonly startMs: number;
  readonly runMs: number;
  readonly drainMs: number;
}

const failuresPrinted = 20;

export function reportLines(report: RunReport): string[] {
  const { readings, windows } = report;
  const shown = report.failures.slice(0, failuresPrinted).map((failure) => `  ${failure}`);
  const left = report.failures.length - shown.length;
  return [
    "",
    `site ${report.site}: ${report.devices} devices, seed ${report.seed}, complete after ${(report.startMs / 1000).toFixed(1)} s, ` +
      `run ${formatDuration(milliseconds(Math.round(report.runMs / 1000) * 1000))}, drained in ${(report.drainMs / 1000).toFixed(1)} s`,
    `readings  sensed ${grouped(readings.sensed)}  stored ${grouped(readings.stored)}  counted ${grouped(readings.counted)}  ` +
      `missing ${grouped(readings.missing)}  lost ${readings.lost}  double ${readings.double}`,
    `windows   published ${grouped(windows.published)}  reissued ${windows.reissued}  out of order ${windows.outOfOrder}  gaps ${windows.gaps}`,
    `site      ${report.elections} elections  ${grouped(report.commits)} commits`,
    `cost      ${grouped(report.messagesPerSecond)} messages/s  ${formatBytes(report.bytesPerSecond)}/s  ` +
      `RSS ${formatBytes(report.rssBytes.mean)} (most ${formatBytes(report.rssBytes.max)})  ` +
      `CPU ${(100 * report.cpuShare).toFixed(0)} % of a core  ${formatBytes(report.bytesWritten)} written`,
    ...report.faults.map(({ at, kind, device }) => `fault     ${clockOf(at)} ${kind} ${device ?? ""}`.trimEnd()),
    report.passed
      ? "passed"
      : `FAILED: ${report.failures.length} ${report.failures.length === 1 ? "reason" : "reasons"}`,
    ...shown,
    ...(left > 0 ? [`  … and ${left} more; all of them are in the report (--report FILE)`] : []),
  ];
}
