import { describe, expect, it } from "vitest";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import type { MemberKey } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { logIndex, milliseconds, siteTime } from "../../src/base/units.ts";
import { emptyFold, fold } from "../../src/readings/fold.ts";
import { Gatherer } from "../../src/readings/gatherer.ts";
import { emptySketch } from "../../src/readings/sketch.ts";
import type { CountProposal, Definitions, FrozenCount, FrozenOffer, Partial } from "../../src/readings/types.ts";
import { definitions, reading, version } from "./definitions.ts";

const one = `one@${"1".repeat(32)}` as MemberKey;
const two = `two@${"2".repeat(32)}` as MemberKey;

class Bench {
  readonly time = new VirtualTime();
  readonly counted = new Map<MemberKey, number>([
    [one, 0],
    [two, 0],
  ]);
  readonly proposals: { proposal: CountProposal; done: (isApplied: boolean) => void }[] = [];
  readonly frozen: { proposal: FrozenCount; done: (isApplied: boolean) => void }[] = [];
  definitions: Definitions = definitions(version(0, { window: 10, sensors: { a: "one", b: "two" } }));
  siteTime: number | undefined = 100;
  readonly gatherer = new Gatherer({
    clock: new VirtualClock(this.time),
    counted: (origin) => this.counted.get(origin),
    definitions: () => this.definitions,
    siteTime: () => (this.siteTime === undefined ? undefined : siteTime(this.siteTime)),
    propose: (proposal, done) => void this.proposals.push({ proposal, done }),
    proposeFrozen: (proposal, done) => void this.frozen.push({ proposal, done }),
  });

  constructor() {
    this.gatherer.lead();
  }

  partial(origin: MemberKey, from: number, to: number, other: { stored?: number; stamp?: number } = {}): Partial {
    const name = origin === one ? "a" : "b";
    const numbers = Array.from({ length: to - from }, (_, i) => from + 1 + i);
    const readings = numbers.map((number) => reading(number, other.stamp ?? number, number, name));
    const { parts, stampMax, check } = fold(readings, this.definitions, origin.slice(0, 3) as never);
    const { revision } = this.definitions;
    return { origin, session: 1, from, to, stored: other.stored ?? to, revision, stampMax, parts, check };
  }

  offer(origin: MemberKey, from: number, to: number, bytes = 200) {
    return this.gatherer.offer(this.partial(origin, from, to), bytes);
  }

  run(span: number): void {
    this.time.run(milliseconds(span));
  }

  answer(place: number, isApplied: boolean): void {
    const { proposal, done } = this.proposals[place] ?? {};
    if (isApplied) for (const { origin, to } of proposal?.moves ?? []) this.counted.set(origin, to);
    done?.(isApplied);
  }
}

