// What a run needs of the machine, said beforehand: memory and file descriptors. Figures measured on x86-64 Linux with Node 20.

import { freemem } from "node:os";
import { SkeinError } from "../src/base/errors.ts";
import { formatBytes } from "./live-view.ts";

export interface Needs {
  readonly memoryBytes: number;
  /** Of this process. */
  readonly descriptors: number;
}

const mebi = 1024 * 1024;
/** A Node process with broker, judge and page. */
const ownBytes = 90 * mebi;
const agentBytes = 4 * mebi;
const agentProcessBytes = 115 * mebi;
const ownDescriptors = 60;
/** Log segments, store, and both ends of its connections. */
const agentDescriptors = 24;
/** The broker's ends of its connections, pipes to the process. */
const agentProcessDescriptors = 10;

export function estimateNeeds(devices: number, isProcessEach: boolean): Needs {
  return isProcessEach
    ? {
        memoryBytes: ownBytes + devices * agentProcessBytes,
        descriptors: ownDescriptors + devices * agentProcessDescriptors,
      }
    : { memoryBytes: ownBytes + devices * agentBytes, descriptors: ownDescriptors + devices * agentDescriptors };
}

export function describeNeeds(needs: Needs, devices: number, isProcessEach: boolean): string {
  const who = devices === 1 ? "1 agent" : `${devices} agents`;
  const how = isProcessEach && devices > 1 ? `${devices} processes` : "one process";
  const free = freemem();
  const warning =
    needs.memoryBytes > free ? " That is more memory than is free: take fewer --devices if it swaps." : "";
  return (
    `${who} in ${how}: about ${formatBytes(needs.memoryBytes)} of memory (${formatBytes(free)} are free) ` +
    `and ${needs.descriptors} file descriptors here (limit ${descriptorLimit() ?? "unknown"}).${warning}`
  );
}

/** Fails with `invalid-argument` when the run would run out of file descriptors. */
export function checkNeeds({ descriptors }: Needs): void {
  const limit = descriptorLimit();
  if (limit === undefined || limit >= descriptors) return;
  throw new SkeinError(
    "invalid-argument",
    `This run needs about ${descriptors} file descriptors and may have ${limit}: raise it with \`ulimit -n ${2 * descriptors}\`, or take fewer --devices`,
  );
}

/** Undefined where the system has none, or does not tell. */
function descriptorLimit(): number | undefined {
  const report: unknown = process.report?.getReport();
  if (typeof report !== "object" || report === null || !("userLimits" in report)) return undefined;
  const limits = report.userLimits as { readonly open_files?: { readonly soft?: number | string } };
  const soft = limits.open_files?.soft;
  return typeof soft === "number" ? soft : undefined;
}
