// What `skein recover` shows, to be judged by a person under stress.

import { expect, it } from "vitest";
import { deviceId, type MemberKey, memberKey, siteId } from "../../src/base/ids.ts";
import { logIndex, siteTime, term } from "../../src/base/units.ts";
import { describeRecovery } from "../../src/cli/reports/recovery-report.ts";
import { describeSetAside, setAsideRows } from "../../src/cli/reports/set-aside-report.ts";
import { encodeProposal } from "../../src/site/command-codec.ts";
import type { Command } from "../../src/site/types.ts";
import { epoch, hex, incarnation, origin } from "../site/site-fixture.ts";

const key = (name: string): MemberKey => memberKey({ device: deviceId(name), incarnation: incarnation(1) });

it("who would be left, who is heard, and how far each log reaches", () => {
  const [a, b, c] = ["pi-a", "pi-b", "pi-c"].map(deviceId) as [never, never, never];
  const position = {
    last: { index: logIndex(41), term: term(6) },
    committed: logIndex(40),
    siteTime: siteTime(epoch),
    voters: { current: [key("pi-a"), key("pi-b"), key("pi-c")] },
  };
  const survivor = {
    device: c,
    generation: { number: 1, nonce: hex(1) },
    position,
    members: [a, b, c],
    parts: undefined as never,
  };
  const plan = {
    self: c,
    generation: 1,
    last: position.last,
    voters: position.voters,
    members: [a, b, c],
    lost: [a, b],
    isAlone: false,
  };
  const report = { generation: 1, index: 39, term: 6, siteTime: 0, leader: null };
  const around = {
    brokers: [
      { url: "mqtt://x", isUp: true, why: undefined },
      { url: "mqtt://y", isUp: false, why: "refused" },
    ],
    seen: new Map([[b, { on: new Set(["mqtt://x"]), report }]]),
  };
  expect(`\n${describeRecovery(siteId("farm"), survivor, plan, around)}\n`).toMatchInlineSnapshot(`
    "
    Site farm, generation 1; agreed here up to entry 40.
    DEVICE  VOTES  WOULD BE  HEARD        LAST ENTRY  TERM  SITE TIME
    pi-a    yes    lost      silent                –     –  –
    pi-b    yes    lost      answers              39     6  –
    pi-c    yes    left      this device          41     6  2026-01-01T00:00:00.000Z
    Listened on:
      mqtt://x: connected
      mqtt://y: refused
    "
  `);
});

it("the entries of a log that was set aside, in words", () => {
  const commands: Command[] = [
    { kind: "found", site: siteId("farm"), generation: { number: 1, nonce: hex(1) } },
    {
      kind: "join",
      joins: [
        { device: deviceId("pi-a"), incarnation: incarnation(1), session: 1, start: 1, was: [], version: "1" },
        { device: deviceId("pi-b"), incarnation: incarnation(1), session: 1, start: 1, was: [], version: "1" },
      ],
    },
    {
      kind: "configure",
      base: logIndex(0),
      changes: [
        { section: "devices", name: "pi-a", before: undefined, after: { zone: "north", power: "mains", labels: {} } },
      ],
      author: "anna",
      note: "",
    },
    {
      kind: "count",
      revision: logIndex(3),
      moves: [{ origin: origin("pi-a"), from: 4, to: 9, check: 1, stored: 9 }],
      stampMax: siteTime(epoch),
      parts: [],
    },
    { kind: "close", upTo: siteTime(epoch) },
    { kind: "cursor", upTo: 7 },
    { kind: "remove", device: deviceId("pi-b") },
  ];
  const entries = commands.map((command, i) => ({
    kind: "command" as const,
    index: logIndex(i + 1),
    term: term(2),
    siteTime: siteTime(i === 0 ? 0 : epoch),
    command: encodeProposal({ client: undefined, command }),
  }));
  const rest = { index: logIndex(8), term: term(3), siteTime: siteTime(epoch) };
  const all = [...entries, { ...rest, kind: "voters" as const, voters: { current: [key("pi-a")] } }];
  const rows = setAsideRows("1", { committed: logIndex(6), entries: all }, 2);
  expect(`\n${describeSetAside(rows)}\n`).toMatchInlineSnapshot(`
    "
    ENTRY  TERM  SITE TIME                          WHAT
        2     2  2026-01-01T00:00:00.000Z  agreed   joined: pi-a, pi-b
        3     2  2026-01-01T00:00:00.000Z  agreed   configured by anna: devices.pi-a
        4     2  2026-01-01T00:00:00.000Z  agreed   counted: pi-a 5–9
        5     2  2026-01-01T00:00:00.000Z  agreed   closed windows up to 2026-01-01T00:00:00.000Z
        6     2  2026-01-01T00:00:00.000Z  agreed   the uplink had items up to 7
        7     2  2026-01-01T00:00:00.000Z  unknown  removed: pi-b
        8     3  2026-01-01T00:00:00.000Z  unknown  voters pi-a
    "
  `);
});
