// Revisions: all or nothing, only on top of the one that its author saw, kept, and exactly once for a client that repeats.

import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deviceId, sensorId } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { logIndex, milliseconds, seconds } from "../../src/base/units.ts";
import { decodeProposal, encodeProposal } from "../../src/site/command-codec.ts";
import type { SiteConfiguration } from "../../src/site/configuration.ts";
import { unpackChanges } from "../../src/site/configuration-changes.ts";
import { diffConfiguration } from "../../src/site/configuration-diff.ts";
import { readChanges } from "../../src/site/configuration-items.ts";
import { configurationBefore, decodeRevision } from "../../src/site/configuration-table.ts";
import { SiteState } from "../../src/site/state.ts";
import { configuration, hex, type Site, StoredCells, sensor, site } from "./site-fixture.ts";

/** A revision's configuration, as a member shows it whose history is partly in the store. */
function configurationAt(s: Site, stored: StoredCells, revision: number): SiteConfiguration | undefined {
  const keys = s.state.historyKeysSince(logIndex(revision));
  return (
    keys &&
    configurationBefore(
      s.state.configuration,
      keys.map((key) => {
        const found = decodeRevision(key, s.state.cell(key) ?? stored.get(key) ?? new Uint8Array(0));
        if (found === undefined) throw new Error(`no revision ${key}`);
        return found;
      }),
    )
  );
}

describe("a configuration change", () => {
  it("is refused unless it is based on the revision in force", () => {
    const s = site("a");
    const before = s.state.revision;
    expect(s.configure(configuration(["a", "b"])).outcome.kind).toBe("done");
    expect(s.configure(configuration(["a"]), before).outcome).toMatchObject({
      kind: "refused",
      reason: "stale-revision",
    });
    expect(s.state.revision).toBe(s.index - 1);
    expect(s.state.configuration.devices.size).toBe(2);
  });

  it.each([
    [
      "a sensor on a device that is not there",
      { sensors: new Map([[sensorId("x"), sensor("z")]]) },
      "sensors.x.device",
    ],
    [
      "a window that does not divide a day",
      { aggregations: new Map([["all", { window: seconds(7), grace: seconds(15), groupBy: ["zone"], where: {} }]]) },
      "aggregations.all.window",
    ],
    [
      "a grace shorter than the flush",
      { settings: { ...configuration([]).settings, flushInterval: milliseconds(60_000) } },
      "aggregations.all.grace",
    ],
    ["a setting of the wrong kind", { settings: { ...configuration([]).settings, voters: 4 } }, "settings.voters"],
  ])("is refused whole, with the key, when one item is wrong (%s)", (_name, more, key) => {
    const s = site("a");
    const digest = s.state.digest();
    const { outcome } = s.configure(configuration(["a", "b"], more as Partial<SiteConfiguration>));
    expect(outcome).toMatchObject({
      kind: "refused",
      reason: "invalid-configuration",
      detail: expect.stringContaining(`${key}: `),
    });
    expect(s.state.digest()).toBe(digest);
  });

  it("is refused when it says that something else was there before", () => {
    const s = site("a");
    const changes = [{ section: "settings" as const, name: "voters", before: 7, after: 3 }];
    const { outcome } = s.apply({ kind: "configure", base: s.state.revision, changes, author: "anna", note: "" });
    expect(outcome).toMatchObject({
      kind: "refused",
      reason: "stale-revision",
      detail: "settings.voters is not what the change says it was",
    });
  });

  it.each([
    ["nothing that was there before", undefined],
    ["what is there already", 5],
  ])("is refused when it changes nothing (to %s)", (_name, value) => {
    const s = site("a");
    const name = value === undefined ? "__proto__" : "voters";
    const changes = [{ section: "settings" as const, name, before: value, after: value }];
    const { outcome } = s.apply({ kind: "configure", base: s.state.revision, changes, author: "anna", note: "" });
    expect(outcome).toMatchObject({ kind: "refused", reason: "malformed" });
  });

  it("of a whole site fits one entry (50 devices, 400 sensors)", () => {
    const devices = Array.from({ length: 50 }, (_, place) => `sim-${place + 1}`);
    const sensors = devices.flatMap((device) =>
      Array.from({ length: 8 }, (_, place) => {
        const driver = { kind: "simulated" as const, profile: `profile-${place}` };
        return [
          sensorId(`${device}.s${place}`),
          sensor(device, { driver, range: { min: -20.5, max: 60 + place } }),
        ] as const;
      }),
    );
    const s = site("a");
    const { outcome } = s.configure(configuration(devices, { sensors: new Map(sensors) }));
    expect(outcome.kind).toBe("done");
    expect(s.state.configuration.sensors.size).toBe(400);
  });

  it("is repeated without effect and with the same answer (client session), also when it was refused", () => {
    const s = site("a");
    const client = { session: hex(5), serial: 1 };
    const first = s.configure(configuration(["a", "b"]), s.state.revision, client);
    const digest = s.state.digest();
    expect(s.configure(configuration(["c"]), s.state.revision, client)).toEqual({ ...first, touched: new Set() });
    expect(s.state.digest()).toBe(digest);
    const refused = s.configure(configuration(["c"]), logIndex(1), { session: hex(5), serial: 2 });
    expect(refused.outcome).toMatchObject({ reason: "stale-revision" });
    expect(s.configure(configuration(["c"]), s.state.revision, { session: hex(5), serial: 2 }).outcome).toEqual(
      refused.outcome,
    );
    expect(s.configure(configuration(["c"]), s.state.revision, client).outcome).toMatchObject({
      reason: "serial-out-of-order",
    });
    expect(s.configure(configuration(["c"]), s.state.revision, { session: hex(6), serial: 2 }).outcome).toMatchObject({
      reason: "session-expired",
    });
  });

  it("that a client repeats is answered the same by a member that began from a checkpoint meanwhile (RAFT-CASES 39)", () => {
    const s = site("a");
    const stored = new StoredCells(s.state);
    const client = { session: hex(5), serial: 1 };
    const { outcome } = s.configure(configuration(["a", "b"]), s.state.revision, client);
    stored.save(s.state);
    const copy = Object.assign(site(), { state: SiteState.load(stored.cells()), index: s.index });
    expect(copy.configure(configuration(["c"]), s.state.revision, client).outcome).toEqual(outcome);
    expect(copy.state.configuration.devices.has(deviceId("c"))).toBe(false);
  });

  it("of the least recently used client session is forgotten, by the order of the log (one session too many)", () => {
    const s = site("a");
    const note = (session: number, serial: number) =>
      s.configure(configuration(serial % 2 === 0 ? ["a"] : ["a", "b"]), s.state.revision, {
        session: hex(session),
        serial,
      }).outcome;
    for (let session = 1; session <= limits.clientSessions; session++) note(session, 1);
    note(1, 2);
    note(9_999, 1);
    expect(note(1, 3)).not.toMatchObject({ reason: "session-expired" });
    expect(note(2, 2)).toMatchObject({ reason: "session-expired" });
    expect(note(3, 2)).not.toMatchObject({ reason: "session-expired" });
  });
});

