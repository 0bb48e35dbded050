import { describe, expect, it } from "vitest";
import { voteSafety } from "../../../../firmware-sim/world/checkers/vote-safety.ts";
import { logIndex, term } from "../../../../src/base/units.ts";
import { a, b, c } from "../../../raft/kit.ts";
import { acknowledgement, command, hardState, noop, quietSite, voteReply, voteRequest } from "./story.ts";

describe("one vote in a term", () => {
  it("a vote for one on the link, and for another on the card", () => {
    const { y } = quietSite(voteSafety);
    expect(() => y.put({ hardState: hardState(1, c) })).toThrow(
      /vote-safety: b@.* in term 1 votes for a@.* and for c@/,
    );
  });

  it("two votes on the link", () => {
    const { y } = quietSite(voteSafety);
    expect(() => y.say(voteReply(1), c)).toThrow(/votes for a@.* and for c@/);
  });

  it("a vote for another, and then a candidacy", () => {
    const { y } = quietSite(voteSafety);
    expect(() => y.say(voteRequest(1, 3, 1), a)).toThrow(/votes for a@.* and for b@/);
  });

  it("a vote for one in this life and for another in the next", () => {
    const { y } = quietSite(voteSafety);
    y.end();
    y.begin({ hardState: hardState(1) });
    expect(() => y.put({ hardState: hardState(1, c) })).toThrow(/votes for a@.* and for c@/);
  });

  it("the same vote, said twice, is one", () => {
    const { y } = quietSite(voteSafety);
    expect(() => y.say(voteReply(1), a)).not.toThrow();
  });
});

describe("a promise waits for the card", () => {
  it("a vote that is said before it is synced", () => {
    const { y } = quietSite(voteSafety);
    y.write({ hardState: hardState(2, c) });
    expect(() => y.say(voteReply(2), c)).toThrow(/says vote-reply in term 2 before its card has the term/);
  });

  it("a vote for which only the term was synced", () => {
    const { y } = quietSite(voteSafety);
    y.put({ hardState: hardState(2) });
    expect(() => y.say(voteReply(2), c)).toThrow(/before its card has the vote/);
  });

  it("a refusal from a term that the card does not know", () => {
    const { y } = quietSite(voteSafety);
    y.write({ hardState: hardState(2) });
    expect(() => y.say(voteReply(2, false), c)).toThrow(/before its card has the term/);
  });

  it("a request for votes before the own vote is synced", () => {
    const { y } = quietSite(voteSafety);
    y.write({ hardState: hardState(2, b) });
    expect(() => y.say(voteRequest(2, 3, 1), c)).toThrow(/says vote-request in term 2 before its card has the term/);
  });

  it("a request for votes for which only the term was synced", () => {
    const { y } = quietSite(voteSafety);
    y.put({ hardState: hardState(2) });
    expect(() => y.say(voteRequest(2, 3, 1), c)).toThrow(/before its card has the vote for itself/);
  });

  it("a request for votes that quotes an entry which is not synced", () => {
    const { y } = quietSite(voteSafety);
    y.put({ hardState: hardState(2, b) });
    y.write({ entries: [command(4, 1)] });
    expect(() => y.say(voteRequest(2, 4, 1), c)).toThrow(/before its card has entry 4, which it quotes/);
  });

  it("an acknowledgement of an entry that is not synced", () => {
    const { x, y } = quietSite(voteSafety);
    x.put({ entries: [command(4, 1)] });
    y.write({ entries: [command(4, 1)] });
    expect(() => y.say(acknowledgement(1, 4), a)).toThrow(
      /says append-ack in term 1 before its card has entry 4 of term 1/,
    );
  });

  it("an acknowledgement of an entry that is another one than the leader's", () => {
    const { x, y } = quietSite(voteSafety);
    x.put({ entries: [command(4, 1)] });
    y.put({ entries: [command(4, 0)] });
    expect(() => y.say(acknowledgement(1, 4), a)).toThrow(/before its card has entry 4 of term 1/);
  });

  it("an acknowledgement in a term that the card does not know", () => {
    const { y } = quietSite(voteSafety);
    y.write({ hardState: hardState(2) });
    expect(() => y.say(acknowledgement(2, 0), a)).toThrow(/before its card has the term/);
  });

  it("a question for what is missing, from a term that the card does not know", () => {
    const { y } = quietSite(voteSafety);
    y.write({ hardState: hardState(2) });
    const here = { match: logIndex(3), lastIndex: logIndex(3), lastTerm: term(1) };
    expect(() => y.say({ kind: "gap", term: term(2), beat: 1, ...here }, a)).toThrow(/says gap in term 2 before/);
  });

  // Seed 9516 (7 devices, 10 minutes): a broker thawed, and brought appends of four terms at one instant.
  it("an acknowledgement whose write is synced while a later term's is on its way promises what was asked for then", () => {
    const { x, y } = quietSite(voteSafety);
    x.put({ entries: [command(4, 1)] });
    y.put({ entries: [command(4, 1)] });
    for (const moved of [x, y]) {
      moved.write({ hardState: hardState(2, c), truncateAfter: noop(3, 1).index, entries: [noop(4, 2)] });
    }
    expect(() => y.say(acknowledgement(1, 4), a)).not.toThrow();
  });

  it("a late acknowledgement from a term that is over promises nothing any more", () => {
    const { x, y } = quietSite(voteSafety);
    x.put({ entries: [command(4, 1)] });
    y.put({ entries: [command(4, 1)] });
    y.put({ hardState: hardState(2, c), truncateAfter: noop(3, 1).index, entries: [noop(4, 2)] });
    expect(() => y.say(acknowledgement(1, 4), a)).not.toThrow();
  });
});
