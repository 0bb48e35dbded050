import { expect, it } from "vitest";
import type { LiveState } from "../../firmware-sim/live-state.ts";
import { renderLive } from "../../firmware-sim/live-view.ts";
import { PlainView } from "../../firmware-sim/plain-view.ts";
import { deviceId, siteId } from "../../src/base/ids.ts";
import { logIndex, minutes, seconds, term } from "../../src/base/units.ts";
import { hasColor, style, widthOf } from "../../src/cli/terminal/style.ts";

const plain = style(false);

function aggregate(name: string, mean: number) {
  const latest = {
    series: name,
    id: "1.1",
    ts: 0,
    spanMs: 1,
    count: 40,
    missing: 0,
    edition: 1,
    adds: false,
    replaces: undefined,
    replacedItems: 0,
    term: 1,
    mean,
    min: mean,
    max: mean,
    p95: mean,
  };
  return { name, latest, means: [1, 2, 3, mean] };
}

function state(change: Partial<LiveState> = {}): LiveState {
  return {
    site: siteId("sim"),
    phase: "running",
    doing: "",
    elapsed: seconds(42),
    duration: minutes(1.5),
    brokerUrl: "mqtt://127.0.0.1:1883",
    isBrokerUp: true,
    pageUrl: "http://127.0.0.1:8080/",
    coordinator: deviceId("pi-03"),
    term: term(4),
    why: "won the election of term 4 with 3 of 5 votes",
    commit: logIndex(1284),
    revision: logIndex(12),
    elections: 2,
    outboxWaiting: 0,
    readings: { sensed: 8312, stored: 8290, counted: 8120 },
    windows: { published: 240, reissued: 12, outOfOrder: 0, gaps: 0 },
    devices: Array.from({ length: 50 }, (_, i) => ({
      device: deviceId(`pi-${String(i + 1).padStart(2, "0")}`),
      state: i === 6 ? "off" : i === 7 ? "starting" : "up",
      role: i === 2 ? "leader" : "follower",
      isVoter: i < 5,
      lag: i === 8 ? 900 : 0,
    })),
    series: ["all/temperature/barn", "all/humidity/barn"].map((name, i) => aggregate(name, 20 + i)),
    events: [{ at: 20_000, kind: "fault", text: "kill-coordinator pi-01" }],
    usage: { messagesPerSecond: 412, bytesPerSecond: 96_000, rssBytes: 212e6, cpuShare: 0.31 },
    ...change,
  };
}

it("shows who leads and why, the readings, every device, the aggregates, what happened and the keys (100 × 40)", () => {
  const lines = renderLive(state(), { columns: 100, rows: 40 }, plain);
  expect(lines.slice(0, 4)).toEqual([
    expect.stringMatching(/^skein sim +running 42s of 1m30s$/),
    "coordinator pi-03  term 4  won the election of term 4 with 3 of 5 votes",
    "commit 1,284  revision 12  elections 2  412 messages/s  96 KB/s  RSS 212 MB  CPU 31 %",
    "readings  sensed 8,312  stored 8,290  counted 8,120  windows 240 (+12 again)  outbox 0",
  ]);
  const text = lines.join("\n");
  expect(text).toContain("● pi-02");
  expect(text).toContain("★ pi-03");
  expect(text).toContain("✕ pi-07");
  expect(text).toContain("… pi-08");
  expect(text).toContain("· pi-09!");
  expect(text).toContain("· pi-50");
  expect(text).toMatch(/all\/temperature\/barn +20.00 +20.00 +20.00 +40 .*█/);
  expect(text).toContain("00:20 kill-coordinator pi-01");
  expect(lines.at(-1)).toBe("k kill coordinator   d kill a device   r restart a device   b stop/start broker   q quit");
});

it.each([
  [200, 60],
  [80, 24],
  [40, 10],
  [20, 5],
  [1, 1],
])("fills exactly the terminal and no more (%d × %d)", (columns, rows) => {
  const many = Array.from({ length: 80 }, (_, i) => aggregate(`all/quantity-${i}/zone`, i));
  for (const paint of [plain, style(true)]) {
    const lines = renderLive(state({ series: many }), { columns, rows }, paint);
    expect(lines.length).toBe(rows);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
  }
});

it("says so in red when nobody leads or the broker is down", () => {
  const lines = renderLive(
    state({ coordinator: undefined, isBrokerUp: false }),
    { columns: 80, rows: 24 },
    style(true),
  );
  expect(lines[1]).toContain("\u001b[31mno coordinator");
  expect(lines[4]).toContain("is down");
});

it.each([
  [{}, true, true],
  [{ NO_COLOR: "1" }, true, false],
  [{ NO_COLOR: "" }, true, true],
  [{ TERM: "dumb" }, true, false],
  [{}, false, false],
])("has colour in %j on a terminal (%s): %s", (environment, isTerminal, colour) => {
  expect(hasColor(environment, isTerminal)).toBe(colour);
});

it("prints plain lines: each event once, a summary every 10 s, what it waits for", () => {
  const written: string[] = [];
  const view = new PlainView((line) => written.push(line));
  view.show(state({ phase: "starting", doing: "12 of 50 devices have joined", events: [] }), 0);
  view.show(state({ phase: "starting", doing: "12 of 50 devices have joined", events: [] }), 0);
  view.show(state(), 1);
  view.show(state({ elapsed: seconds(45) }), 1);
  view.show(state({ elapsed: seconds(53) }), 1);
  expect(written).toEqual([
    "starting: 12 of 50 devices have joined",
    "00:20 kill-coordinator pi-01",
    expect.stringMatching(/^00:42 48\/50 up, coordinator pi-03 in term 4, commit 1,284, sensed 8,312, stored 8,290/),
    expect.stringMatching(/^00:53 /),
  ]);
});

it("keeps every key in sight on a narrow terminal", () => {
  const keys = (columns: number) => renderLive(state(), { columns, rows: 20 }, plain).at(-1);
  expect(keys(100)).toBe("k kill coordinator   d kill a device   r restart a device   b stop/start broker   q quit");
  expect(keys(60)).toBe("k coordinator  d device  r restart  b broker  q quit");
});
