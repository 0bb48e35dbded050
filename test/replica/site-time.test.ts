import { describe, expect, it } from "vitest";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import type { MemberKey } from "../../src/base/ids.ts";
import {
  hours,
  instant,
  logIndex,
  milliseconds,
  minutes,
  seconds,
  shift,
  siteTime,
  term,
} from "../../src/base/units.ts";
import { SiteClock } from "../../src/replica/site-time.ts";
import type { TimeFacts } from "../../src/site/time-table.ts";
import { VirtualSite } from "./virtual-site.ts";

const spring = siteTime(Date.UTC(2026, 3, 1));
const uncertain: TimeFacts = {
  changes: 0,
  isSynced: false,
  since: siteTime(0),
  ahead: milliseconds(0),
  sources: [],
  jumps: [],
};
const synced: TimeFacts = { ...uncertain, changes: 1, isSynced: true };
const [a, b, c] = ["a", "b", "c"].map((name) => `${name}@${"0".repeat(32)}` as MemberKey) as [
  MemberKey,
  MemberKey,
  MemberKey,
];
const three = { current: [a, b, c] };
const kept = (time: number) => ({ time: siteTime(time), isKept: true });
const unkept = (time: number) => ({ time: siteTime(time), isKept: false });

interface Options {
  readonly floor?: number;
  readonly facts?: TimeFacts;
  readonly ppm?: number;
  readonly wallError?: number;
}

function device({ floor = 0, facts = uncertain, ppm = 0, wallError = 0 }: Options = {}) {
  const time = new VirtualTime();
  const crystal = new VirtualClock(time, {
    driftPpm: ppm,
    origin: instant(5_000),
    wallStartsAt: spring + wallError,
    isSynchronized: false,
  });
  return { time, crystal, clock: new SiteClock(crystal, siteTime(floor), facts) };
}

describe("a device's site time", () => {
  it("is unknown until a coordinator is heard", () => {
    const { clock } = device({ floor: spring });
    expect(clock.now()).toBeUndefined();
    expect(clock.stamp()).toBeUndefined();
    expect(clock.idea()).toEqual({ time: spring, isKept: false });
  });

  it("follows the coordinator's, the shortest way of the recent ones counting", () => {
    const { time, clock } = device();
    clock.heard(spring);
    time.run(seconds(10));
    clock.heard(shift(spring, seconds(9))); // one second late on its way
    expect(clock.now()).toBe(shift(spring, seconds(10)));
  });

  it("is right to a millisecond after a round trip, although each heartbeat takes 40 ms; the shortest of a term counts", () => {
    const { time, crystal, clock } = device();
    const heartbeat = () => clock.heard(siteTime(spring + time.now - 40));
    heartbeat();
    expect(clock.now()).toBe(spring - 40);
    const ask = (there: number, back: number) => {
      const asked = crystal.now();
      time.run(milliseconds(there));
      const answer = siteTime(spring + time.now);
      time.run(milliseconds(back));
      clock.measured({ asked, answered: crystal.now(), time: answer });
    };
    ask(40, 40);
    expect(clock.now()).toBe(spring + time.now);
    ask(10, 700);
    heartbeat();
    expect(clock.now()).toBe(spring + time.now);
    ask(900, 900);
    expect(clock.now()).toBe(spring + time.now);
  });

  it("stays within 1 ms of the coordinator's for a day, with a crystal that is off by 100 ppm (either way)", () => {
    for (const ppm of [100, -100]) {
      const { time, clock } = device({ ppm });
      for (let minute = 0; minute < 1_440; minute++) {
        for (let beat = 0; beat < 40; beat++) {
          clock.heard(siteTime(spring + time.now));
          time.run(milliseconds(250));
        }
        expect(Math.abs((clock.now() ?? 0) - spring - time.now)).toBeLessThan(2);
        time.run(seconds(50));
      }
    }
  });

  it("never stamps backwards: ahead by a second it runs at half speed until the site has caught up", () => {
    const { time, clock } = device();
    clock.heard(shift(spring, seconds(1)));
    expect(clock.stamp()).toBe(shift(spring, seconds(1)));
    clock.follow();
    for (let i = 0; i < 40; i++) clock.heard(spring); // another coordinator, a second behind
    expect(clock.stamp()).toBe(shift(spring, seconds(1)));
    time.run(seconds(0.5));
    expect(clock.stamp()).toBe(shift(spring, seconds(1.25)));
    time.run(seconds(4.5));
    expect(clock.stamp()).toBe(shift(spring, seconds(5)));
  });

  it("gives no stamp at all when it is more than 2 s ahead, be it of an earlier life of the device", () => {
    const { time, clock } = device();
    clock.stamped(shift(spring, seconds(10)));
    clock.heard(spring);
    expect(clock.stamp()).toBeUndefined();
    time.run(seconds(8.5));
    expect(clock.stamp()).toBeGreaterThanOrEqual(shift(spring, seconds(10)));
  });

  it("jumps with the entry that says so, as of when that came, however late it is applied and however often time was heard", () => {
    const jump = { index: logIndex(7), at: spring, by: hours(1), author: undefined };
    const facts = { ...synced, jumps: [jump] };
    for (const isHeardAlready of [false, true]) {
      const { time, clock } = device();
      clock.heard(spring);
      clock.arrived(logIndex(7), spring);
      time.run(seconds(3));
      if (isHeardAlready) clock.heard(shift(spring, (hours(1) + seconds(3)) as never));
      clock.applied(logIndex(7), shift(spring, hours(1)), facts);
      expect(clock.now()).toBe(spring + hours(1) + seconds(3));
      clock.applied(logIndex(8), shift(spring, hours(1)), facts);
      expect(clock.now()).toBe(spring + hours(1) + seconds(3));
    }
  });
});

