import { expect, it } from "vitest";
import type { AgentStatus } from "../../src/agent/status.ts";
import { deviceId, sensorId, siteId } from "../../src/base/ids.ts";
import { logIndex, milliseconds, minutes, siteTime, term } from "../../src/base/units.ts";
import { describeHistory } from "../../src/cli/commands/config.ts";
import { describeMembers } from "../../src/cli/commands/members.ts";
import { type AggregateValues, readDashboard } from "../../src/cli/dashboard/reader.ts";
import { SeriesBoard } from "../../src/cli/dashboard/series-board.ts";
import { formatValue, seriesTable } from "../../src/cli/dashboard/series-table.ts";
import { aggregateLine, WatchView } from "../../src/cli/dashboard/watch-view.ts";
import { describeSensors } from "../../src/cli/reports/sensor-report.ts";
import { describeStatus } from "../../src/cli/reports/status-report.ts";
import { textTable } from "../../src/cli/reports/text-table.ts";
import { wholeStatus } from "../../src/cli/site-status.ts";
import { style, widthOf } from "../../src/cli/terminal/style.ts";
import { quality } from "../../src/readings/types.ts";

const [one, two, three] = [deviceId("pi-01"), deviceId("pi-02"), deviceId("pi-03")];
const status: AgentStatus = {
  site: siteId("farm"),
  device: two,
  version: "0.1.0",
  session: 3,
  generation: 1,
  role: "follower",
  isVoter: true,
  term: term(4),
  leader: one,
  why: "follows pi-01",
  commit: logIndex(120),
  applied: logIndex(117),
  revision: logIndex(12),
  voters: [one, two, three],
  members: [],
  brokers: [
    { url: "mqtt://a", isUp: true, why: undefined, roundTrip: milliseconds(1.25) },
    { url: "mqtt://b", isUp: false, why: "connect ECONNREFUSED", roundTrip: undefined },
  ],
  siteTime: siteTime(Date.UTC(2026, 0, 1)),
  isSiteTimeSynced: false,
  siteTimeState: "uncertain: no clock source yet",
  outbox: {
    waiting: 4,
    bytes: 2_500_000,
    last: 90,
    cursor: 86,
    daysOfRoom: undefined,
    isUplinkUp: false,
    uplinkUrl: undefined,
    uplinkProblem: undefined,
  },
  readings: { taken: 100, missing: 2, counted: 90, uncounted: 10, stopped: undefined, frozen: undefined, latest: [] },
  problems: [],
  lastWills: { believed: 0, refuted: 0 },
  disk: { bytesWritten: 1_500_000, syncs: 40 },
  traffic: { messagesSent: 0, bytesSent: 0, messagesReceived: 0, bytesReceived: 0, dropped: 0 },
};
const coordinator: AgentStatus = {
  ...status,
  device: one,
  role: "leader",
  why: "won the election of term 4 with 2 of 3 votes",
  outbox: { ...status.outbox, daysOfRoom: 93.4, uplinkUrl: "mqtts://cloud", uplinkProblem: "bad password" },
};

it("says who leads and why, how far the asked device is, its brokers, and how long the site may be offline", () => {
  expect(describeStatus(status, coordinator).split("\n")).toEqual([
    "site        farm, generation 1",
    "who leads   coordinator pi-01, term 4",
    "why         won the election of term 4 with 2 of 3 votes",
    "voters      pi-01, pi-02, pi-03 (2 of 3 must be there)",
    "",
    "device      pi-02, voter, session 3, agent 0.1.0",
    "log         commit 120, applied 117 (3 behind), revision 12",
    "site time   2026-01-01T00:00:00.000Z, uncertain: no clock source yet",
    "brokers     mqtt://a up, 1.3 ms",
    "            mqtt://b down: connect ECONNREFUSED",
    "readings    100 taken, 90 counted, 10 to be counted, 2 missing",
    "disk        1.5 MB and 40 syncs since it started",
    "",
    "uplink      mqtts://cloud down: bad password (said by pi-01)",
    "outbox      4 waiting (2.5 MB); items up to 86 of 90 are through",
    "offline     room for 93 days at the present rate; then older windows become coarser",
    "",
  ]);
});

