// The Raft log against a dumb model: a list that is replaced, cut and appended to. After each power cut the log must be what the
// model was after some operation that is not older than the newest acknowledged one.

import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { SimulatedDisk } from "../../firmware-sim/disk/simulated-disk.ts";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { type MemberKey, memberKey } from "../../src/base/ids.ts";
import { type LogIndex, logIndex, milliseconds, seconds, siteTime, term } from "../../src/base/units.ts";
import type { Entry, HardState, LogStart, Voters } from "../../src/raft/types.ts";
import { RaftLog, type RecoveredRaft } from "../../src/replica/raft-log.ts";

// Fractions of a second alone; beside other work on a small machine, more.
vi.setConfig({ testTimeout: 60_000 });

const member = (number: number): MemberKey =>
  memberKey({ device: `d${number}` as never, incarnation: String(number).padStart(32, "0") as never });
const voters: Voters = { current: [member(1), member(2)] };

/** Large, so that a few fill a segment and a group commit does not take all that waits. */
function entry(index: number, inTerm: number, bytes = 120_000): Entry {
  return {
    index: logIndex(index),
    term: term(inTerm),
    siteTime: siteTime(7),
    kind: "command",
    command: new Uint8Array(bytes).fill(index % 251),
  };
}

interface Model {
  readonly hardState: HardState;
  readonly start: LogStart;
  readonly entries: readonly Entry[];
}

const empty: Model = {
  hardState: { term: term(0), vote: undefined },
  start: { index: logIndex(0), term: term(0), voters },
  entries: [],
};

const lastOf = ({ start, entries }: Model): number => entries.at(-1)?.index ?? start.index;

