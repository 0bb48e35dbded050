// PROTOCOLS, "Joining, incarnations, bootstrap": who is a member, and what becomes of the readings of those who were.

import { describe, expect, it } from "vitest";
import { deviceId, siteId } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { foldOf } from "../../src/site/windows.ts";
import { epoch, hex, incarnation, origin, part, Site, site } from "./site-fixture.ts";

const refusedFor = (reason: string) => ({ outcome: { kind: "refused", reason } });
const missingIn = (s: Site): number => {
  const window = s.state.window(part(s.now, []).key);
  return window === undefined ? 0 : foldOf(window).missing;
};

describe("founding", () => {
  it("comes before everything else, and only once (another nonce, an older generation, another site)", () => {
    const s = new Site();
    expect(s.join("a")).toMatchObject(refusedFor("not-founded"));
    s.found();
    const found = (site: string, number: number, nonce: number) =>
      s.apply({ kind: "found", site: siteId(site), generation: { number, nonce: hex(nonce) } });
    expect(found("house", 1, 7).outcome.kind).toBe("done");
    expect(found("house", 1, 8)).toMatchObject(refusedFor("already-founded"));
    expect(found("barn", 2, 8)).toMatchObject(refusedFor("already-founded"));
    expect(found("house", 2, 8).outcome.kind).toBe("done");
    expect(s.state.generation).toEqual({ number: 2, nonce: hex(8) });
    expect([...s.state.configuration.aggregations.keys()]).toEqual(["all"]);
  });
});

describe("joining", () => {
  it("makes a member, and each later start raises its session", () => {
    const s = new Site().found();
    s.join("a");
    s.join("a", { session: 4, version: "0.2.0" });
    expect(s.state.member(deviceId("a"))).toMatchObject({ session: 4, version: "0.2.0", joinedAt: 2 });
    expect(s.join("a", { session: 4 }).outcome.kind).toBe("done");
    expect(s.join("a", { session: 3 })).toMatchObject(refusedFor("stale-session"));
  });

  it("of several is all or none (the second is of a removed incarnation)", () => {
    const s = site("a");
    s.join("a", { life: 2 });
    const join = (device: string, life: number) => ({
      device: deviceId(device),
      incarnation: incarnation(life),
      session: 1,
      start: 1,
      was: [],
      version: "1",
    });
    expect(s.apply({ kind: "join", joins: [join("b", 1), join("a", 1)] })).toMatchObject(refusedFor("gone-origin"));
    expect(s.apply({ kind: "join", joins: [join("b", 1), join("b", 2)] })).toMatchObject(refusedFor("malformed"));
    expect(s.state.members.size).toBe(1);
    expect(s.apply({ kind: "join", joins: [join("b", 1), join("c", 1)] }).outcome.kind).toBe("done");
    expect([...s.state.members.keys()]).toEqual(["a", "b", "c"]);
  });

  it("is refused when the site is full", () => {
    const s = new Site().found();
    const joins = Array.from({ length: limits.members }, (_, place) => ({
      device: deviceId(`d${place}`),
      incarnation: incarnation(1),
      session: 1,
      start: 1,
      was: [],
      version: "1",
    }));
    for (let from = 0; from < joins.length; from += 250)
      s.apply({ kind: "join", joins: joins.slice(from, from + 250) });
    expect(s.state.members.size).toBe(limits.members);
    expect(s.join("one-more")).toMatchObject(refusedFor("site-full"));
    expect(s.join("d5", { life: 2 }).outcome.kind).toBe("done");
  });
});

