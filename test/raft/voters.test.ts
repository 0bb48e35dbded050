// Majorities, against the plainest possible definition (paper §6).

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allVoters, hasMajority, majorityValue } from "../../src/raft/voters.ts";
import { a, b, c, d, e } from "./kit.ts";

const set = fc.uniqueArray(fc.constantFrom(a, b, c, d, e), { minLength: 1, maxLength: 5 });
const voters = fc.record({ current: set, incoming: set }, { requiredKeys: ["current"] });
const values = fc.dictionary(fc.constantFrom(a, b, c, d, e), fc.nat(9));

describe("a majority", () => {
  it("is more than half, of each set inside a joint configuration", () => {
    fc.assert(
      fc.property(voters, fc.uniqueArray(fc.constantFrom(a, b, c, d, e)), (of, yes) => {
        const share = (members: readonly string[]) =>
          members.filter((one) => yes.includes(one as typeof a)).length / members.length;
        const expected = share(of.current) > 0.5 && (of.incoming === undefined || share(of.incoming) > 0.5);
        expect(hasMajority(of, (member) => yes.includes(member))).toBe(expected);
      }),
    );
  });

  it("of nobody is none", () => {
    expect(hasMajority({ current: [] }, () => true)).toBe(false);
    expect(majorityValue({ current: [] }, () => 1)).toBe(Number.NEGATIVE_INFINITY);
  });

  it("has reached the largest value that a majority has reached", () => {
    fc.assert(
      fc.property(voters, values, (of, reached) => {
        const value = majorityValue(of, (member) => reached[member] ?? 0);
        expect(hasMajority(of, (member) => (reached[member] ?? 0) >= value)).toBe(true);
        expect(hasMajority(of, (member) => (reached[member] ?? 0) > value)).toBe(false);
      }),
    );
  });

  it("counts everyone once", () => {
    expect(allVoters({ current: [a, b], incoming: [b, c] })).toEqual([a, b, c]);
  });
});