type Step =
  | { readonly kind: "append"; readonly count: number }
  | { readonly kind: "replace"; readonly share: number; readonly count: number }
  | { readonly kind: "vote" }
  | { readonly kind: "compact"; readonly share: number }
  | { readonly kind: "restart"; readonly ahead: number }
  | { readonly kind: "run"; readonly for: number }
  | { readonly kind: "crash" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("append" as const), count: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("replace" as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      count: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("vote" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("compact" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("restart" as const), ahead: fc.integer({ min: -3, max: 3 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("run" as const), for: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash" as const) }) },
);

class World {
  readonly time = new VirtualTime();
  disk: SimulatedDisk;
  log: RaftLog | undefined;
  /** After each operation since the last start; the first is what was recovered. */
  history: Model[] = [empty];
  acknowledged = 0;
  /** What was acknowledged is committed up to here, as far as this device knows: never cut off again. */
  committed = 0;
  #term = 1;

  constructor(seed: number) {
    this.disk = new SimulatedDisk(this.time, new SeededRandom(seed));
  }

  get now(): Model {
    return this.history.at(-1) ?? empty;
  }

  async open(): Promise<RecoveredRaft> {
    let opened: { log: RaftLog; recovered: RecoveredRaft } | undefined;
    let failure: unknown;
    RaftLog.open(this.disk.logFiles, voters.current).then(
      (result) => {
        opened = result;
      },
      (cause: unknown) => {
        failure = cause;
      },
    );
    for (let i = 0; i < 100 && opened === undefined && failure === undefined; i++) {
      this.time.run(milliseconds(1));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    if (opened === undefined) throw failure;
    this.log = opened.log;
    return opened.recovered;
  }

  persist(
    effect: { hardState?: HardState; truncateAfter?: LogIndex; start?: LogStart; entries?: Entry[] },
    next: Model,
  ): void {
    const place = this.#did(next);
    this.log?.persist({ kind: "persist", token: place, urgent: true, entries: [], ...effect }, logIndex(0), () =>
      this.#acknowledge(place),
    );
  }

  do(one: Step): void {
    const { now } = this;
    switch (one.kind) {
      case "append": {
        const entries = Array.from({ length: one.count }, (_, i) => entry(lastOf(now) + 1 + i, this.#term));
        this.persist({ entries }, { ...now, entries: [...now.entries, ...entries] });
        return;
      }
      case "replace": {
        const from = Math.max(this.committed, now.start.index);
        const after = from + Math.floor(one.share * (lastOf(now) - from));
        this.#term += 1;
        const hardState = { term: term(this.#term), vote: undefined };
        const entries = Array.from({ length: one.count }, (_, i) => entry(after + 1 + i, this.#term));
        const kept = now.entries.filter(({ index }) => index <= after);
        this.persist(
          { hardState, truncateAfter: logIndex(after), entries },
          { ...now, hardState, entries: [...kept, ...entries] },
        );
        return;
      }
      case "vote": {
        this.#term += 1;
        const hardState = { term: term(this.#term), vote: member(3) };
        this.persist({ hardState }, { ...now, hardState });
        return;
      }
      case "compact": {
        // Behind a checkpoint, which holds only what is synced.
        const synced = Math.min(lastOf(this.history[this.acknowledged] ?? empty), lastOf(now));
        const at = now.start.index + Math.floor(one.share * (Math.max(synced, now.start.index) - now.start.index));
        const through = now.entries.find(({ index }) => index === at);
        if (through === undefined || at < now.start.index) return;
        this.committed = Math.max(this.committed, at);
        const start = { index: logIndex(at), term: through.term, voters };
        const place = this.#did({ ...now, start, entries: now.entries.filter(({ index }) => index > at) });
        this.log?.compact(start, () => this.#acknowledge(place));
        return;
      }
      case "restart": {
        const at = Math.max(this.committed, now.start.index, lastOf(now) + one.ahead) + 1;
        this.#term += 1;
        const start = { index: logIndex(at), term: term(this.#term), voters };
        const hardState = { term: term(this.#term), vote: undefined };
        this.committed = at;
        this.persist({ start, hardState }, { hardState, start, entries: [] });
        return;
      }
      case "run":
        this.time.run(milliseconds(one.for / 2));
        return;
      case "crash":
        return;
    }
  }

  /** The power goes; what comes back must be what the model was, at some point. */
  async crash(): Promise<void> {
    const before = this.history.slice(this.acknowledged);
    this.disk = this.disk.crash();
    const { hardState, start, entries } = await this.open();
    const place = before.findIndex((model, at) => {
      const later = before.slice(at);
      return (
        start.index >= model.start.index &&
        later.some((each) => each.start.index === start.index && each.start.term === start.term) &&
        later.some((each) => each.hardState.term === hardState.term && each.hardState.vote === hardState.vote) &&
        sameEntries(
          entries,
          model.entries.filter(({ index }) => index > start.index),
        )
      );
    });
    const told = { hardState, start, entries: entries.map(({ index, term: of }) => [index, of]) };
    expect(place, `recovered ${JSON.stringify(told)}`).toBeGreaterThanOrEqual(0);
    this.history = [{ hardState, start, entries }];
    this.acknowledged = 0;
    this.committed = start.index;
  }

  #did(next: Model): number {
    this.history.push(next);
    return this.history.length - 1;
  }

  #acknowledge(place: number): void {
    this.acknowledged = Math.max(this.acknowledged, place);
  }
}

const sameEntries = (a: readonly Entry[], b: readonly Entry[]): boolean =>
  a.length === b.length &&
  a.every((one, i) => {
    const other = b[i];
    return one.index === other?.index && one.term === other.term;
  });

describe("the Raft log on disk", () => {
  it("is after each power cut what it was after some operation, none acknowledged missing (random operations)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1 }), fc.array(step, { minLength: 5, maxLength: 60 }), async (seed, steps) => {
        const world = new World(seed);
        await world.open();
        for (const one of [...steps, { kind: "crash" } as const]) {
          if (one.kind === "crash") await world.crash();
          else world.do(one);
        }
      }),
      { numRuns: 150, seed: 20_261_120 },
    );
  }, 60_000);

  it("the second of two compactions releases nothing before it is synced itself", async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const world = new World(seed);
      await world.open();
      for (let i = 0; i < 6; i++) world.do({ kind: "append", count: 4 });
      world.time.run(seconds(1));
      for (const share of [0.4, 1]) {
        world.do({ kind: "compact", share });
        world.do({ kind: "append", count: 4 });
        world.do({ kind: "append", count: 4 });
      }
      world.time.run(milliseconds((seed % 20) / 2));
      await world.crash();
    }
  });

  it("what a restart was going to forget does not follow its start (its header is down, its record is not)", async () => {
    let remnants = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const world = new World(seed);
      await world.open();
      for (let i = 0; i < 8; i++) world.do({ kind: "append", count: 1 });
      world.time.run(seconds(1));
      world.do({ kind: "compact", share: 1 });
      world.do({ kind: "append", count: 3 });
      const start = { index: logIndex(9), term: term(5), voters };
      const hardState = { term: term(5), vote: undefined };
      world.persist({ start, hardState }, { hardState, start, entries: [] });
      world.time.run(milliseconds(seed / 5));
      world.disk = world.disk.crash();
      const recovered = await world.open();
      if (recovered.start.index !== 9) continue;
      remnants += 1;
      expect(recovered.entries).toEqual([]);
    }
    expect(remnants).toBeGreaterThan(5);
  });

  it("a new log that was never written to is new again, and one that says where it begins is not", async () => {
    const world = new World(3);
    expect((await world.open()).isNew).toBe(true);
    await world.crash();
    const restarted = world.log?.restart({ index: logIndex(0), term: term(0), voters });
    world.time.run(seconds(1));
    await restarted;
    world.disk = world.disk.crash();
    const recovered = await world.open();
    expect(recovered.isNew).toBe(false);
    expect(recovered.start.voters).toEqual(voters);
  });

  it("term and vote outlive the segment in which they were written (released behind a checkpoint)", async () => {
    const world = new World(5);
    await world.open();
    const hardState = { term: term(3), vote: member(2) };
    world.persist({ hardState }, { ...empty, hardState });
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 3; i++) world.do({ kind: "append", count: 4 });
      world.time.run(seconds(1));
      world.do({ kind: "compact", share: 1 });
      world.time.run(seconds(1));
    }
    world.disk = world.disk.crash();
    expect((await world.open()).hardState).toEqual(hardState);
  });

  it("entries of every kind, both votes and joint voters come back as they were", async () => {
    const world = new World(4);
    await world.open();
    const head = { term: term(2), siteTime: siteTime(1_777_000_000_000) };
    const entries: Entry[] = [
      { ...head, index: logIndex(1), kind: "noop" },
      {
        ...head,
        index: logIndex(2),
        kind: "voters",
        voters: { current: [member(1)], incoming: [member(1), member(2), member(3)] },
      },
      { ...head, index: logIndex(3), kind: "voters", voters: { current: [member(1), member(2), member(3)] } },
      { ...head, index: logIndex(4), kind: "command", command: new Uint8Array(0) },
    ];
    const hardState = { term: term(2), vote: member(1) };
    world.persist({ hardState, entries }, { ...empty, hardState, entries });
    world.time.run(seconds(1));
    world.disk = world.disk.crash();
    const recovered = await world.open();
    expect(
      recovered.entries.map((one) => (one.kind === "command" ? { ...one, command: [...one.command] } : one)),
    ).toEqual(entries.map((one) => (one.kind === "command" ? { ...one, command: [...one.command] } : one)));
    expect(recovered.hardState).toEqual(hardState);
  });
});
