// Who decides, and when enough of them have: majorities, and majorities of both sets inside a joint configuration (paper §6).

import type { MemberKey } from "../base/ids.ts";
import type { Voters } from "./types.ts";

export const isJoint = (voters: Voters): boolean => voters.incoming !== undefined;

export function isVoter(voters: Voters, member: MemberKey): boolean {
  return voters.current.includes(member) || (voters.incoming?.includes(member) ?? false);
}

/** Everyone who has a vote, each once, in a fixed order. */
export function allVoters(voters: Voters): readonly MemberKey[] {
  if (voters.incoming === undefined) return voters.current;
  return [...new Set([...voters.current, ...voters.incoming])];
}

/** A majority, inside a joint configuration of each of the two sets, satisfies `holds`. Nobody is no majority. */
export function hasMajority(voters: Voters, holds: (member: MemberKey) => boolean): boolean {
  return isMajority(voters.current, holds) && (voters.incoming === undefined || isMajority(voters.incoming, holds));
}

/** The largest value that a majority (of each set) has reached. */
export function majorityValue(voters: Voters, reachedBy: (member: MemberKey) => number): number {
  const current = middle(voters.current, reachedBy);
  return voters.incoming === undefined ? current : Math.min(current, middle(voters.incoming, reachedBy));
}

function isMajority(members: readonly MemberKey[], holds: (member: MemberKey) => boolean): boolean {
  let count = 0;
  for (const member of members) if (holds(member)) count += 1;
  return 2 * count > members.length;
}

/** The largest that more than half of the members have reached; looked for without a list, for it is asked at every step. */
function middle(members: readonly MemberKey[], reachedBy: (member: MemberKey) => number): number {
  let best = Number.NEGATIVE_INFINITY;
  for (const candidate of members) {
    const value = reachedBy(candidate);
    if (value <= best) continue;
    let count = 0;
    for (const member of members) if (reachedBy(member) >= value) count += 1;
    if (2 * count > members.length) best = value;
  }
  return best;
}

/** Nobody else decides. */
export function isOnlyVoter({ current, incoming }: Voters, member: MemberKey): boolean {
  return incoming === undefined && current.length === 1 && current[0] === member;
}