it("says so when nobody leads, when the coordinator is silent, when one card carries the site, when no readings are taken", () => {
  const alone = { ...status, leader: undefined, voters: [two], why: "waits for a quorum" };
  expect(describeStatus(alone, undefined)).toContain("no coordinator, term 4\nwhy         waits for a quorum\n");
  expect(describeStatus(alone, undefined)).toContain(
    "pi-02 (the site stands on one card until more devices have come)",
  );
  expect(describeStatus(status, undefined)).toContain("            pi-01 itself does not answer\n");
  const full = { ...status, readings: { ...status.readings, stopped: "the disk is full" } };
  expect(describeStatus(full, undefined)).toContain("no readings are taken: the disk is full");
  const [since, until] = [siteTime(1_767_225_600_000), siteTime(1_767_229_200_000)];
  const frozen = { readings: 1200, since, until, span: minutes(15) };
  expect(describeStatus({ ...status, readings: { ...status.readings, frozen } }, undefined)).toContain(
    "            1200 of them, from 2026-01-01T00:00:00.000Z to 2026-01-01T01:00:00.000Z, are kept only as windows of up to 15m: there was no room for more uncounted ones\n",
  );
  const troubled = { ...status, problems: ["two copies of pi-02 run", "the card is nearly full"] };
  expect(describeStatus(troubled, undefined)).toContain(
    "problems    two copies of pi-02 run\n            the card is nearly full\n",
  );
});

it("puts the parts of a large site's answer together", () => {
  const member = { device: two, isVoter: false, isPresent: true, lag: 0, zone: undefined, power: "mains" } as const;
  const latest = { sensor: sensorId("a"), value: 1, stamp: undefined, quality: 0, fault: undefined };
  const whole = wholeStatus([
    { ...status, members: [member] },
    { members: [{ ...member, device: three }] },
    { readings: { latest: [latest] } },
  ]);
  expect(whole.members.map(({ device }) => device)).toEqual([two, three]);
  expect(whole.readings).toEqual({ ...status.readings, latest: [latest] });
});

it("shows what each sensor said last, and what is wrong with it", () => {
  const stamp = siteTime(Date.UTC(2026, 0, 1));
  const reading = { sensor: sensorId("door"), value: 21.5, stamp, quality: 0, fault: undefined };
  const wrong = { ...reading, sensor: sensorId("attic"), quality: quality.outOfRange | quality.stuck };
  const gone = { ...reading, sensor: sensorId("well"), value: 0, stamp: undefined, quality: quality.missing };
  const broken = { ...gone, sensor: sensorId("yard"), value: undefined, fault: "yard: no thermal zone 7" };
  expect(describeSensors([gone, broken, reading, wrong])).toEqual([
    "SENSOR  LATEST  SITE TIME                 QUALITY",
    "attic     21.5  2026-01-01T00:00:00.000Z  out of range, stuck",
    "door      21.5  2026-01-01T00:00:00.000Z  good",
    "well         –  –                         no value",
    "yard         –  –                         yard: no thermal zone 7",
  ]);
  expect(describeSensors([])).toEqual([]);
});

it("lists the members, those who are away too", () => {
  const member = { device: two, isVoter: true, isPresent: true, lag: 0, zone: "hall", power: "battery" } as const;
  const answer = {
    voters: [two],
    members: [
      { ...member, device: three, isPresent: false, lag: undefined, isVoter: false, power: "mains" as const },
      member,
    ],
  };
  expect(describeMembers(answer)).toBe(
    "DEVICE  ZONE  POWER    ROLE     PRESENT  BEHIND\npi-02   hall  battery  voter    here          0\npi-03   hall  mains    learner  away          –\n1 of 2 devices are here\n",
  );
});

it("lists revisions with who made them and why", () => {
  const row = { revision: 12, siteTime: Date.UTC(2026, 0, 1), author: "ann", note: "doors", changes: 2 };
  expect(describeHistory([row])).toBe(
    "REVISION  SITE TIME                 BY   CHANGES  NOTE\n      12  2026-01-01T00:00:00.000Z  ann        2  doors\n",
  );
  expect(describeHistory([])).toBe("Nothing was configured yet.\n");
});

it("puts numbers to the right and lines up what has colour", () => {
  const paint = style(true);
  const lines = textTable([
    ["A", "B"],
    [paint.red("xx"), 5],
    ["y", 10],
  ]);
  expect(lines.map(widthOf)).toEqual([6, 6, 6]);
});

