// The state as a whole: what its cells promise, and that nothing in the log can harm it.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deviceId, siteId } from "../../src/base/ids.ts";
import { logIndex, milliseconds, siteTime, term } from "../../src/base/units.ts";
import { encodeProposal } from "../../src/site/command-codec.ts";
import { SiteState } from "../../src/site/state.ts";
import type { Command } from "../../src/site/types.ts";
import { configuration, epoch, hex, incarnation, origin, part, type Site, StoredCells, site } from "./site-fixture.ts";

const devices = ["a", "b", "c"];

/** Something that a coordinator might propose, right or wrong. */
function randomStep(s: Site, pick: () => number): void {
  const device = devices[Math.floor(pick() * devices.length)] ?? "a";
  const member = s.state.member(deviceId(device));
  const life = member === undefined ? 1 : Number.parseInt(member.incarnation, 16);
  s.now += Math.floor(pick() * 20_000);
  const chance = pick();
  if (chance < 0.5) {
    const from = s.state.counted(origin(device, life)) ?? 0;
    const late = pick() < 0.2 ? 120_000 : 0;
    const wrong = pick() < 0.1 ? 1 : 0;
    s.count(device, from + wrong, [Math.floor(pick() * 100), 7], {
      at: s.now - late,
      life,
      stored: from + 2 + wrong + Math.floor(pick() * 5),
    });
  } else if (chance < 0.7) s.close(s.now - 20_000);
  else if (chance < 0.8) s.apply({ kind: "cursor", upTo: Math.min(s.state.outbox.next - 1, s.state.outbox.first + 1) });
  else if (chance < 0.9)
    s.join(device, { life: life + Math.floor(pick() * 2), session: 2, ...(pick() < 0.5 ? { wasLife: life } : {}) });
  else if (chance < 0.93) s.apply({ kind: "remove", device: deviceId(device) });
  else {
    const some = devices.filter(() => pick() < 0.7);
    s.configure(configuration(some), s.state.revision, {
      session: hex(Math.floor(pick() * 3)),
      serial: 1 + Math.floor(pick() * 4),
    });
  }
}

const fractions = fc.infiniteStream(fc.double({ min: 0, max: 0.999_999, noNaN: true }));

describe("cells", () => {
  it("load to a state with the same digest, which answers every later entry alike (random histories)", () => {
    fc.assert(
      fc.property(fractions, fc.integer({ min: 1, max: 60 }), (stream, steps) => {
        const pick = () => stream.next().value as number;
        const s = site(...devices);
        const stored = new StoredCells(s.state);
        for (let step = 0; step < steps; step++) {
          randomStep(s, pick);
          if (pick() < 0.2) {
            stored.save(s.state);
            s.state.checkpointed();
          }
        }
        stored.save(s.state);
        const copy = SiteState.load(stored.cells().reverse());
        expect(copy.digest()).toBe(s.state.digest());
        const original = s.state;
        const fork = { now: s.now, index: s.index };
        const later = [pick, () => 0.3, () => 0.6, () => 0.85];
        const answers = [original, copy].map((state) => {
          Object.assign(s, fork, { state });
          for (const choose of later) randomStep(s, choose === pick ? () => 0.1 : choose);
          return [state.digest(), s.join("a", { life: 99 }), s.close(), state.outbox.next, state.digest()];
        });
        expect(answers[1]).toEqual(answers[0]);
      }),
      { numRuns: 150 },
    );
  });

  it("are written once each, and only those that changed (1 count)", () => {
    const s = site("a");
    s.state.takeDirty();
    s.count("a", 0, [20]);
    s.count("a", 1, [21]);
    const keys = s.state.takeDirty().puts.map(({ key }) => key);
    expect(keys).toEqual(["member/a", "site", `window/all/${epoch}/temperature`]);
    expect(s.state.takeDirty()).toEqual({ puts: [], deletes: [] });
  });

  it("give another digest for every change of a byte (all cells, one bit each)", () => {
    const s = site("a", "b");
    s.count("a", 0, [20, 21]);
    s.close(epoch + 60_000);
    const cells = new StoredCells(s.state).cells();
    const digest = s.state.digest();
    for (const [place, { key, value }] of cells.entries()) {
      const damaged = Uint8Array.from(value, (byte, at) => (at === value.length - 1 ? byte ^ 1 : byte));
      let found: string;
      try {
        found = SiteState.load(cells.map((cell, at) => (at === place ? { key, value: damaged } : cell))).digest();
      } catch (failure) {
        expect(failure).toMatchObject({ code: "state-damaged" });
        continue;
      }
      expect(found).not.toBe(digest);
    }
  });

  it("of items and history leave memory once they are in a checkpoint, and are the same when read back", () => {
    const s = site("a");
    s.count("a", 0, [20]);
    s.close(epoch + 60_000);
    const item = s.state.outbox.item(1);
    const digest = s.state.digest();
    const stored = new StoredCells(s.state);
    expect(s.state.outbox.item(1)).toEqual(item);
    s.state.checkpointed();
    expect(s.state.outbox.item(1)).toBeUndefined();
    expect(stored.get(s.state.outbox.itemKey(1))).toBeDefined();
    expect(s.state.digest()).toBe(digest);
    s.apply({ kind: "cursor", upTo: 1 });
    expect(s.state.takeDirty().deletes).toEqual([s.state.outbox.itemKey(1)]);
  });
});

