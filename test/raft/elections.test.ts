// Elections (paper §5.2, §5.4.1; thesis §9.6).

import { describe, expect, it } from "vitest";
import { a, append, Bench, b, c, d, type Message, message, messages, only, sends } from "./kit.ts";

const attempt = 2 ** 47;

const preVoteRequest = (term: number, lastIndex = 0, lastTerm = 0) =>
  message<Message<"pre-vote-request">>({ kind: "pre-vote-request", term, attempt: 7, lastIndex, lastTerm });
const voteRequest = (term: number, lastIndex = 0, lastTerm = 0) =>
  message<Message<"vote-request">>({ kind: "vote-request", term, attempt: 7, lastIndex, lastTerm });
const preVoteReply = (term: number, granted: boolean, replied = attempt) =>
  message<Message<"pre-vote-reply">>({ kind: "pre-vote-reply", term, attempt: replied, granted });
const voteReply = (term: number, granted: boolean, replied = attempt) =>
  message<Message<"vote-reply">>({ kind: "vote-reply", term, attempt: replied, granted });

describe("a voter that hears nobody", () => {
  it("asks for pre-votes first, and stores nothing for it (3 voters)", () => {
    const bench = new Bench({ term: 3, log: [1, 3] });
    expect(bench.wait(2_000)).toEqual([
      {
        kind: "role",
        role: "pre-candidate",
        term: 3,
        leader: undefined,
        why: "asks for an election: 2.0 s without a leader",
      },
      { kind: "send", to: b, message: { kind: "pre-vote-request", term: 4, attempt, lastIndex: 2, lastTerm: 3 } },
      { kind: "send", to: c, message: { kind: "pre-vote-request", term: 4, attempt, lastIndex: 2, lastTerm: 3 } },
    ]);
  });

  it("asks for votes only once its own vote and the log that it quotes are on disk (RAFT-CASES 43)", () => {
    const bench = new Bench();
    bench.wait(2_000);
    const effects = bench.receive(b, preVoteReply(1, true));
    expect(effects.slice(1)).toEqual([
      { kind: "persist", token: 1, hardState: { term: 1, vote: a }, entries: [], urgent: true },
      { kind: "send", to: b, message: { kind: "vote-request", term: 1, attempt, lastIndex: 0, lastTerm: 0 }, after: 1 },
      { kind: "send", to: c, message: { kind: "vote-request", term: 1, attempt, lastIndex: 0, lastTerm: 0 }, after: 1 },
    ]);
  });

  it("leads with a majority, and begins with an entry of its own (paper §8; 3 voters, 1 silent)", () => {
    const bench = new Bench();
    bench.wait(2_000);
    bench.receive(b, preVoteReply(1, true));
    bench.sync();
    const entry = { index: 1, term: 1, siteTime: 0, kind: "noop" };
    const head = { kind: "append", term: 1, beat: 1, previousIndex: 0, previousTerm: 0, commit: 0, siteTime: 0 };
    expect(bench.receive(b, voteReply(1, true))).toEqual([
      {
        kind: "role",
        role: "leader",
        term: 1,
        leader: a,
        why: "elected in term 1 with 2 of 3 votes after 2.0 s without a leader",
      },
      { kind: "send", message: { ...head, entries: [entry] } },
      { kind: "persist", token: 2, entries: [entry], urgent: true },
    ]);
  });

  it("names the leader that fell silent", () => {
    const bench = new Bench();
    bench.hear(b, append(1, 1, { index: 0, term: 0 }));
    bench.wait(1_800);
    bench.wait(200);
    expect(bench.status.why).toBe("asks for an election: b was silent for 2.0 s");
  });

  it("draws its timeout anew each time (RAFT-CASES 24)", () => {
    let draw = 0;
    const bench = new Bench({
      random: () => {
        draw = (draw + 0.17) % 1;
        return draw;
      },
    });
    const timeouts = new Set<number>();
    for (let i = 0; i < 5; i++) {
      const before = bench.now;
      bench.waitForTick();
      timeouts.add(Math.round(bench.now - before));
    }
    expect(timeouts.size).toBe(5);
    expect(Math.min(...timeouts)).toBeGreaterThanOrEqual(1_500);
    expect(Math.max(...timeouts)).toBeLessThanOrEqual(2_500);
  });

  it("leads at once, but only when its own vote is on disk (1 voter; RAFT-CASES 14)", () => {
    const bench = new Bench({ voters: [a] });
    expect(bench.raft.nextTick()).toBe(0);
    bench.wait(0);
    expect(bench.status.role).toBe("candidate");
    bench.sync();
    expect(bench.status.role).toBe("leader");
    expect(bench.status.commit).toBe(0);
    bench.sync();
    expect(bench.status.commit).toBe(1);
  });

  it("never campaigns when it is no voter (RAFT-CASES 6)", () => {
    const bench = new Bench({ voters: [b, c] });
    expect(bench.raft.nextTick()).toBeUndefined();
    expect(bench.wait(60_000)).toEqual([]);
  });
});