describe("a new incarnation", () => {
  it("goes on where the old one stopped if it has its readings (copied card), and the old one never returns", () => {
    const s = site("a");
    s.count("a", 0, [1, 2, 3], { stored: 5 });
    s.join("a", { life: 2, wasLife: 1 });
    expect(s.state.counted(origin("a", 2))).toBe(3);
    expect(missingIn(s)).toBe(0);
    expect(s.join("a", { life: 1, session: 9 })).toMatchObject(refusedFor("gone-origin"));
    expect(s.count("a", 3, [4], { life: 1 })).toMatchObject(refusedFor("gone-origin"));
    expect(s.count("a", 3, [4], { life: 2 }).outcome.kind).toBe("done");
  });

  it("starts at 0 if the card was wiped, and what was not yet counted is published as missing (2 of 5)", () => {
    const s = site("a");
    s.count("a", 0, [1, 2, 3], { stored: 5 });
    s.join("a", { life: 2 });
    expect(s.state.counted(origin("a", 2))).toBe(0);
    expect(s.state.counted(origin("a", 1))).toBe(3);
    expect(missingIn(s)).toBe(2);
    expect(s.items("events")).toMatchObject([
      { kind: "readings-lost", device: "a", incarnation: incarnation(1), from: 4, to: 5, readings: 2, id: "1.1" },
    ]);
    s.now += 80_000;
    s.close();
    expect(s.items()).toMatchObject([{ count: 3, missing: 2 }]);
  });

  it("goes on where the newest known one of its line stopped, if one between was never admitted (power cut after it was made)", () => {
    const s = site("a");
    s.count("a", 0, [1, 2, 3], { stored: 5 });
    s.join("a", { life: 3, was: [incarnation(2), incarnation(1)] });
    expect(s.state.counted(origin("a", 3))).toBe(3);
    expect(missingIn(s)).toBe(0);
    s.join("a", { life: 4, was: [incarnation(3), incarnation(2), incarnation(1)] });
    expect(s.state.counted(origin("a", 4))).toBe(3);
    expect(s.join("a", { life: 5, was: [incarnation(9), incarnation(1)] })).toMatchObject(refusedFor("heir-exists"));
  });

  it("cannot be heir of readings that another went on with (second claimant)", () => {
    const s = site("a");
    s.count("a", 0, [1, 2, 3]);
    s.join("a", { life: 2, wasLife: 1 });
    expect(s.join("a", { life: 3, wasLife: 1 })).toMatchObject(refusedFor("heir-exists"));
    expect(s.join("a", { life: 3, wasLife: 2 }).outcome.kind).toBe("done");
    expect(s.state.counted(origin("a", 3))).toBe(3);
  });

  it("takes back what was reported as destroyed, when the readings turn up after all (removed by mistake)", () => {
    const s = site("a", "b");
    s.count("a", 0, [1], { stored: 5 });
    s.apply({ kind: "remove", device: deviceId("a") });
    expect(missingIn(s)).toBe(4);
    s.join("a", { life: 2, wasLife: 1 });
    expect(missingIn(s)).toBe(0);
    expect(s.state.counted(origin("a", 2))).toBe(1);
    expect(s.items("events")).toMatchObject([
      { kind: "readings-lost", from: 2, to: 5 },
      { kind: "readings-found", from: 2, to: 5, text: expect.stringMatching(/2–5 \(4\).*counted on/) as string },
    ]);
  });

  it("says nothing where nothing was lost (wiped with everything counted, copied with the readings)", () => {
    const s = site("a", "b");
    s.count("a", 0, [1, 2]);
    s.count("b", 0, [1, 2], { stored: 9 });
    s.join("a", { life: 2 });
    s.join("b", { life: 2, wasLife: 1 });
    expect(s.items("events")).toEqual([]);
  });

  it("is heir also of the oldest removed origin, at the bound of their table", () => {
    const s = new Site().found();
    s.join("a");
    s.configure({
      ...s.state.configuration,
      devices: new Map([[deviceId("a"), { zone: undefined, power: "mains", labels: {} }]]),
    });
    s.apply({
      kind: "count",
      revision: s.state.definitions.revision,
      moves: [{ origin: origin("a"), from: 0, to: 7, check: 1, stored: 7 }],
      stampMax: part(epoch, []).key.start,
      parts: [],
    });
    for (let life = 2; life <= limits.goneOrigins + 1; life++) s.join("a", { life });
    expect(s.state.isGone(origin("a", 1))).toBe(true);
    s.join("a", { life: 99_999, wasLife: 1 });
    expect(s.state.counted(origin("a", 99_999))).toBe(7);
    s.join("a", { life: 100_000 });
    expect(s.state.isGone(origin("a", 1))).toBe(false);
  });
});

describe("removing", () => {
  it("is refused for a device that is no member", () => {
    expect(site("a").apply({ kind: "remove", device: deviceId("b") })).toMatchObject(refusedFor("unknown-member"));
  });

  it("reports destroyed readings once in each aggregation that has a sensor of the device", () => {
    const s = site("a", "b");
    s.count("a", 0, [1], { stored: 4 });
    s.apply({ kind: "remove", device: deviceId("a") });
    const missing = [...s.state.allWindows()].map((window) => foldOf(window).missing);
    expect(missing).toEqual([3]);
    expect(s.apply({ kind: "remove", device: deviceId("a") })).toMatchObject(refusedFor("unknown-member"));
  });
});
