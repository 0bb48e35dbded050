// Handing the leadership over (thesis §3.10; RAFT-CASES 22): input, and the list of effects.

import { describe, expect, it } from "vitest";
import { logIndex, milliseconds, seconds, term } from "../../src/base/units.ts";
import { quiet } from "./harness/plans.ts";
import { World } from "./harness/world.ts";
import { a, append, Bench, b, c, d, type Message, message, messages, only, sends } from "./kit.ts";

const request = (plain: { term: number; beat: number; lastIndex: number; lastTerm: number }) =>
  message<Message<"transfer-request">>({ kind: "transfer-request", ...plain });
const ended = (outcome: string) => ({ kind: "transfer-ended", context: 9, to: b, outcome });

/** A leader of three, whose first entry is committed; `b` and `c` have it. */
const leader = (): Bench => new Bench().reign(b, c);
const transfer = (bench: Bench, to = b) => bench.step({ kind: "transfer", context: 9, to });

/** `b` follows `a` in term 3 with three synced entries, all verified. */
function follower(): Bench {
  const bench = new Bench({ self: b, log: [1, 2, 3] });
  bench.hear(a, append(3, 5, { index: 3, term: 3 }, { commit: 3 }));
  return bench;
}

describe("the leader", () => {
  it("asks a target that has everything at once, and says so in its status", () => {
    const bench = leader();
    expect(transfer(bench)).toEqual([
      { kind: "send", to: b, message: request({ term: 1, beat: 1, lastIndex: 1, lastTerm: 1 }) },
    ]);
    expect(bench.status).toMatchObject({ role: "leader", transferringTo: b, hasAuthority: true });
  });

  it("takes neither proposals nor a change of the voters meanwhile", () => {
    const bench = leader();
    transfer(bench);
    const refused = { kind: "proposal-refused", reason: "transferring", leader: a };
    expect(bench.propose("x")).toEqual([{ ...refused, context: 1 }]);
    expect(bench.step({ kind: "change-voters", context: 2, voters: [a, b] })).toEqual([{ ...refused, context: 2 }]);
  });

  it("brings a target up to date first that lags (RAFT-CASES 22)", () => {
    const bench = leader();
    bench.propose("x");
    bench.sync();
    bench.acknowledge(c, 2, 2);
    const begun = transfer(bench);
    expect(messages(begun, "transfer-request")).toEqual([]);
    expect(messages(begun, "append")).toMatchObject([{ previousIndex: 2, entries: [] }]);
    const caughtUp = bench.acknowledge(b, 2, 3);
    expect(messages(caughtUp, "transfer-request")).toEqual([request({ term: 1, beat: 3, lastIndex: 2, lastTerm: 1 })]);
  });

  it("appends what it had accepted before, and only then asks (window full)", () => {
    const bench = leader();
    for (const text of ["1", "2", "3"]) bench.propose(text);
    expect(only(transfer(bench), "transfer-ended")).toEqual([]);
    bench.sync();
    bench.acknowledge(c, 3, 3);
    bench.sync();
    expect(bench.status.last).toBe(4);
    expect(messages(bench.acknowledge(b, 3, 4), "transfer-request")).toEqual([]);
    expect(messages(bench.acknowledge(b, 4, 4), "transfer-request")).toHaveLength(1);
  });

  it("asks again with each heartbeat interval, because the request may be lost (RAFT-CASES 22)", () => {
    const bench = leader();
    expect(messages(transfer(bench), "transfer-request")).toHaveLength(1);
    expect(messages(bench.acknowledge(b, 1), "transfer-request")).toHaveLength(0);
    expect(messages(bench.wait(250), "transfer-request")).toHaveLength(1);
  });

  it("goes on after one shortest election timeout when the target is gone (RAFT-CASES 22)", () => {
    const bench = leader();
    bench.wait(250);
    bench.acknowledge(c, 1, 2);
    transfer(bench);
    for (let i = 0; i < 5; i++) {
      bench.wait(250);
      bench.acknowledge(c, 1, 3 + i);
    }
    expect(bench.status.transferringTo).toBe(b);
    expect(only(bench.wait(250), "transfer-ended")).toEqual([ended("not-taken")]);
    expect(bench.status).toMatchObject({ role: "leader", term: 1, transferringTo: undefined });
    expect(only(bench.propose("x"), "proposed")).toEqual([{ kind: "proposed", context: 1, index: 2, term: 1 }]);
  });

  it("steps down all the same when no majority answers any more", () => {
    const bench = leader();
    bench.wait(500);
    transfer(bench);
    bench.wait(1_000);
    expect(bench.status).toMatchObject({ role: "follower", why: "stepped down: no majority answered within 1.5 s" });
  });

  it("votes for the target, and tells whoever asked once an entry of the next term is committed", () => {
    const bench = leader();
    transfer(bench);
    const vote = {
      kind: "vote-request",
      term: term(2),
      attempt: 7,
      lastIndex: logIndex(1),
      lastTerm: term(1),
    } as const;
    const voted = bench.receive(b, vote);
    expect(messages(voted, "vote-reply")).toEqual([{ kind: "vote-reply", term: 2, attempt: 7, granted: true }]);
    expect(bench.status).toMatchObject({ role: "follower", transferringTo: undefined });
    bench.sync();
    const first = append(
      2,
      1,
      { index: 1, term: 1 },
      { entries: [{ ...append(2, 1, { index: 1, term: 1 }), kind: "noop", index: logIndex(2) }] },
    );
    expect(only(bench.hear(b, first), "transfer-ended")).toEqual([]);
    bench.sync();
    expect(only(bench.hear(b, append(2, 2, { index: 2, term: 2 }, { commit: 2 })), "transfer-ended")).toEqual([
      ended("done"),
    ]);
  });

  it.each([
    ["another is elected instead", c, "not-taken"],
    ["nobody is heard of", undefined, "unknown"],
  ])("says what it knows when %s", (_, heard, outcome) => {
    const bench = leader();
    transfer(bench);
    bench.receive(b, { kind: "vote-request", term: term(2), attempt: 7, lastIndex: logIndex(1), lastTerm: term(1) });
    bench.sync();
    if (heard !== undefined) {
      const noop = {
        kind: "noop",
        index: logIndex(2),
        term: term(3),
        siteTime: append(3, 1, { index: 1, term: 1 }).siteTime,
      } as const;
      bench.hear(heard, append(3, 1, { index: 1, term: 1 }, { entries: [noop] }));
      bench.sync();
      const learnt = bench.hear(heard, append(3, 2, { index: 2, term: 3 }, { commit: 2 }));
      expect(only(learnt, "transfer-ended")).toEqual([ended(outcome)]);
    } else {
      expect(only(bench.wait(3_999), "transfer-ended")).toEqual([]);
      expect(only(bench.wait(1), "transfer-ended")).toEqual([ended(outcome)]);
    }
  });

  it.each([
    ["a follower is asked", () => follower(), "not-leader"],
    ["the target is itself", () => leader(), "not-a-voter", a],
    ["the target is no voter", () => leader(), "not-a-voter", d],
    ["nothing of its term is committed", () => new Bench().lead(b, c), "busy"],
    [
      "a change of the voters is under way",
      () => {
        const bench = leader();
        bench.step({ kind: "change-voters", context: 1, voters: [a, b] });
        return bench;
      },
      "busy",
    ],
    [
      "another hand-over is under way",
      () => {
        const bench = leader();
        transfer(bench, c);
        return bench;
      },
      "busy",
    ],
  ] as const)("refuses where %s", (_, begin, outcome, to = b) => {
    expect(transfer(begin(), to)).toEqual([{ ...ended(outcome), to }]);
  });
});