describe("a new coordinator's site time", () => {
  it("is what the log has reached until a majority has spoken, and is told to nobody before (3 voters)", () => {
    const { clock } = device({ floor: spring });
    clock.heard(shift(spring, seconds(5)));
    clock.lead(a, three);
    expect(clock.forEntry()).toBe(spring);
    expect(clock.announced()).toBe(0);
    expect(clock.now()).toBeUndefined();
    clock.acknowledged(b, kept(spring + 5_000), three);
    expect(clock.announced()).toBe(shift(spring, seconds(5)));
    expect(clock.forEntry()).toBe(shift(spring, seconds(5)));
  });

  it.each([
    ["its own, an hour ahead", 3_600_000, 0, 0],
    ["the other's, an hour ahead", 0, 3_600_000, 0],
    ["its own, an hour behind", -3_600_000, 0, -3_600_000],
  ])("is not carried by one wrong idea: %s; behind, it is never before the log's", (_, own, other, expected) => {
    const floor = spring - 60_000;
    const { clock } = device({ floor });
    clock.heard(siteTime(spring + own));
    clock.lead(a, three);
    clock.acknowledged(b, kept(spring + other), three);
    clock.acknowledged(c, kept(spring + 7_200_000), three); // too late to count
    expect(clock.now()).toBe(Math.max(floor, spring + expected));
  });

  it("takes the lower of the two in the middle, the first idea of each, and no idea of who has no vote (4 of 7 voters)", () => {
    const voters = { current: ["a", "b", "c", "d", "e", "f", "g"].map((name) => `${name}@1` as MemberKey) };
    const { clock } = device();
    clock.heard(siteTime(spring + 3));
    clock.lead("a@1" as MemberKey, voters);
    clock.acknowledged("b@1" as MemberKey, kept(spring + 9), voters);
    clock.acknowledged("b@1" as MemberKey, kept(spring), voters);
    clock.acknowledged("x@1" as MemberKey, kept(spring), voters);
    clock.acknowledged("c@1" as MemberKey, kept(spring + 1), voters);
    expect(clock.now()).toBeUndefined();
    clock.acknowledged("d@1" as MemberKey, kept(spring + 2), voters);
    expect(clock.now()).toBe(spring + 2);
  });

  it("asks those that have just started only if nobody has kept time", () => {
    const { clock } = device({ floor: spring });
    clock.lead(a, three);
    clock.acknowledged(b, kept(spring + 60_000), three);
    expect(clock.now()).toBe(spring + 60_000);
  });

  it("goes on from the log's floor where all woke up in 1970, but only when the log says that the time was lost", () => {
    const { time, clock } = device({ floor: spring, facts: synced, wallError: 0 - spring });
    clock.lead(a, three);
    clock.acknowledged(b, unkept(spring - 30), three);
    expect(clock.hasLostTime).toBe(true);
    expect(clock.announced()).toBe(0);
    expect(clock.forEntry()).toBe(spring);
    time.run(seconds(1));
    clock.applied(logIndex(3), spring, { ...uncertain, changes: 2 });
    expect(clock.hasLostTime).toBe(false);
    expect(clock.now()).toBeGreaterThanOrEqual(spring);
    expect(clock.now()).toBeLessThanOrEqual(spring + 1_000);
    time.run(seconds(10));
    expect(clock.now()).toBeGreaterThanOrEqual(spring + 10_000);
  });

  it("is not lost where one that kept it answers a moment later", () => {
    const { clock } = device({ floor: spring, facts: synced });
    clock.lead(a, three);
    clock.acknowledged(b, unkept(spring), three);
    clock.acknowledged(c, kept(spring + 60_000), three);
    expect(clock.hasLostTime).toBe(false);
    expect(clock.now()).toBe(spring + 60_000);
  });

  it("asks voters alone: what one said before it was promoted is not its first word", () => {
    const { clock } = device();
    clock.heard(spring);
    clock.lead(a, { current: [a, b] });
    clock.acknowledged(c, kept(spring - 60_000), { current: [a, b] });
    clock.acknowledged(c, kept(spring), { current: [a, c] });
    expect(clock.now()).toBe(spring);
  });

  it("is the wall clock's where nothing was ever known", () => {
    const { clock } = device();
    clock.lead(a, { current: [a] });
    expect(clock.now()).toBe(spring);
    expect(clock.isSynced).toBe(false);
  });

  it("includes a jump that is applied before it runs, and one after", () => {
    for (const isEarly of [true, false]) {
      const { clock } = device();
      const facts = { ...synced, jumps: [{ index: logIndex(7), at: spring, by: hours(1), author: undefined }] };
      clock.heard(spring);
      clock.arrived(logIndex(7), spring);
      clock.lead(a, three);
      if (isEarly) clock.applied(logIndex(7), spring, facts);
      clock.acknowledged(b, kept(spring), three);
      if (!isEarly) clock.applied(logIndex(7), spring, facts);
      expect(clock.now()).toBe(spring + hours(1));
    }
  });

  it("runs at most 500 ppm faster or slower than its crystal, whatever is asked, and never backwards", () => {
    for (const [asked, granted] of [
      [1, 500],
      [-1, -500],
      [0.0001, 100],
    ] as const) {
      const { time, clock } = device();
      clock.lead(a, { current: [a] });
      clock.steer(asked);
      time.run(hours(1));
      expect(clock.now()).toBeCloseTo(spring + hours(1) * (1 + granted / 1e6), -1);
    }
  });

  it("goes on as a follower's when another is elected, also after a minute without any (process paused)", () => {
    const { time, clock } = device();
    clock.lead(a, { current: [a] });
    time.run(minutes(1));
    clock.follow();
    expect(clock.now()).toBe(spring + minutes(1));
    expect(clock.announced()).toBe(0);
    clock.heard(siteTime(spring + minutes(1) + 20));
    expect(clock.now()).toBe(spring + minutes(1) + 20);
  });
});

it("what a thawed broker delivers of the coordinator's heartbeats, an hour late, does not set a follower back", async () => {
  const site = new VirtualSite(1, 3);
  const leader = await site.found();
  const follower = site.replicas.find((node) => node !== leader);
  const { replica, siteClock } = follower ?? {};
  const before = siteClock?.now();
  if (replica === undefined || before === undefined) throw new Error("a follower knows the time");
  for (let beat = 1; beat <= 40; beat++) {
    const start = { previousIndex: logIndex(0), previousTerm: term(0), commit: logIndex(0), entries: [] };
    const head = { kind: "append", term: replica.role.term, beat, siteTime: siteTime(before - hours(1)) } as const;
    replica.received(leader.key, true, { ...head, ...start });
  }
  expect(siteClock?.now()).toBe(before);
  await site.run(seconds(10));
  expect(siteClock?.now()).toBeCloseTo(before + seconds(10), -1);
});