describe("votes are counted", () => {
  const candidate = () => {
    const bench = new Bench({ voters: [a, b, c] });
    bench.wait(2_000);
    bench.receive(b, preVoteReply(1, true));
    bench.sync();
    return bench;
  };

  it("only when they repeat the attempt's number: a broker's queue outlives the process (RAFT-CASES 34, 43)", () => {
    const bench = candidate();
    expect(bench.receive(b, voteReply(1, true, attempt - 1))).toEqual([]);
    expect(bench.status.role).toBe("candidate");
  });

  it("of a pre-vote likewise", () => {
    const bench = new Bench();
    bench.wait(2_000);
    expect(bench.receive(b, preVoteReply(1, true, attempt - 1))).toEqual([]);
    expect(bench.receive(b, preVoteReply(9, false, attempt - 1))).toEqual([]);
  });

  it("only of voters of the own configuration (RAFT-CASES 7)", () => {
    const bench = candidate();
    bench.receive(d, voteReply(1, true));
    expect(bench.status.role).toBe("candidate");
  });

  it("only within the shortest timeout after they were asked for: later the authority would be over already", () => {
    const bench = candidate();
    bench.wait(1_499);
    expect(bench.status.role).toBe("candidate");
    const late = candidate();
    late.wait(1_500);
    late.receive(b, voteReply(1, true));
    expect(late.status.role).toBe("candidate");
  });

  it("in both sets of a joint configuration (paper §6)", () => {
    const bench = new Bench({ voters: { current: [a, b], incoming: [a, c, d] } });
    bench.wait(2_000);
    bench.receive(c, preVoteReply(1, true));
    expect(bench.status.role).toBe("pre-candidate");
    bench.receive(b, preVoteReply(1, true));
    expect(bench.status.role).toBe("candidate");
  });
});

describe("a pre-vote", () => {
  it("is granted without storing anything, when no leader is heard", () => {
    const bench = new Bench({ term: 3 });
    expect(bench.receive(b, preVoteRequest(4))).toEqual([
      { kind: "send", to: b, message: { kind: "pre-vote-reply", term: 4, attempt: 7, granted: true } },
    ]);
    expect(bench.status.term).toBe(3);
  });

  it("is refused while a leader is heard, and no longer (thesis §4.2.3)", () => {
    const bench = new Bench();
    bench.hear(c, append(1, 1, { index: 0, term: 0 }));
    bench.wait(1_499);
    expect(messages(bench.receive(b, preVoteRequest(2)), "pre-vote-reply")[0]?.granted).toBe(false);
    bench.wait(1);
    expect(messages(bench.receive(b, preVoteRequest(2)), "pre-vote-reply")[0]?.granted).toBe(true);
  });

  it("is granted right after a later term was heard, in which nobody leads yet", () => {
    const bench = new Bench({ log: [1] });
    bench.hear(c, append(1, 1, { index: 1, term: 1 }));
    bench.receive(c, voteRequest(2));
    expect(messages(bench.receive(b, preVoteRequest(3, 1, 1)), "pre-vote-reply")[0]?.granted).toBe(true);
  });

  it("is refused to a shorter log (paper §5.4.1)", () => {
    const bench = new Bench({ log: [1, 2] });
    expect(messages(bench.receive(b, preVoteRequest(3, 5, 1)), "pre-vote-reply")[0]?.granted).toBe(false);
    expect(messages(bench.receive(b, preVoteRequest(3, 1, 2)), "pre-vote-reply")[0]?.granted).toBe(false);
    expect(messages(bench.receive(b, preVoteRequest(3, 2, 2)), "pre-vote-reply")[0]?.granted).toBe(true);
  });

  it("that is refused carries the term, and the candidate adopts it (RAFT-CASES 19)", () => {
    const longer = new Bench({ self: a, voters: [a, b], term: 5, log: [1, 5] });
    const later = new Bench({ self: b, voters: [a, b], term: 7, log: [1] });
    const [request] = messages(longer.wait(2_000), "pre-vote-request");
    expect(request?.term).toBe(6);
    const [refusal] = messages(later.receive(a, request ?? preVoteRequest(0)), "pre-vote-reply");
    expect(refusal).toEqual({ kind: "pre-vote-reply", term: 7, attempt, granted: false });
    longer.receive(b, refusal ?? preVoteReply(0, false));
    expect(longer.status.term).toBe(7);
    const [again] = messages(longer.wait(2_500), "pre-vote-request");
    expect(messages(later.receive(a, again ?? preVoteRequest(0)), "pre-vote-reply")[0]?.granted).toBe(true);
  });

  it("that a leader sees makes it speak up at once, but not for every one", () => {
    const bench = new Bench().reign(b);
    bench.wait(100);
    expect(messages(bench.receive(c, preVoteRequest(2)), "append")).toHaveLength(1);
    expect(messages(bench.receive(c, preVoteRequest(2)), "append")).toHaveLength(0);
  });
});

