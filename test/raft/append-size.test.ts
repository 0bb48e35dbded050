// A frame's decoder refuses an append of more than `limits.appendEntries` entries, so one that a leader sent would be refused by
// every follower, and refused again as a repair: a site that never commits again. Entries of few bytes fit a batch in thousands.

import { describe, expect, it } from "vitest";
import { limits } from "../../src/base/limits.ts";
import { Bench, b, command, type Message, message, messages } from "./kit.ts";

const roomy = { batchBytes: 48 * 1024, windowBytes: 256 * 1024, uncommittedBytes: 1024 * 1024 };

const tiny = (count: number): string[] => Array.from({ length: count }, () => "x");

describe("an append holds no more entries than a frame's decoder takes", () => {
  it("when many small proposals come together", () => {
    const leader = new Bench({ limits: roomy }).reign(b);
    const first = messages(leader.propose(...tiny(3 * limits.appendEntries)), "append");
    expect(first.map(({ entries }) => entries.length)).toEqual([limits.appendEntries, limits.appendEntries]);
    leader.sync();
    const rest = messages(leader.acknowledge(b, 1 + limits.appendEntries), "append");
    expect(rest.map(({ entries }) => entries.length)).toEqual([limits.appendEntries]);
  });

  it("when a member that missed many small entries is repaired", () => {
    const entries = Array.from({ length: 2_000 }, (_, i) => command(i + 1, 1));
    const leader = new Bench({ limits: { ...roomy, repairBytesPerSecond: 512 * 1024 }, entries }).reign(b);
    const gap = message<Message<"gap">>({ kind: "gap", term: 2, beat: 1, match: 0, lastIndex: 0, lastTerm: 0 });
    const [repair] = messages(leader.receive(b, gap), "append");
    expect(repair?.entries).toHaveLength(limits.appendEntries);
    expect(repair).toMatchObject({ previousIndex: 0 });
  });
});
