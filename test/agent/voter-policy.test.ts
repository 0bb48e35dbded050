import { describe, expect, it } from "vitest";
import { membersToProbe, planVoters, targetNumber, type VoterCandidate } from "../../src/agent/voter-policy.ts";
import type { MemberKey } from "../../src/base/ids.ts";

const key = (name: string): MemberKey => `${name}@${"0".repeat(32)}` as MemberKey;
const candidate = (name: string, zone: string | undefined = undefined, isReady = true): VoterCandidate => ({
  member: key(name),
  zone,
  isReady,
  isPresent: true,
});
const names = (voters: readonly MemberKey[] | undefined): string[] | undefined =>
  voters?.map((voter) => voter.split("@")[0] ?? "");

describe("how many vote", () => {
  it.each([
    [1, 1],
    [2, 1],
    [3, 3],
    [4, 3],
    [5, 5],
    [6, 5],
    [50, 5],
  ])("%i devices have %i voters when 5 are wanted", (devices, voters) => {
    expect(targetNumber(devices, 5)).toBe(voters);
  });

  it("7 vote where the configuration wants 7 and there are 7 devices", () => {
    expect(targetNumber(7, 7)).toBe(7);
    expect(targetNumber(6, 7)).toBe(5);
  });
});

describe("who votes", () => {
  it("the founder alone stays so while only a second device has come", () => {
    expect(
      planVoters({ self: key("a"), candidates: [candidate("a"), candidate("b")], voters: [key("a")], wanted: 5 }),
    ).toBeUndefined();
  });

  it("one becomes three in one step when the third device has come", () => {
    const candidates = [candidate("a"), candidate("b"), candidate("c")];
    expect(names(planVoters({ self: key("a"), candidates, voters: [key("a")], wanted: 5 }))).toEqual(["a", "b", "c"]);
  });

  it("waits with an even number until one more is ready (5 devices, 1 ready beside the 3 voters)", () => {
    const candidates = [
      candidate("a"),
      candidate("b"),
      candidate("c"),
      candidate("d"),
      candidate("e", undefined, false),
    ];
    expect(
      planVoters({ self: key("a"), candidates, voters: [key("a"), key("b"), key("c")], wanted: 5 }),
    ).toBeUndefined();
  });

  it("prefers zones without a voter", () => {
    const candidates = [
      candidate("a", "north"),
      candidate("b", "north"),
      candidate("c", "north"),
      candidate("d", "south"),
      candidate("e", "west"),
    ];
    expect(names(planVoters({ self: key("a"), candidates, voters: [key("a")], wanted: 3 }))).toEqual(["a", "d", "e"]);
  });

  it("replaces a voter whose incarnation is no member any more", () => {
    const candidates = [candidate("a"), candidate("b"), candidate("c")];
    expect(
      names(planVoters({ self: key("a"), candidates, voters: [key("a"), key("b"), key("wiped")], wanted: 3 })),
    ).toEqual(["a", "b", "c"]);
  });

  it("goes down to an odd number when nobody can replace the lost one", () => {
    const candidates = [candidate("a"), candidate("b"), candidate("c", undefined, false)];
    expect(
      names(planVoters({ self: key("a"), candidates, voters: [key("a"), key("b"), key("wiped")], wanted: 3 })),
    ).toEqual(["a"]);
  });

  it("a member that is not ready is asked how far it is, and only while voters are missing", () => {
    const candidates = [candidate("a"), candidate("b", undefined, false), candidate("c", undefined, false)];
    expect(names(membersToProbe({ self: key("a"), candidates, voters: [key("a")], wanted: 3 }))).toEqual(["b", "c"]);
    expect(membersToProbe({ self: key("a"), candidates, voters: [key("a"), key("b"), key("c")], wanted: 3 })).toEqual(
      [],
    );
  });
});
