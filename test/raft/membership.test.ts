// Joint consensus (paper §6; thesis §4; RAFT-CASES 1–8).

import { describe, expect, it } from "vitest";
import { a, append, Bench, b, c, d, e, messages, noop, only, votersEntry } from "./kit.ts";

const change = (bench: Bench, ...voters: (typeof a)[]) => bench.step({ kind: "change-voters", context: 1, voters });

describe("a change of voters", () => {
  it("goes through a joint configuration that takes effect when it is appended", () => {
    const bench = new Bench().reign(b);
    const joint = votersEntry(2, 1, { current: [a, b, c], incoming: [a, b, d] });
    const effects = change(bench, a, b, d);
    expect(only(effects, "persist")[0]?.entries).toEqual([joint]);
    expect(bench.status).toMatchObject({
      voters: { current: [a, b, c], incoming: [a, b, d] },
      isVotersCommitted: false,
    });
    bench.sync();
    bench.acknowledge(b, 2);
    expect(bench.status).toMatchObject({ commit: 2, voters: { current: [a, b, d] } });
  });

  it("needs a majority of both sets until it is left (paper §6)", () => {
    const bench = new Bench({ voters: [a, b] }).reign(b);
    change(bench, a, c, d);
    bench.sync();
    bench.acknowledge(b, 2);
    expect(bench.status.commit).toBe(1);
    bench.acknowledge(c, 2);
    expect(bench.status.commit).toBe(2);
  });

  it("is not left while the joint entry is uncommitted, whatever else is committed (RAFT-CASES 2)", () => {
    const bench = new Bench().reign(b);
    bench.propose("x");
    change(bench, d, e);
    bench.sync();
    for (const member of [b, d, e]) bench.acknowledge(member, 2);
    expect(bench.status).toMatchObject({ commit: 2, last: 3, voters: { current: [a, b, c], incoming: [d, e] } });
  });

  it("takes a site from one voter to three in one step", () => {
    const bench = new Bench({ voters: [a] }).reign();
    change(bench, a, b, c);
    bench.sync();
    expect(bench.status.commit).toBe(1);
    bench.acknowledge(b, 2);
    expect(bench.status.commit).toBe(2);
    expect(bench.status.voters).toEqual({ current: [a, b, c] });
    bench.sync();
    expect(bench.status.commit).toBe(2);
    bench.acknowledge(c, 3);
    expect(bench.status).toMatchObject({ commit: 3, isVotersCommitted: true });
  });

  it("is refused before an entry of the term is committed (the single-server bug; RAFT-CASES 1)", () => {
    const bench = new Bench().lead(b);
    expect(change(bench, a, b, d)).toEqual([
      { kind: "proposal-refused", context: 1, reason: "term-not-committed", leader: a },
    ]);
  });

  it("is refused while another is pending, joint or final (RAFT-CASES 4)", () => {
    const bench = new Bench().reign(b);
    change(bench, a, b, d);
    expect(only(change(bench, a, b), "proposal-refused")[0]?.reason).toBe("configuration-pending");
    bench.sync();
    bench.acknowledge(b, 2);
    expect(only(change(bench, a, b), "proposal-refused")[0]?.reason).toBe("configuration-pending");
    bench.sync();
    bench.acknowledge(b, 3);
    expect(only(change(bench, a, b), "proposed")).toHaveLength(1);
  });

  it("is refused to a follower, and to more than nine voters", () => {
    const bench = new Bench().reign(b);
    const many = Array.from({ length: 10 }, (_, i) => `m${i}${a}` as typeof a);
    expect(only(change(bench, ...many), "proposal-refused")[0]?.reason).toBe("too-large");
    bench.wait(1_500);
    bench.wait(1_500);
    expect(only(change(bench, a), "proposal-refused")[0]?.reason).toBe("not-leader");
  });

  it("that is truncated is reverted (RAFT-CASES 3)", () => {
    const bench = new Bench({
      self: a,
      entries: [noop(1, 1), votersEntry(2, 1, { current: [a, b, c], incoming: [c, d, e] })],
    });
    expect(bench.status.voters.incoming).toEqual([c, d, e]);
    bench.hear(b, append(2, 1, { index: 1, term: 1 }, { entries: [noop(2, 2)] }));
    expect(bench.status.voters).toEqual({ current: [a, b, c] });
  });

  it("is left by a leader elected inside it, once an entry of its own term is committed (RAFT-CASES 2)", () => {
    const joint = votersEntry(2, 1, { current: [a, b, c], incoming: [a, b, d] });
    const bench = new Bench({ entries: [noop(1, 1), joint] }).lead(b);
    expect(bench.status.voters.incoming).toEqual([a, b, d]);
    const [leave] = messages(bench.acknowledge(b, 3), "append");
    expect(leave?.entries).toEqual([votersEntry(4, 2, { current: [a, b, d] })]);
  });
});

describe("a leader that a change removes", () => {
  const leaving = () => {
    const bench = new Bench().reign(b);
    change(bench, b, c, d);
    bench.sync();
    bench.acknowledge(b, 2);
    bench.acknowledge(c, 2);
    return bench;
  };

  it("leads on until the final configuration is committed, without counting itself (RAFT-CASES 5)", () => {
    const bench = leaving();
    expect(bench.status).toMatchObject({ role: "leader", commit: 2, voters: { current: [b, c, d] } });
    bench.sync();
    bench.acknowledge(b, 3);
    expect(bench.status).toMatchObject({ role: "leader", commit: 2 });
  });

  it("then says so in a last heartbeat, and steps down", () => {
    const bench = leaving();
    bench.acknowledge(b, 3);
    const effects = bench.acknowledge(d, 3);
    expect(messages(effects, "append")).toMatchObject([{ commit: 3, entries: [] }]);
    expect(bench.status).toMatchObject({ role: "follower", why: "stepped down: it is no longer a voter" });
    expect(bench.raft.nextTick()).toBeUndefined();
  });
});

describe("a member that an uncommitted configuration removes", () => {
  const entries = [
    noop(1, 1),
    votersEntry(2, 1, { current: [a, b, c], incoming: [b] }),
    votersEntry(3, 1, { current: [b] }),
  ];

  it("still campaigns, for it may be the only one that has the entry (thesis §4.2.2)", () => {
    const bench = new Bench({ entries });
    const [request] = messages(bench.waitForTick(), "pre-vote-request");
    expect(request).toMatchObject({ term: 2, lastIndex: 3 });
    expect(bench.raft.nextTick()).toBeDefined();
  });

  it("ceases when it learns that it is committed (RAFT-CASES 6)", () => {
    const bench = new Bench({ entries });
    bench.hear(b, append(1, 1, { index: 3, term: 1 }, { commit: 3 }));
    expect(bench.raft.nextTick()).toBeUndefined();
  });
});
