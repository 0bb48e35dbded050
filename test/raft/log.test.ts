// The log in memory, against a plain array.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { logIndex, term } from "../../src/base/units.ts";
import { entryBytes, Log } from "../../src/raft/log.ts";
import { a, b, c, command, noop, votersEntry } from "./kit.ts";

const start = { index: logIndex(0), term: term(0), voters: { current: [a] } };
const filled = (terms: readonly number[]) =>
  new Log(
    start,
    terms.map((of, i) => command(i + 1, of, "x".repeat(i % 5))),
  );
const rising = fc.array(fc.nat(3), { maxLength: 30 }).map((terms) => terms.toSorted((one, other) => one - other));

describe("the log", () => {
  it("gives the entries after an index up to a number of bytes, and at least one", () => {
    fc.assert(
      fc.property(rising, fc.nat(30), fc.nat(300), (terms, after, bytesMax) => {
        fc.pre(after <= terms.length);
        const log = filled(terms);
        const batch = log.batchAfter(logIndex(after), bytesMax);
        const bytes = batch.reduce((sum, entry) => sum + entryBytes(entry), 0);
        const next = log.batchAfter(logIndex(after + batch.length), 1)[0];
        expect(batch.map((entry) => entry.index)).toEqual(batch.map((_, i) => after + 1 + i));
        if (batch.length > 1) expect(bytes).toBeLessThanOrEqual(bytesMax);
        if (after < terms.length) expect(batch.length).toBeGreaterThan(0);
        if (next !== undefined) expect(bytes + entryBytes(next)).toBeGreaterThan(bytesMax);
      }),
    );
  });

  it("says where another log may still agree: at the last of its entries of no later term (paper §5.3)", () => {
    fc.assert(
      fc.property(rising, fc.nat(40), fc.nat(4), (terms, index, ofTerm) => {
        const expected = terms.slice(0, index).filter((one) => one <= ofTerm).length;
        expect(filled(terms).agreementUpTo(logIndex(index), term(ofTerm))).toBe(expected);
      }),
    );
  });

  it("keeps a tail of entries and of bytes, whichever is less", () => {
    const log = filled(Array.from({ length: 20 }, () => 1));
    expect(log.tailBefore(logIndex(15), { entries: 4, bytes: 10_000 })).toBe(11);
    expect(log.tailBefore(logIndex(15), { entries: 100, bytes: 2 * 32 + 4 + 3 })).toBe(13);
    expect(log.tailBefore(logIndex(15), { entries: 100, bytes: 10_000 })).toBe(0);
  });

  it("has the configuration of its newest entry, whatever is appended, truncated or compacted (RAFT-CASES 3, 8)", () => {
    const log = new Log(start, [noop(1, 1), votersEntry(2, 1, { current: [a], incoming: [b] }), noop(3, 1)]);
    log.append([votersEntry(4, 1, { current: [b] })]);
    expect(log.voters).toEqual({ current: [b] });
    log.truncateAfter(logIndex(3));
    expect(log.voters).toEqual({ current: [a], incoming: [b] });
    log.compact(logIndex(3));
    expect(log.start).toEqual({ index: 3, term: 1, voters: { current: [a], incoming: [b] } });
    expect(log.votersIndex).toBe(3);
    log.append([votersEntry(4, 2, { current: [c] })]);
    expect(log.votersAt(logIndex(3))).toEqual({ current: [a], incoming: [b] });
    expect(log.votersAt(logIndex(4))).toEqual({ current: [c] });
  });

  it("refuses a hole, which nobody may make", () => {
    expect(() => filled([1]).append([noop(3, 1)])).toThrow("the log has no gap");
  });
});
