// What keeps a person from giving up what is not lost.

import { describe, expect, it } from "vitest";
import { objectionsOfOthers, objectionsToNames, type RecoveryPlan } from "../../src/agent/recovery-objections.ts";
import type { Surroundings } from "../../src/agent/recovery-watch.ts";
import { deviceId, type MemberKey, memberKey } from "../../src/base/ids.ts";
import { logIndex, term } from "../../src/base/units.ts";
import { incarnation } from "../site/site-fixture.ts";

const names = (...all: string[]) => all.map(deviceId);
const keys = (...all: string[]): MemberKey[] =>
  names(...all).map((device) => memberKey({ device, incarnation: incarnation(1) }));

const plan: RecoveryPlan = {
  self: deviceId("d"),
  generation: 1,
  last: { index: logIndex(50), term: term(7) },
  voters: { current: keys("a", "b", "c", "d", "e") },
  members: names("a", "b", "c", "d", "e", "f"),
  lost: names("a", "b", "c"),
  isAlone: false,
};
const report = { generation: 1, index: 50, term: 7, siteTime: 0, leader: null };
const on = new Set(["mqtt://x"]);

function around(seen: Record<string, Partial<typeof report> | "silent">): Surroundings {
  return {
    brokers: [{ url: "mqtt://x", isUp: true, why: undefined }],
    seen: new Map(
      Object.entries(seen).map(([name, said]) => [
        deviceId(name),
        { on, report: said === "silent" ? undefined : { ...report, ...said } },
      ]),
    ),
  };
}

describe("the names alone", () => {
  it("are taken where a minority of the voters is left", () => {
    expect(objectionsToNames(plan)).toEqual([]);
  });

  it.each<[string, Partial<RecoveryPlan>, RegExp]>([
    ["this very device", { lost: names("a", "b", "d") }, /d is this very device/],
    ["nobody of the site", { lost: names("a", "b", "c", "pi-1") }, /pi-1 is no member/],
    ["too few", { lost: names("a", "b") }, /c, d, e are a majority of the voters \(a, b, c, d, e\)/],
    [
      "too few of both halves of a joint configuration",
      { lost: names("a", "b"), voters: { current: keys("a", "b", "d"), incoming: keys("b", "d", "e") } },
      /^$/,
    ],
  ])("are refused for %s", (_, changed, expected) => {
    expect(objectionsToNames({ ...plan, ...changed }).join()).toMatch(expected);
  });
});

describe("the others", () => {
  it("let it pass where all that are left answer, hold no more, and hear no coordinator", () => {
    expect(objectionsOfOthers(plan, around({ e: {}, f: { index: 12, term: 6 } }))).toEqual([]);
  });

  it.each<[string, Parameters<typeof around>[0], RegExp]>([
    ["one that is declared lost is heard", { e: {}, b: "silent" }, /b is declared lost, and is heard on mqtt:\/\/x/],
    ["one that is left does not answer", { e: "silent" }, /e votes, is not declared lost, and does not answer/],
    ["one that is left is not there", {}, /e votes, is not declared lost/],
    ["another voter holds more", { e: { index: 51 } }, /e holds more: .* entry 51 of term 7.* recover on e/],
    ["a learner holds more", { e: {}, f: { index: 3, term: 8 } }, /f holds more/],
    ["somebody follows a coordinator", { e: { leader: deviceId("c") as never } }, /e follows the coordinator c/],
    ["a later generation is there", { e: { generation: 2 } }, /e belongs to generation 2 already/],
  ])("stand against it when %s", (_, seen, expected) => {
    const objections = objectionsOfOthers(plan, around(seen));
    expect(objections).toHaveLength(1);
    expect(objections.join()).toMatch(expected);
  });

  it("cannot be asked without a broker, unless nobody else is left", () => {
    const none: Surroundings = { brokers: [{ url: "mqtt://x", isUp: false, why: "refused" }], seen: new Map() };
    const only = { ...plan, lost: names("a", "b", "c", "e") };
    expect(objectionsOfOthers(only, none).join()).toMatch(/no broker could be reached/);
    expect(objectionsOfOthers({ ...only, isAlone: true }, none)).toEqual([]);
  });
});