const site = siteId("farm");
const body = {
  ts: 1000,
  spanMs: 1000,
  count: 4,
  sum: 8,
  mean: 2,
  min: 1,
  max: 3,
  p50: 2,
  p95: 3,
  p99: 3,
  missing: 0,
  id: "1.7",
  term: 2,
  edition: 1,
};
const read = (topic: string, value: unknown) =>
  readDashboard(site, `skein/1/farm/${topic}`, Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));

it("reads aggregates, the site, and events, and names what it cannot read", () => {
  expect(read("aggregates/all/t/hall", body)).toMatchObject({
    kind: "aggregate",
    values: { series: "all/t/hall", id: "1.7", count: 4 },
  });
  expect(read("site", { coordinator: "pi-01", term: 2, why: "w", revision: 3 })).toEqual({
    kind: "site",
    coordinator: "pi-01",
    term: 2,
    why: "w",
    revision: 3,
  });
  expect(read("events/joined", { ts: 5, text: "pi-02 has joined" })).toEqual({
    kind: "event",
    id: undefined,
    ts: 5,
    name: "joined",
    text: "pi-02 has joined",
  });
  for (const [topic, value, why] of [
    ["aggregates/all/t", "{", "not JSON"],
    ["aggregates/all/t", [], "not a JSON object"],
    ["aggregates/all/t", { ...body, id: "7" }, "no item id"],
    ["aggregates/all/t", { ...body, count: 1.5 }, "count is no whole number"],
    ["site", { coordinator: "pi-01" }, "no coordinator, term, why or revision"],
    ["log/pi-01", body, "not a topic of the dashboard"],
  ] as const) {
    expect(read(topic, value)).toEqual({ kind: "unreadable", topic: `skein/1/farm/${topic}`, why });
  }
});

function values(change: Partial<AggregateValues>): AggregateValues {
  const message = read("aggregates/all/t", body);
  if (message.kind !== "aggregate") throw new Error("unreadable");
  return { ...message.values, ...change };
}

it("keeps the newest window of each series, its past in order, and ignores supplements", () => {
  const board = new SeriesBoard();
  for (const change of [
    { ts: 1000, mean: 1 },
    { ts: 3000, mean: 3 },
    { ts: 1000, mean: 1.5, edition: 2 },
    { ts: 5000, mean: 9, adds: true },
  ]) {
    board.add(values(change));
  }
  const [series] = board.all();
  expect(series).toMatchObject({ name: "all/t", latest: { ts: 3000, mean: 3 }, means: [1.5, 3] });
  for (let i = 0; i < 100; i++) board.add(values({ ts: 10_000 + i, mean: i }));
  expect(board.all()[0]?.means).toHaveLength(60);
});

it("names what the table has no room for, and shows four digits that matter", () => {
  const board = new SeriesBoard();
  for (let i = 0; i < 10; i++) board.add(values({ series: `all/${i}` }));
  const table = seriesTable(board.all(), { columns: 70, rows: 5 }, style(false));
  expect(table).toHaveLength(5);
  expect(table.at(-1)).toBe("… and 7 more series");
  expect([0.123, 45.678, 456.78, 45678.9, Number.NaN].map(formatValue)).toEqual([
    "0.12",
    "45.68",
    "456.8",
    "45679",
    "–",
  ]);
});

it("watches: who coordinates, the revision, the aggregates, the latest events", () => {
  const view = new WatchView("farm", "mqtt://a");
  expect(view.lines([], { columns: 60, rows: 10 }, style(false))[1]).toBe("nothing heard of a coordinator yet");
  view.heard(read("site", { coordinator: "pi-01", term: 2, why: "won", revision: 3 }));
  view.heard(read("events/joined", { text: "pi-02 has joined" }));
  const board = new SeriesBoard();
  board.add(values({}));
  const lines = view.lines(board.all(), { columns: 100, rows: 12 }, style(false));
  expect(lines).toHaveLength(12);
  expect(lines.slice(0, 3)).toEqual([
    "skein farm on mqtt://a  2 messages",
    "coordinator pi-01  term 2  won",
    "revision 3  1 series",
  ]);
  expect(lines.slice(-2)).toEqual(["pi-02 has joined", "q quit"]);
  expect(aggregateLine(values({ edition: 2, missing: 1 }))).toBe(
    "1970-01-01T00:00:01.000Z all/t mean 2.00 min 1.00 max 3.00 count 4 missing 1 edition 2 (1.7)",
  );
});
