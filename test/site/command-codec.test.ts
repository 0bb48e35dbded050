// The bytes of log entries: every kind is read back as it was written, and bytes that were ever written are read for ever.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { deviceId, siteId } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { logIndex, milliseconds, seconds, siteTime } from "../../src/base/units.ts";
import { decodeProposal, encodeProposal } from "../../src/site/command-codec.ts";
import type { Command, Proposal } from "../../src/site/types.ts";
import { epoch, hex, incarnation, origin, part, StoredCells, sensor, site } from "./site-fixture.ts";

const join = {
  device: deviceId("pi-1"),
  incarnation: incarnation(1),
  session: 3,
  start: 2 ** 47,
  was: [incarnation(9)],
  version: "0.1.0",
};
const commands: readonly Command[] = [
  { kind: "found", site: siteId("house"), generation: { number: 1, nonce: hex(7) } },
  { kind: "join", joins: [join, { ...join, device: deviceId("pi-2"), was: [] }] },
  { kind: "remove", device: deviceId("pi-2") },
  {
    kind: "configure",
    base: logIndex(12),
    changes: [
      { section: "settings", name: "uplink", before: "site", after: "mqtt://cloud:1883" },
      {
        section: "devices",
        name: "pi-3",
        before: undefined,
        after: { zone: "north", power: "mains", labels: { row: "a" } },
      },
      { section: "sensors", name: "door", before: sensor("pi-1", { stuckAfter: seconds(600) }), after: undefined },
      {
        section: "aggregations",
        name: "all",
        before: undefined,
        after: {
          window: seconds(60),
          grace: seconds(15),
          groupBy: ["quantity", "label:row"],
          where: { zone: "north" },
        },
      },
    ],
    author: "anna",
    note: "Frühling",
  },
  {
    kind: "count",
    revision: logIndex(12),
    moves: [{ origin: origin("pi-1"), from: 10, to: 13, check: 0xdead_beef, stored: 20 }],
    stampMax: siteTime(epoch + 3),
    parts: [
      part(epoch, [20.5, -3, 0], [0]),
      { ...part(epoch, [], [], "north/a"), fold: { ...part(epoch, []).fold, missing: 2 } },
    ],
  },
  { kind: "close", upTo: siteTime(epoch + 60_000) },
  { kind: "cursor", upTo: 32 },
  { kind: "checkpoint", previous: undefined },
  { kind: "checkpoint", previous: { index: logIndex(90), digest: hex(5) } },
  {
    kind: "time",
    after: 3,
    change: {
      kind: "adopt",
      sources: [deviceId("pi-1"), deviceId("pi-2")],
      jump: milliseconds(86_400_123),
      ahead: milliseconds(0),
    },
  },
  { kind: "time", after: 4, change: { kind: "lost" } },
  { kind: "time", after: 5, change: { kind: "set", jump: milliseconds(5_000), author: "anna" } },
  {
    kind: "degrade",
    next: 47,
    check: 0xdead_beef,
    merges: [
      {
        key: part(epoch, []).key,
        fold: part(epoch, [20.5, -3, 0]).fold,
        end: siteTime(epoch + 300_000),
        isSupplement: false,
        numbers: [17, 22, 40],
        edition: 2,
        unit: "°C",
        isWhole: true,
        replaces: {
          ranges: [
            { first: { generation: 1, number: 17 }, last: { generation: 1, number: 22 } },
            { first: { generation: 2, number: 40 }, last: { generation: 2, number: 40 } },
          ],
          items: 7,
        },
      },
    ],
  },
  {
    kind: "configure",
    base: logIndex(13),
    changes: [
      { section: "devices", name: "pi-4", before: undefined, after: { zone: undefined, power: "battery", labels: {} } },
    ],
    author: "anna",
    note: "",
  },
  {
    kind: "count-frozen",
    move: { origin: origin("pi-1"), from: 10, to: 13, check: 0xdead_beef, stored: 20 },
    stampMax: siteTime(epoch + 3),
    parts: [{ key: part(epoch, []).key, end: siteTime(epoch + 300_000), fold: part(epoch, [20.5, -3]).fold }],
  },
];
const proposals: readonly Proposal[] = commands.map((command, place) => ({
  client: place % 2 === 0 ? undefined : { session: hex(place), serial: place },
  command,
}));

const fixture = new URL("../fixtures/site-entries.json", import.meta.url);
/** Written once, when the format is new; then only read. */
function golden(): { readonly entries: readonly string[]; readonly cells: Readonly<Record<string, string>> } {
  if (!existsSync(fixture)) {
    const s = site("a");
    s.count("a", 0, [20.5, 21]);
    s.now += 80_000;
    s.close();
    const cells = new StoredCells(s.state).cells().map(({ key, value }) => [key, Buffer.from(value).toString("hex")]);
    const entries = proposals.map((proposal) => Buffer.from(encodeProposal(proposal)).toString("hex"));
    writeFileSync(fixture, `${JSON.stringify({ entries, cells: Object.fromEntries(cells) }, undefined, 2)}\n`);
  }
  return JSON.parse(readFileSync(fixture, "utf8")) as ReturnType<typeof golden>;
}

describe("a proposal", () => {
  it.each(proposals.map((proposal) => [proposal.command.kind, proposal] as const))(
    "is read back as it was written (%s)",
    (_kind, proposal) => {
      expect(decodeProposal(encodeProposal(proposal))).toEqual(proposal);
    },
  );

  it("is written and read as it was in the first version (golden entries)", () => {
    const { entries } = golden();
    expect(entries).toHaveLength(proposals.length);
    for (const [place, entry] of entries.entries()) {
      const bytes = Buffer.from(entry, "hex");
      expect(decodeProposal(bytes)).toEqual(proposals[place]);
      expect(Buffer.from(encodeProposal(proposals[place] as Proposal)).toString("hex")).toBe(entry);
    }
  });

  it("is none when it is longer than an entry may be", () => {
    const bytes = encodeProposal({ client: undefined, command: { kind: "cursor", upTo: 1 } });
    expect(decodeProposal(Buffer.concat([bytes, Buffer.alloc(limits.commandBytes)]))).toBeUndefined();
    expect(decodeProposal(Buffer.concat([bytes, Buffer.of(0)]))).toBeUndefined();
  });

  it("with items of a wrong shape is not written, and says so", () => {
    const changes = [{ section: "devices" as const, name: "a", before: undefined, after: { zone: 7 } }];
    const command = { kind: "configure" as const, base: logIndex(0), changes, author: "", note: "" };
    expect(() => encodeProposal({ client: undefined, command })).toThrow(
      expect.objectContaining({ code: "invalid-argument" }),
    );
  });
});

describe("cells", () => {
  it("are written as they were in the first version (golden cells)", () => {
    const s = site("a");
    s.count("a", 0, [20.5, 21]);
    s.now += 80_000;
    s.close();
    const cells = new StoredCells(s.state).cells().map(({ key, value }) => [key, Buffer.from(value).toString("hex")]);
    expect(Object.fromEntries(cells)).toEqual(golden().cells);
  });
});