describe("the gatherer", () => {
  it("gathers for 200 ms and proposes one entry, parts of one window merged", () => {
    const bench = new Bench();
    expect(bench.offer(one, 0, 12)).toBe("taken");
    bench.run(150);
    expect(bench.offer(two, 0, 5)).toBe("taken");
    expect(bench.proposals).toEqual([]);
    bench.run(60);
    const [{ proposal } = { proposal: undefined }] = bench.proposals;
    expect(proposal?.moves.map(({ origin, from, to, stored }) => [origin, from, to, stored])).toEqual([
      [one, 0, 12, 12],
      [two, 0, 5, 5],
    ]);
    expect(proposal?.stampMax).toBe(12);
    expect(proposal?.parts.map(({ key, fold: { count, sum }, origins }) => [key.start, count, sum, origins])).toEqual([
      [0, 14, 60, [0, 1]],
      [10, 3, 33, [0]],
    ]);
  });

  it("names as complete only origins that had nothing more, of windows that have ended", () => {
    const bench = new Bench();
    bench.siteTime = 15;
    bench.offer(one, 0, 12);
    bench.gatherer.offer(bench.partial(two, 0, 5, { stored: 9 }), 200);
    bench.run(200);
    expect(bench.proposals[0]?.proposal.parts.map(({ key, origins }) => [key.start, origins])).toEqual([
      [0, [0]],
      [10, []],
    ]);
  });

  it("takes what goes on from what it has in flight, and refuses repeats and gaps", () => {
    const bench = new Bench();
    expect(bench.offer(one, 0, 5)).toBe("taken");
    expect(bench.offer(one, 0, 5)).toBe("not-at-from");
    expect(bench.offer(one, 7, 9)).toBe("not-at-from");
    expect(bench.offer(one, 5, 9)).toBe("taken");
    bench.run(200);
    expect(bench.offer(one, 0, 5)).toBe("not-at-from");
    bench.answer(0, true);
    expect(bench.offer(one, 5, 9)).toBe("not-at-from");
    expect(bench.offer(one, 9, 10)).toBe("taken");
  });

  it("refuses strangers, other revisions, and stamps more than 2 s ahead", () => {
    const bench = new Bench();
    expect(bench.offer(`six@${"6".repeat(32)}` as MemberKey, 0, 1)).toBe("unknown-origin");
    expect(bench.gatherer.offer({ ...bench.partial(one, 0, 1), revision: logIndex(99) }, 200)).toBe("stale-revision");
    expect(bench.gatherer.offer(bench.partial(one, 0, 1, { stamp: 2101 }), 200)).toBe("ahead-of-time");
    expect(bench.gatherer.offer(bench.partial(one, 0, 1, { stamp: 2100 }), 200)).toBe("taken");
  });

  it("refuses ranges that make no sense", () => {
    const bench = new Bench();
    const base = bench.partial(one, 0, 3);
    const [part] = base.parts;
    if (part === undefined) throw new Error("no part");
    const spoilt = (fold: object, key: object = {}): Partial => ({
      ...base,
      parts: [{ key: { ...part.key, ...key }, fold: { ...part.fold, ...fold } }],
    });
    const wrong = [
      { ...base, to: 0 },
      { ...base, stored: 2 },
      spoilt({ count: 4 }),
      spoilt({ missing: 1 }),
      spoilt({ sum: Number.POSITIVE_INFINITY }),
      spoilt({ min: 9 }),
      spoilt({ max: Number.NaN }),
      spoilt({ sketch: emptySketch }),
      spoilt({}, { start: siteTime(5) }),
      spoilt({}, { start: siteTime(10) }),
      spoilt({}, { aggregation: "none" }),
    ];
    for (const each of wrong) expect(bench.gatherer.offer(each, 200), JSON.stringify(each)).toBe("malformed");
    expect(bench.gatherer.offer(base, 200)).toBe("taken");
  });

  it("proposes one partial at a time after a refusal, so that no device spoils the others' entries", () => {
    const bench = new Bench();
    bench.offer(one, 0, 5);
    bench.offer(two, 0, 3);
    bench.run(200);
    bench.answer(0, false);
    bench.offer(one, 0, 5);
    bench.offer(two, 0, 3);
    bench.run(200);
    expect(bench.proposals.slice(1).map(({ proposal }) => proposal.moves.map(({ origin }) => origin))).toEqual([
      [one],
      [two],
    ]);
    bench.answer(1, false);
    bench.answer(2, true);
    bench.offer(one, 0, 5);
    bench.offer(two, 3, 4);
    bench.run(200);
    expect(bench.proposals[3]?.proposal.moves).toHaveLength(2);
  });

  it("takes nothing while it does not lead, or has no site time", () => {
    const bench = new Bench();
    bench.siteTime = undefined;
    expect(bench.offer(one, 0, 1)).toBe("not-leading");
    bench.siteTime = 100;
    bench.gatherer.resign();
    bench.gatherer.resign();
    expect(bench.offer(one, 0, 1)).toBe("not-leading");
  });

  it("proposes at once when an entry is full, and takes no more than a few entries before they apply", () => {
    const bench = new Bench();
    const bytes = limits.countEntryBytes * 0.75;
    const answers = Array.from({ length: 6 }, (_, i) => bench.offer(one, i, i + 1, bytes));
    expect(answers).toEqual(["taken", "taken", "taken", "taken", "taken", "busy"]);
    expect(bench.proposals).toHaveLength(limits.countEntriesInFlight);
    bench.run(1000);
    expect(bench.proposals).toHaveLength(limits.countEntriesInFlight);
    bench.answer(0, true);
    expect(bench.proposals).toHaveLength(limits.countEntriesInFlight + 1);
    expect(bench.offer(one, 5, 6, bytes)).toBe("taken");
  });

  it("forgets what is in flight when an entry of its own is refused, once the ones after it are answered", () => {
    const bench = new Bench();
    bench.offer(one, 0, 5);
    bench.run(200);
    bench.offer(one, 5, 9);
    bench.offer(two, 0, 3);
    bench.run(200);
    bench.answer(0, false);
    expect(bench.offer(one, 0, 5)).toBe("busy");
    bench.answer(1, false);
    expect(bench.offer(one, 0, 5)).toBe("taken");
    expect(bench.offer(two, 0, 3)).toBe("taken");
  });

  it("forgets everything when its term ends; late answers of that term change nothing", () => {
    const bench = new Bench();
    bench.offer(one, 0, 5);
    bench.run(200);
    bench.gatherer.resign();
    bench.gatherer.lead();
    expect(bench.offer(one, 0, 4)).toBe("taken");
    bench.answer(0, false);
    bench.run(200);
    expect(bench.proposals[1]?.proposal.moves).toMatchObject([{ from: 0, to: 4 }]);
  });

  it("drops what it gathered when the definitions change, and takes what is folded anew", () => {
    const bench = new Bench();
    bench.offer(one, 0, 5);
    bench.definitions = { ...bench.definitions, revision: logIndex(7) };
    expect(bench.offer(one, 0, 6)).toBe("taken");
    bench.run(200);
    expect(bench.proposals.map(({ proposal }) => [proposal.revision, proposal.moves.length])).toEqual([[7, 1]]);
    bench.offer(one, 6, 8);
    bench.definitions = { ...bench.definitions, revision: logIndex(8) };
    bench.run(200);
    expect(bench.proposals).toHaveLength(1);
  });
});