describe("a vote", () => {
  it("is granted once per term, and the answer waits for the disk (paper §5.2)", () => {
    const bench = new Bench({ term: 1 });
    const effects = bench.receive(b, voteRequest(2));
    expect(only(effects, "persist")).toEqual([
      { kind: "persist", token: 1, hardState: { term: 2, vote: b }, entries: [], urgent: true },
    ]);
    expect(sends(effects)).toEqual([
      { kind: "send", to: b, message: { kind: "vote-reply", term: 2, attempt: 7, granted: true }, after: 1 },
    ]);
    expect(messages(bench.receive(c, voteRequest(2)), "vote-reply")[0]?.granted).toBe(false);
    expect(messages(bench.receive(b, voteRequest(2)), "vote-reply")[0]?.granted).toBe(true);
  });

  it("is remembered over a restart (paper §5.2)", () => {
    const bench = new Bench({ term: 2, vote: c });
    expect(messages(bench.receive(b, voteRequest(2)), "vote-reply")[0]?.granted).toBe(false);
  });

  it("is given at once after a restart, also to one that this member does not know as a voter (thesis §4.1; RAFT-CASES 6, 45)", () => {
    const bench = new Bench({ voters: [b, c], log: [1] });
    expect(messages(bench.receive(d, voteRequest(2, 1, 1)), "vote-reply")[0]?.granted).toBe(true);
  });

  it("that is refused leaves the election timer alone, one that is given does not (RAFT-CASES 24)", () => {
    const refusing = new Bench({ log: [1, 1] });
    refusing.wait(1_000);
    const due = refusing.raft.nextTick();
    refusing.receive(b, voteRequest(2, 1, 1));
    expect(refusing.raft.nextTick()).toBe(due);
    refusing.receive(c, voteRequest(3, 2, 1));
    expect(refusing.raft.nextTick()).toBe(3_000);
  });

  it("is not forgotten when a leader steps down within its term (RAFT-CASES 23)", () => {
    const bench = new Bench().reign(b);
    bench.wait(1_500);
    bench.wait(1_500);
    expect(bench.status).toMatchObject({ role: "follower", term: 1, vote: a });
    expect(messages(bench.receive(c, voteRequest(1, 9, 1)), "vote-reply")[0]?.granted).toBe(false);
  });
});

describe("a removed or foreign node with a huge term (RAFT-CASES 7)", () => {
  it("deposes no leader that has authority", () => {
    const bench = new Bench().reign(b);
    expect(bench.receive(d, voteRequest(1_000_000, 9, 9))).toEqual([]);
    expect(bench.status).toMatchObject({ role: "leader", term: 1 });
  });

  it("is not obeyed by who hears a leader, and is answered once none is heard (thesis §4.2.3)", () => {
    const bench = new Bench();
    bench.hear(b, append(1, 1, { index: 0, term: 0 }));
    expect(bench.receive(d, voteRequest(9))).toEqual([]);
    bench.wait(1_500);
    expect(messages(bench.receive(d, voteRequest(9)), "vote-reply")[0]?.granted).toBe(true);
  });

  it("does not keep away a voter, so that leadership can be handed over", () => {
    const bench = new Bench();
    bench.hear(b, append(1, 1, { index: 0, term: 0 }));
    expect(messages(bench.receive(c, voteRequest(2)), "vote-reply")[0]?.granted).toBe(true);
  });

  it("is not believed beyond any honest number", () => {
    const bench = new Bench();
    expect(bench.receive(b, voteRequest(Number.MAX_SAFE_INTEGER))).toEqual([]);
    expect(bench.hear(b, append(Number.MAX_SAFE_INTEGER, 1, { index: 0, term: 0 }))).toEqual([]);
    expect(bench.status.term).toBe(0);
  });
});

describe("a candidate", () => {
  it("follows whoever leads in its term (paper §5.2)", () => {
    const bench = new Bench();
    bench.wait(2_000);
    bench.receive(b, preVoteReply(1, true));
    bench.hear(c, append(1, 1, { index: 0, term: 0 }));
    expect(bench.status).toMatchObject({ role: "follower", term: 1, leader: c, vote: a });
  });

  it("begins again after its timeout", () => {
    const bench = new Bench();
    bench.wait(2_000);
    bench.receive(b, preVoteReply(1, true));
    bench.sync();
    bench.wait(2_000);
    expect(bench.status).toMatchObject({ role: "pre-candidate", term: 1 });
  });

  it("does not stand while its disk hangs (RAFT-CASES 12)", () => {
    const bench = new Bench();
    bench.hear(b, append(1, 1, { index: 0, term: 0 }));
    bench.wait(10_000);
    bench.wait(3_000);
    expect(bench.status.role).toBe("follower");
  });
});