describe("history", () => {
  it("shows each revision as it was, with author and note, before and after a checkpoint, and applies it again", () => {
    const s = site("a");
    const seen = new Map([[s.state.revision, s.state.configuration]]);
    const stored = new StoredCells(s.state);
    for (const devices of [["a", "b"], ["b"], ["b", "c", "d"], ["a"]]) {
      s.configure(configuration(devices));
      seen.set(s.state.revision, s.state.configuration);
      if (devices.length === 1) {
        stored.save(s.state);
        s.state.checkpointed();
      }
    }
    expect(s.state.revisions).toEqual([...seen.keys()]);
    for (const [revision, then] of seen) expect(configurationAt(s, stored, revision)).toEqual(then);
    const [second] = [...seen.keys()].slice(1);
    const again = configurationAt(s, stored, second ?? 0);
    expect(s.configure(again ?? configuration([])).outcome.kind).toBe("done");
    expect(diffConfiguration(s.state.configuration, configuration(["a", "b"]))).toEqual([]);
    expect(configurationAt(s, stored, 1)).toBeUndefined();
  });

  it("drops the oldest revisions at its bound, and still shows those that are left", () => {
    const s = site("a");
    const sizes = new Map<number, number>();
    for (let change = 0; change < limits.configurationRevisions + 10; change++) {
      s.configure(configuration(change % 2 === 0 ? ["a", "b"] : ["a"]));
      sizes.set(s.state.revision, s.state.configuration.devices.size);
    }
    const [oldest = 0] = s.state.revisions;
    expect(s.state.revisions).toHaveLength(limits.configurationRevisions);
    const stored = new StoredCells(s.state);
    for (const revision of [oldest, oldest + 1]) {
      expect(configurationAt(s, stored, revision)?.devices.size).toBe(sizes.get(revision));
    }
    expect(s.state.historyKeysSince(logIndex(oldest - 1))).toBeUndefined();
  });
});

describe("changes as bytes", () => {
  it("are read back as they were, whatever is configured (random devices)", () => {
    fc.assert(
      fc.property(fc.subarray(["a", "b", "c", "d"]), fc.subarray(["a", "b", "c", "d"]), (before, after) => {
        const changes = diffConfiguration(configuration(before), configuration(after));
        if (changes.length === 0) return;
        const proposal = {
          client: { session: hex(1), serial: 3 },
          command: { kind: "configure" as const, base: logIndex(4), changes, author: "anna", note: "spring" },
        };
        expect(decodeProposal(encodeProposal(proposal))).toEqual(proposal);
        expect(readChanges(JSON.parse(JSON.stringify(changes)))).toEqual(changes);
      }),
    );
  });

  it("that are none are undefined (a bomb of zeros, a foreign format, damage)", () => {
    const bomb = Buffer.concat([Buffer.of(1), deflateRawSync(Buffer.alloc(2 * limits.configurationChangeBytes))]);
    for (const bytes of [bomb, Buffer.alloc(0), Buffer.of(9, 1, 2), Buffer.of(0, 0xff), Buffer.of(1, 0xff, 0xff)]) {
      expect(unpackChanges(bytes)).toBeUndefined();
    }
  });

  it.each([
    [undefined],
    [{}],
    [[]],
    [[{ section: "devices", name: "a", after: { zone: 1 } }]],
    [[{ section: "users", name: "a" }]],
    [[{ section: "sensors", name: "s", after: { device: deviceId("a"), driver: {} } }]],
  ])("are not taken from what is none (%j)", (value) => {
    expect(readChanges(value)).toBeUndefined();
  });
});