describe("the target", () => {
  it("stands for election at once, in the next term, without a pre-vote; its vote is durable first", () => {
    const bench = follower();
    const effects = bench.receive(a, request({ term: 3, beat: 5, lastIndex: 3, lastTerm: 3 }));
    expect(messages(effects, "pre-vote-request")).toEqual([]);
    const [persist] = only(effects, "persist");
    expect(persist).toMatchObject({ hardState: { term: 4, vote: b } });
    const asked = sends(effects).filter(({ message: { kind } }) => kind === "vote-request");
    expect(asked.map(({ to, after }) => ({ to, after }))).toEqual([
      { to: a, after: persist?.token },
      { to: c, after: persist?.token },
    ]);
    expect(bench.status.why).toBe("stands for election in term 4: a handed over");
  });

  it("stays a candidate when an append of the old leader comes after (RAFT-CASES 22)", () => {
    const bench = follower();
    bench.receive(a, request({ term: 3, beat: 5, lastIndex: 3, lastTerm: 3 }));
    bench.hear(a, append(3, 6, { index: 3, term: 3 }, { commit: 3 }));
    expect(bench.status).toMatchObject({ role: "candidate", term: 4, leader: undefined });
  });

  it("holds no second election for a repeated request", () => {
    const bench = follower();
    const asked = request({ term: 3, beat: 5, lastIndex: 3, lastTerm: 3 });
    bench.receive(a, asked);
    expect(bench.receive(a, asked)).toEqual([]);
  });

  it.each([
    ["from before a heartbeat that was heard since (an hour late)", a, { beat: 4 }],
    ["of an earlier term", a, { term: 2 }],
    ["of a later term, whose leader it has not heard", a, { term: 4 }],
    ["from somebody who does not lead", c, {}],
    ["about entries that it does not have", a, { lastIndex: 4 }],
    ["about another entry than its own", a, { lastTerm: 2 }],
  ])("does not obey a request %s", (_, from, different) => {
    const bench = follower();
    const asked = request({ term: 3, beat: 5, lastIndex: 3, lastTerm: 3, ...different });
    expect(bench.receive(from, asked)).toEqual([]);
    expect(bench.status).toMatchObject({ role: "follower", term: 3 });
  });

  it("does not obey before its log is synced, or as a learner", () => {
    const bench = follower();
    const entry = {
      kind: "noop",
      index: logIndex(4),
      term: term(3),
      siteTime: append(3, 6, { index: 3, term: 3 }).siteTime,
    } as const;
    bench.hear(a, append(3, 6, { index: 3, term: 3 }, { entries: [entry] }));
    const asked = request({ term: 3, beat: 6, lastIndex: 4, lastTerm: 3 });
    bench.receive(a, asked);
    expect(bench.status.role).toBe("follower");
    bench.sync();
    bench.receive(a, asked);
    expect(bench.status.role).toBe("candidate");

    const learner = new Bench({ self: d, log: [1, 2, 3] });
    learner.hear(a, append(3, 5, { index: 3, term: 3 }, { commit: 3 }));
    expect(learner.receive(a, request({ term: 3, beat: 5, lastIndex: 3, lastTerm: 3 }))).toEqual([]);
  });
});

