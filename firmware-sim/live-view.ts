// The live site on a terminal: who leads and why, every device, the aggregates, what happened, and the keys. A pure function
// of the state and the size; what does not fit is left out from the least important end.

import { formatDuration } from "../src/base/duration-text.ts";
import { milliseconds } from "../src/base/units.ts";
import { seriesTable } from "../src/cli/dashboard/series-table.ts";
import { column, cut, type Style, widthOf } from "../src/cli/terminal/style.ts";
import type { DeviceView, LiveState, SiteEvent } from "./live-state.ts";

export interface ViewSize {
  readonly columns: number;
  readonly rows: number;
}

export const keyHelp: readonly (readonly [key: string, does: string, briefly: string])[] = [
  ["k", "kill coordinator", "coordinator"],
  ["d", "kill a device", "device"],
  ["r", "restart a device", "restart"],
  ["b", "stop/start broker", "broker"],
  ["q", "quit", "quit"],
];

const lagNoticed = 50;
const eventRowsMax = 6;

export function renderLive(state: LiveState, size: ViewSize, paint: Style): string[] {
  const head = header(state, size, paint);
  const foot = [keys(size, paint)];
  const grid = deviceGrid(state.devices, size.columns, paint);
  const room = size.rows - head.length - foot.length;
  const gridShown = grid.slice(0, Math.max(1, Math.min(grid.length, room - 8)));
  const eventRows = Math.min(eventRowsMax, state.events.length, Math.max(1, Math.floor((room - gridShown.length) / 4)));
  const seriesRows = room - gridShown.length - eventRows - 2;
  const table = seriesTable(state.series, { columns: size.columns, rows: Math.max(0, seriesRows) }, paint);
  const body = [
    ...gridShown,
    "",
    ...table,
    "",
    ...state.events.slice(-eventRows).map((event) => eventLine(event, size, paint)),
  ];
  const filled = [...head, ...body].slice(0, size.rows - 1);
  while (filled.length < size.rows - 1) filled.push("");
  return [...filled, ...foot].slice(-size.rows).map((line) => cut(line, size.columns));
}

function header(state: LiveState, { columns }: ViewSize, paint: Style): string[] {
  const clock = formatDuration(milliseconds(Math.floor(state.elapsed / 1000) * 1000));
  const of = state.duration === undefined ? "" : ` of ${formatDuration(state.duration)}`;
  const doing = state.phase === "running" ? "" : ` ${state.doing}`;
  const title = `${paint.bold("skein")} ${state.site}`;
  const phase = `${state.phase}${doing} ${clock}${of}`;
  const gap = Math.max(1, columns - widthOf(title) - widthOf(phase));
  const leader =
    state.coordinator === undefined
      ? paint.red("no coordinator")
      : `coordinator ${paint.bold(paint.green(state.coordinator))}`;
  const broker = state.isBrokerUp ? state.brokerUrl : paint.red(`${state.brokerUrl} is down`);
  const page = state.pageUrl === undefined ? "" : `  page ${state.pageUrl}`;
  const { sensed, stored, counted } = state.readings;
  const { usage, windows } = state;
  return [
    `${title}${" ".repeat(gap)}${phase}`,
    `${leader}  term ${state.term}  ${paint.dim(state.why)}`,
    `commit ${grouped(state.commit)}  revision ${state.revision}  elections ${state.elections}  ` +
      `${grouped(usage.messagesPerSecond)} messages/s  ${formatBytes(usage.bytesPerSecond)}/s  ` +
      `RSS ${formatBytes(usage.rssBytes)}  CPU ${(100 * usage.cpuShare).toFixed(0)} %`,
    `readings  sensed ${grouped(sensed)}  stored ${grouped(stored)}  counted ${paint.bold(grouped(counted))}  ` +
      `windows ${grouped(windows.published)} (+${windows.reissued} again)  outbox ${state.outboxWaiting}`,
    paint.dim(`watch ${broker}${page}`),
    "",
  ].map((line) => cut(line, columns));
}

function deviceGrid(devices: readonly DeviceView[], columns: number, paint: Style): string[] {
  const up = devices.filter(({ state }) => state === "up").length;
  const nameColumns = Math.max(...devices.map(({ device }) => device.length));
  const cellColumns = nameColumns + 4;
  const perRow = Math.max(1, Math.floor(columns / cellColumns));
  const legend = `${up}/${devices.length} devices  ★ coordinator  ● voter  · learner  ! behind  ✕ off`;
  const lines = [paint.dim(legend)];
  for (let at = 0; at < devices.length; at += perRow) {
    const row = devices.slice(at, at + perRow).map((view) => column(deviceCell(view, paint), cellColumns));
    lines.push(row.join(""));
  }
  return lines;
}

function deviceCell({ device, state, role, isVoter, lag }: DeviceView, paint: Style): string {
  if (state === "off") return paint.red(`✕ ${device}`);
  if (state === "starting") return paint.dim(`… ${device}`);
  const late = lag > lagNoticed ? paint.yellow("!") : "";
  if (role === "leader") return `${paint.green(`★ ${device}`)}${late}`;
  if (role !== "follower") return `${paint.magenta(`◌ ${device}`)}${late}`;
  return `${isVoter ? `● ${device}` : paint.dim(`· ${device}`)}${late}`;
}

function eventLine(event: SiteEvent, { columns }: ViewSize, paint: Style): string {
  const colour = { fault: paint.yellow, site: paint.cyan, trouble: paint.red }[event.kind];
  return cut(`${paint.dim(clockOf(event.at))} ${colour(event.text)}`, columns);
}

function keys({ columns }: ViewSize, paint: Style): string {
  const whole = keyHelp.map(([key, does]) => `${paint.bold(key)} ${does}`).join("   ");
  if (widthOf(whole) <= columns) return whole;
  const short = keyHelp.map(([key, , briefly]) => `${paint.bold(key)} ${briefly}`).join("  ");
  return cut(short, columns);
}

/** `mm:ss` since the run began. */
export function clockOf(at: number): string {
  const passed = Math.floor(at / 1000);
  return `${String(Math.floor(passed / 60)).padStart(2, "0")}:${String(passed % 60).padStart(2, "0")}`;
}

export const grouped = (value: number): string => Math.round(value).toLocaleString("en-US");

export function formatBytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(bytes >= 1e7 ? 0 : 1)} MB`;
  if (bytes >= 1e3) return `${(bytes / 1e3).toFixed(0)} KB`;
  return `${Math.round(bytes)} B`;
}
