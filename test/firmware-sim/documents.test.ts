import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { faultKinds } from "../../firmware-sim/faults.ts";
import { packagePath } from "../../firmware-sim/package-root.ts";
import { type RunReport, reportLines } from "../../firmware-sim/report.ts";

const report: RunReport = {
  site: "sim",
  seed: 4,
  devices: 50,
  passed: false,
  failures: Array.from({ length: 25 }, (_, i) => `window ${i}`),
  readings: { sensed: 17_862, stored: 17_830, counted: 17_829, missing: 12, lost: 1, double: 0 },
  windows: { published: 200, reissued: 40, outOfOrder: 0, gaps: 0 },
  elections: 4,
  commits: 76,
  faults: [{ at: 15_034, kind: "kill-coordinator", device: undefined }],
  messagesPerSecond: 32,
  deliveriesPerSecond: 1200,
  bytesPerSecond: 8_000,
  rssBytes: { mean: 204e6, max: 230e6 },
  cpuShare: 0.11,
  bytesWritten: 205e6,
  startMs: 3_450,
  runMs: 90_010,
  drainMs: 5_040,
};
const document = readFileSync(packagePath("docs", "simulation.md"), "utf8");

it("documents every kind of fault and every key of the report", () => {
  const keys = [
    ...Object.keys(faultKinds),
    ...Object.keys(report),
    ...Object.keys(report.readings),
    ...Object.keys(report.windows),
  ];
  expect(keys.filter((key) => !document.includes(`\`${key}\``))).toEqual([]);
});

it("tells people the run in a few lines, and how many reasons it leaves out", () => {
  const lines = reportLines(report);
  expect(lines).toContain("readings  sensed 17,862  stored 17,830  counted 17,829  missing 12  lost 1  double 0");
  expect(lines).toContain("fault     00:15 kill-coordinator");
  expect(lines).toContain("FAILED: 25 reasons");
  expect(lines.at(-1)).toBe("  … and 5 more; all of them are in the report (--report FILE)");
  expect(reportLines({ ...report, passed: true, failures: [] }).at(-1)).toBe("passed");
});