describe("a site of three", () => {
  function site() {
    const world = new World(1, quiet);
    for (const member of world.members) member.start();
    world.time.run(seconds(5));
    const [old, target] = world.members.toSorted((one) => (one.status()?.role === "leader" ? -1 : 1));
    if (old === undefined || target === undefined) throw new Error("no leader");
    return { world, old, target };
  }

  it("has its new leader long before an election timeout, with everything that was accepted", () => {
    const { world, old, target } = site();
    for (let i = 0; i < 20; i++)
      old.handle({ kind: "propose", proposals: [{ context: i, command: Buffer.from("x") }] });
    old.handle({ kind: "transfer", context: 1, to: target.key });
    world.time.run(milliseconds(400));
    expect(target.status()).toMatchObject({ role: "leader", term: 2, hasAuthority: true });
    expect(target.status()?.why).toMatch(/^elected in term 2 with [23] of 3 votes after pi-\d handed over$/);
    expect(world.checkers.committed).toBe(22);
  });

  it("keeps its leader, in the same term, when the target dies in that moment (RAFT-CASES 22)", () => {
    const { world, old, target } = site();
    target.crash();
    old.handle({ kind: "transfer", context: 1, to: target.key });
    world.time.run(seconds(2));
    expect(old.status()).toMatchObject({ role: "leader", term: 1, hasAuthority: true, transferringTo: undefined });
  });

  it("has a leader again when the target dies as a candidate", () => {
    const { world, old, target } = site();
    world.network.observe = (from, _, sent) => {
      if (from === target.key && sent.kind === "vote-request")
        world.time.schedule(milliseconds(0), "power", () => target.crash());
    };
    old.handle({ kind: "transfer", context: 1, to: target.key });
    world.time.run(seconds(6));
    expect(world.members.filter((one) => one.status()?.hasAuthority)).toHaveLength(1);
    expect(target.isUp).toBe(false);
  });

  it("is not disturbed by a stale request that a broker kept for an hour", () => {
    const { world, old, target } = site();
    const status = old.status();
    world.time.run(seconds(3_600));
    const { term: at, last } = status ?? { term: term(0), last: logIndex(0) };
    target.handle({
      kind: "received",
      from: old.key,
      broadcast: false,
      message: { kind: "transfer-request", term: at, beat: 2, lastIndex: last, lastTerm: at },
    });
    world.time.run(seconds(5));
    expect(old.status()).toMatchObject({ role: "leader", term: at });
  });
});