describe("a frozen partial", () => {
  const offerOf = (
    bench: Bench,
    from: number,
    to: number,
    more: { [Key in keyof FrozenOffer["frozen"]]?: FrozenOffer["frozen"][Key] } = {},
  ): FrozenOffer => {
    const { stampMax, check, parts, stored, origin, session } = bench.partial(one, from, to);
    const frozenParts = parts.map((part) => ({ ...part, end: siteTime(part.key.start + 10) }));
    return { origin, session, stored, frozen: { from, to, stampMax, check, parts: frozenParts, ...more } };
  };

  it("is an entry of its own, at once, whatever the definitions are now", () => {
    const bench = new Bench();
    const offer = offerOf(bench, 0, 3);
    bench.definitions = definitions(version(0, { window: 7, sensors: { z: "two" } }), version(50));
    expect(bench.gatherer.offerFrozen(offer)).toBe("taken");
    expect(bench.frozen.map(({ proposal }) => proposal.move)).toEqual([
      { origin: one, from: 0, to: 3, check: offer.frozen.check, stored: 3 },
    ]);
    expect(bench.proposals).toEqual([]);
  });

  it("waits for what is in flight of its origin, and what follows it waits for it", () => {
    const bench = new Bench();
    bench.offer(one, 0, 2);
    expect(bench.gatherer.offerFrozen(offerOf(bench, 0, 2))).toBe("not-at-from");
    bench.run(300);
    bench.counted.set(one, 2);
    bench.proposals[0]?.done(true);
    expect(bench.gatherer.offerFrozen(offerOf(bench, 2, 5))).toBe("taken");
    expect(bench.gatherer.offerFrozen(offerOf(bench, 2, 5))).toBe("not-at-from");
    expect(bench.offer(one, 2, 6)).toBe("not-at-from");
  });

  it.each([
    ["ahead-of-time", { stampMax: siteTime(3_000) }],
    ["malformed", { to: 1 }],
    [
      "malformed",
      { parts: [{ key: { aggregation: "all", group: "g", start: siteTime(0) }, end: siteTime(0), fold: emptyFold }] },
    ],
  ])("that cannot be is refused as %s", (answer, more) => {
    const bench = new Bench();
    expect(bench.gatherer.offerFrozen(offerOf(bench, 0, 3, more))).toBe(answer);
    expect(bench.frozen).toEqual([]);
  });
});