describe("an entry that makes no sense", () => {
  it("is refused as malformed and changes nothing (random bytes)", () => {
    const s = site("a");
    const before = s.state.digest();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(s.applyBytes(bytes).outcome).toMatchObject({ kind: "refused", reason: "malformed" });
      }),
      { numRuns: 500 },
    );
    expect(s.state.digest()).toBe(before);
  });

  it("never throws, and what it leaves can be loaded (mutations of each kind of entry)", () => {
    const commands: Command[] = [
      { kind: "found", site: siteId("house"), generation: { number: 2, nonce: hex(8) } },
      {
        kind: "join",
        joins: [
          {
            device: deviceId("b"),
            incarnation: incarnation(1),
            session: 1,
            start: 1,
            was: [incarnation(4)],
            version: "1",
          },
        ],
      },
      { kind: "remove", device: deviceId("a") },
      {
        kind: "configure",
        base: logIndex(3),
        changes: [{ section: "settings", name: "voters", before: 5, after: 3 }],
        author: "anna",
        note: "fewer",
      },
      {
        kind: "count",
        revision: logIndex(3),
        moves: [{ origin: origin("a"), from: 0, to: 2, check: 1, stored: 2 }],
        stampMax: siteTime(epoch),
        parts: [part(epoch, [20, -3], [0])],
      },
      { kind: "close", upTo: siteTime(epoch) },
      { kind: "cursor", upTo: 0 },
      { kind: "checkpoint", previous: { index: logIndex(2), digest: hex(3) } },
      {
        kind: "time",
        after: 0,
        change: { kind: "adopt", sources: [deviceId("a")], jump: milliseconds(7), ahead: milliseconds(-7) },
      },
      { kind: "time", after: 0, change: { kind: "set", jump: milliseconds(7), author: "anna" } },
    ];
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...commands), edits, (command, changes) => {
        const s = site("a");
        const bytes = encodeProposal({ client: { session: hex(1), serial: 1 }, command });
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        s.applyBytes(bytes);
        s.close(s.now + 60_000);
        const stored = new StoredCells(s.state);
        expect(SiteState.load(stored.cells()).digest()).toBe(s.state.digest());
      }),
      { numRuns: 2_000 },
    );
  });

  it("takes no time that is none (NaN, negative, infinite)", () => {
    const s = site("a");
    const command = encodeProposal({ client: undefined, command: { kind: "cursor", upTo: 0 } });
    for (const time of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      s.state.apply({ index: logIndex(9), term: term(1), siteTime: siteTime(time), command });
    }
    expect(s.state.siteTimeFloor).toBe(epoch);
  });
});
