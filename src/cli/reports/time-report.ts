// Site time for people: whether it can be believed, and why.

import { describeTime, type SourceReport, type TimeReport } from "../../agent/time-report.ts";
import { formatDuration } from "../../base/duration-text.ts";
import { milliseconds } from "../../base/units.ts";
import { textTable } from "./text-table.ts";

const jumpsShown = 10;

export function describeTimeReport(report: TimeReport): string {
  const { siteTime, since, ahead, isSynced, sources, jumps } = report;
  const lines = [
    `site time   ${siteTime === undefined ? "none yet" : new Date(siteTime).toISOString()}`,
    `state       ${describeTime(report)}${since === 0 ? "" : `, since ${new Date(since).toISOString()}`}`,
  ];
  if (isSynced && Math.abs(ahead) >= 1_000) lines.push(`            ${slewText(ahead)}`);
  const rows = sources.map((source) => [
    source.device,
    offsetText(source),
    agreedText(source),
    noteText(source, isSynced),
  ]);
  if (rows.length > 0) lines.push("", ...textTable([["SOURCE", "AHEAD OF SITE TIME", "AGREED", ""], ...rows]));
  const shown = jumps.slice(-jumpsShown);
  if (shown.length > 0) {
    const jumped = shown.map(({ at, by, author }) => [
      new Date(at).toISOString(),
      new Date(at + by).toISOString(),
      spanText(by),
      author === undefined ? "its sources" : author || "unknown",
    ]);
    lines.push("", ...textTable([["JUMPED FROM", "TO", "BY", "SET BY"], ...jumped]));
    if (shown.length < jumps.length) lines.push(`… and ${jumps.length - shown.length} before; --json shows them`);
  }
  return `${lines.join("\n")}\n`;
}

/** `-1m30s` */
export function spanText(span: number): string {
  return `${span < 0 ? "-" : ""}${formatDuration(milliseconds(Math.abs(span)))}`;
}

/** It never goes back, and once synced it does not jump. */
const slewText = (ahead: number): string =>
  `${spanText(Math.abs(ahead))} ${ahead > 0 ? "ahead of" : "behind"} its sources when the log last looked: it runs ${ahead > 0 ? "slower" : "faster"} until they meet`;

const offsetText = ({ offset }: SourceReport): string => (offset === undefined ? "–" : spanText(Math.round(offset)));

const agreedText = ({ agreedAt }: SourceReport): string =>
  agreedAt === undefined ? "–" : new Date(agreedAt).toISOString();

function noteText({ isIgnored, offset, agreedAt }: SourceReport, isSynced: boolean): string {
  if (isIgnored) return "ignored: it differs by too much";
  if (offset === undefined) return agreedAt === undefined ? "" : "not heard lately by the device that was asked";
  return isSynced ? "agrees" : "waits to be adopted";
}
