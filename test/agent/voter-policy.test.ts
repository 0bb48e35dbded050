import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { membersToProbe, planVoters, targetNumber, type VoterCandidate } from "../../src/agent/voter-policy.ts";
import type { MemberKey } from "../../src/base/ids.ts";

const key = (name: string): MemberKey => `${name}@${"0".repeat(32)}` as MemberKey;
const candidate = (name: string, zone: string | undefined = undefined, isReady = true): VoterCandidate => ({
  member: key(name),
  zone,
  isOnBattery: false,
  isReady,
  isPresent: true,
  isSteady: true,
  isAbsent: false,
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

  it("replaces a voter that is silent for long, by one that is steady and ready, in its zone's stead", () => {
    const candidates = [
      candidate("a", "north"),
      candidate("b", "south"),
      { ...candidate("c", "west", false), isAbsent: true },
      candidate("d", "north"),
      candidate("e", "west"),
    ];
    const situation = { self: key("a"), candidates, voters: [key("a"), key("b"), key("c")], wanted: 3 };
    expect(names(planVoters(situation))).toEqual(["a", "b", "e"]);
    const [first, second, third, ...others] = candidates;
    if (first === undefined || second === undefined || third === undefined) throw new Error("no candidates");
    for (const lacking of [{ isSteady: false }, { isReady: false }]) {
      const unfit = others.map((other) => ({ ...other, ...lacking }));
      expect(planVoters({ ...situation, candidates: [first, second, third, ...unfit] })).toBeUndefined();
    }
  });

  it("replaces one of two that are silent where one device is fit for it (5 voters), and both where two are", () => {
    const silent = (name: string): VoterCandidate => ({ ...candidate(name, undefined, false), isAbsent: true });
    const present = ["a", "b", "c"].map((name) => candidate(name));
    const voters = ["a", "b", "c", "d", "e"].map(key);
    const six = [...present, silent("d"), silent("e"), candidate("f")];
    expect(names(planVoters({ self: key("a"), candidates: six, voters, wanted: 5 }))).toEqual([
      "a",
      "b",
      "c",
      "f",
      "e",
    ]);
    const seven = [...six, candidate("g")];
    expect(names(planVoters({ self: key("a"), candidates: seven, voters, wanted: 5 }))).toEqual([
      "a",
      "b",
      "c",
      "f",
      "g",
    ]);
  });

  it("keeps a silent voter where nobody can take its place: an even number would not help (5 devices)", () => {
    const candidates = ["a", "b", "c", "d"].map((name) => candidate(name));
    const gone = { ...candidate("e", undefined, false), isAbsent: true };
    const voters = ["a", "b", "c", "d", "e"].map(key);
    expect(planVoters({ self: key("a"), candidates: [...candidates, gone], voters, wanted: 5 })).toBeUndefined();
  });

  it("fills a lack of voters with steady devices first, and at once with others rather than with nobody", () => {
    const [c, e] = ["c", "e"].map((name) => ({ ...candidate(name, "north"), isSteady: false }));
    const [a, b, d] = [candidate("a"), candidate("b", "south"), candidate("d", "south")];
    if (c === undefined || e === undefined) throw new Error("no candidates");
    const of = (...candidates: readonly VoterCandidate[]) => ({
      self: key("a"),
      candidates,
      voters: [key("a")],
      wanted: 3,
    });
    expect(names(planVoters(of(a, b, c, d)))).toEqual(["a", "b", "d"]);
    expect(names(planVoters(of(a, b, c, e)))).toEqual(["a", "b", "c"]);
    expect(names(planVoters(of(a, c, e)))).toEqual(["a", "c", "e"]);
  });

  it.each([
    ["the one that does not answer", "e", ["a", "b", "c"]],
    ["the last of the fullest zone", undefined, ["a", "b", "e"]],
  ])("goes from 5 to 3 without %s first, when the configuration says so", (_, silent, expected) => {
    const voters = ["a", "b", "c", "d", "e"];
    const zones: Readonly<Record<string, string>> = { a: "north", b: "south", c: "north", d: "north", e: "west" };
    const candidates = voters.map((name) => candidate(name, zones[name], name !== silent));
    const situation = { self: key("a"), candidates, voters: voters.map(key), wanted: 3 };
    expect(names(planVoters(situation))).toEqual(expected);
  });

  it("moves a vote out of a zone that has two more than another, one at a time, and never the coordinator's", () => {
    const candidates = [
      ...["a", "b", "c"].map((name) => candidate(name, "north")),
      candidate("d", "south"),
      candidate("e", "west"),
    ];
    const of = (voters: readonly string[]) => ({ self: key("a"), candidates, voters: voters.map(key), wanted: 3 });
    expect(names(planVoters(of(["a", "b", "c"])))).toEqual(["a", "d", "c"]);
    expect(names(planVoters(of(["a", "d", "c"])))).toEqual(["a", "d", "e"]);
    expect(planVoters(of(["a", "d", "e"]))).toBeUndefined();
    const unsteady = candidates.map((one) => ({ ...one, isSteady: false }));
    expect(planVoters({ ...of(["a", "b", "c"]), candidates: unsteady })).toBeUndefined();
  });

  describe("on battery", () => {
    const onBattery = (name: string, zone?: string): VoterCandidate => ({
      ...candidate(name, zone),
      isOnBattery: true,
    });
    const plan = (candidates: readonly VoterCandidate[], voters: string) =>
      names(planVoters({ self: key("a"), candidates, voters: voters.split("").map(key), wanted: 3 }))?.join("");

    it("is promoted only where no other would do as well", () => {
      const candidates = [candidate("a"), onBattery("b"), onBattery("c"), candidate("d")];
      expect(plan(candidates, "a")).toBe("adb");
    });

    it("counts less than a zone without a voter, and than being there for long", () => {
      const zoned = [candidate("a", "north"), candidate("b", "north"), onBattery("c", "south"), candidate("d", "west")];
      expect(plan(zoned, "a")).toBe("adc");
      const fresh = { ...candidate("d"), isSteady: false };
      expect(plan([candidate("a"), onBattery("b"), onBattery("c"), fresh], "a")).toBe("abc");
    });

    it("makes room for a steady device on mains, one at a time", () => {
      const candidates = [candidate("a"), onBattery("b"), onBattery("c"), candidate("d"), candidate("e")];
      expect(plan(candidates, "abc")).toBe("adc");
      expect(plan(candidates, "adc")).toBe("ade");
      expect(plan(candidates, "ade")).toBeUndefined();
    });

    it.each([
      ["that is not steady", { isSteady: false }],
      ["that is not ready", { isReady: false }],
    ])("makes no room for one %s", (_, lacking) => {
      const candidates = [candidate("a"), onBattery("b"), candidate("c"), { ...candidate("d"), ...lacking }];
      expect(plan(candidates, "abc")).toBeUndefined();
    });

    it("stays where the spread over zones would become worse", () => {
      const candidates = [
        candidate("a", "north"),
        onBattery("b", "south"),
        candidate("c", "west"),
        candidate("d", "north"),
      ];
      expect(plan(candidates, "abc")).toBeUndefined();
      expect(plan([...candidates, candidate("e", "south")], "abc")).toBe("aec");
    });

    it("stays while it coordinates", () => {
      const candidates = [onBattery("a"), candidate("b"), candidate("c"), candidate("d")];
      expect(plan(candidates, "abc")).toBeUndefined();
    });

    it("goes first when there are too many, and when its zone has too many", () => {
      const five = [candidate("a"), candidate("b"), onBattery("c"), candidate("d"), onBattery("e")];
      expect(plan(five, "abcde")).toBe("abd");
      const crowded = [
        candidate("a", "north"),
        onBattery("b", "north"),
        candidate("c", "north"),
        candidate("d", "south"),
      ];
      expect(plan(crowded, "abc")).toBe("adc");
    });

    it("votes for as long as it is there, if nobody else can", () => {
      expect(plan([candidate("a"), onBattery("b"), onBattery("c")], "a")).toBe("abc");
      expect(plan([candidate("a"), onBattery("b"), onBattery("c")], "abc")).toBeUndefined();
    });
  });

  it("waits where too few of the new voters answer to carry the change", () => {
    const candidates = [
      candidate("a"),
      candidate("b", undefined, false),
      candidate("c", undefined, false),
      candidate("d", undefined, false),
    ];
    const voters = ["a", "b", "c", "wiped", "lost"].map(key);
    expect(planVoters({ self: key("a"), candidates, voters, wanted: 5 })).toBeUndefined();
  });

  it("whatever is seen: an odd number of members, not more than wanted, the coordinator among them, most of them ready", () => {
    const flags = fc.record({
      zone: fc.constantFrom(undefined, "north", "south", "west"),
      isOnBattery: fc.boolean(),
      isReady: fc.boolean(),
      isPresent: fc.boolean(),
      isSteady: fc.boolean(),
      isAbsent: fc.boolean(),
      votes: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(flags, { maxLength: 9 }), fc.constantFrom(1, 3, 5, 7), fc.nat(2), (drawn, wanted, lost) => {
        const others = drawn.map((rest, i) => ({
          member: key(`d${i}`),
          ...rest,
          isAbsent: rest.isAbsent && !rest.isReady, // one that is silent for minutes did not answer lately
        }));
        const self = { ...candidate("a"), isReady: true };
        const voters = [
          self.member,
          ...others.filter((_, i) => drawn[i]?.votes === true).map(({ member }) => member),
          ...Array.from({ length: lost }, (_, i) => key(`lost${i}`)),
        ];
        const situation = { self: self.member, candidates: [self, ...others], voters, wanted };
        const next = planVoters(situation);
        if (next === undefined) return;
        const ready = new Set(situation.candidates.filter(({ isReady }) => isReady).map(({ member }) => member));
        expect(next.length % 2).toBe(1);
        expect(next.length).toBeLessThanOrEqual(targetNumber(situation.candidates.length, wanted));
        expect(new Set(next).size).toBe(next.length);
        expect(next).toContain(self.member);
        expect(next.filter((member) => ready.has(member)).length * 2).toBeGreaterThan(next.length);
        for (const member of next) expect(voters.includes(member) || ready.has(member)).toBe(true);
        // What it moves to stays, as long as nothing else changes, or becomes better by the same rules: it comes to an end.
        let settled: readonly MemberKey[] = next;
        let steps = 0;
        for (let better = planVoters({ ...situation, voters: next }); better !== undefined && steps < 20; steps++) {
          settled = better;
          better = planVoters({ ...situation, voters: settled });
        }
        expect(steps).toBeLessThan(10);
      }),
      { numRuns: 500 },
    );
  });

  it("a member that is not ready is asked how far it is, and only while voters are missing", () => {
    const candidates = [candidate("a"), candidate("b", undefined, false), candidate("c", undefined, false)];
    expect(names(membersToProbe({ self: key("a"), candidates, voters: [key("a")], wanted: 3 }))).toEqual(["b", "c"]);
    expect(membersToProbe({ self: key("a"), candidates, voters: [key("a"), key("b"), key("c")], wanted: 3 })).toEqual(
      [],
    );
  });
});
