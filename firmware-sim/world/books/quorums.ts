// Can two configurations decide two things at once? (Paper §6; RAFT-CASES 1, 2.)

import type { Voters } from "../../../src/raft/types.ts";
import { allVoters, hasMajority } from "../../../src/raft/voters.ts";

/**
 * Every quorum of `a` has a member in common with every quorum of `b`. Tried out, over all ways to split the members: no formula
 * to be wrong about, and configurations are few and small.
 */
export function doQuorumsIntersect(a: Voters, b: Voters): boolean {
  const members = [...new Set([...allVoters(a), ...allVoters(b)])];
  for (let side = 0; side < 2 ** members.length; side++) {
    const isOnSide = (i: number): boolean => Math.floor(side / 2 ** i) % 2 === 1;
    const [one, other] = [
      new Set(members.filter((_, i) => isOnSide(i))),
      new Set(members.filter((_, i) => !isOnSide(i))),
    ];
    if (hasMajority(a, (member) => one.has(member)) && hasMajority(b, (member) => other.has(member))) return false;
  }
  return true;
}
