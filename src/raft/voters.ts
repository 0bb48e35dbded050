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

function middle(members: readonly MemberKey[], reachedBy: (member: MemberKey) => number): number {
  const values = members.map(reachedBy).sort((a, b) => b - a);
  return values[Math.floor(members.length / 2)] ?? Number.NEGATIVE_INFINITY;
}

/** Nobody else decides. */
export function isOnlyVoter({ current, incoming }: Voters, member: MemberKey): boolean {
  return incoming === undefined && current.length === 1 && current[0] === member;
}
