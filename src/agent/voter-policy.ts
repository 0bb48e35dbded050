// Who should vote (DESIGN §4, "Voters by policy"), in its first form: the site grows from 1 to 3 to 5 voters as devices join,
// always by an odd number, spread over zones; a voter whose incarnation is gone is replaced.
//
// Pure: from what the coordinator sees to the voters that it should move to.

import type { MemberKey } from "../base/ids.ts";

export interface VoterCandidate {
  readonly member: MemberKey;
  readonly zone: string | undefined;
  /** It answered lately, and is within reach of the commit index. The coordinator is. */
  readonly isReady: boolean;
  /** A broker has it as connected: a hint, which decides whom to ask. */
  readonly isPresent: boolean;
}

export interface VoterSituation {
  /** The coordinator: it never plans to leave itself out. */
  readonly self: MemberKey;
  /** All members of the site, in the order in which they joined. */
  readonly candidates: readonly VoterCandidate[];
  readonly voters: readonly MemberKey[];
  /** The configured number, once there are devices enough. */
  readonly wanted: number;
}

/** 1 voter for sites of 1–2 devices, 3 for 3–4, 5 from 5 on, 7 from 7 on; never more than `wanted`. */
export function targetNumber(devices: number, wanted: number): number {
  const possible = devices <= 2 ? 1 : devices % 2 === 1 ? devices : devices - 1;
  return Math.min(possible, wanted);
}

/** The voters to move to; undefined when the present ones are right, or nobody is ready yet. */
export function planVoters(situation: VoterSituation): readonly MemberKey[] | undefined {
  const { candidates, voters, wanted } = situation;
  const members = new Set(candidates.map(({ member }) => member));
  const kept = voters.filter((voter) => members.has(voter));
  const target = targetNumber(candidates.length, wanted);
  const next = [...kept];
  for (const { member } of inOrderOfSpread(candidates, kept)) {
    if (next.length >= target) break;
    next.push(member);
  }
  if (next.length === 0) return undefined;
  // An even number costs a vote and gains nothing.
  if (next.length % 2 === 0) next.splice(next.indexOf(leftOut(situation, next)), 1);
  const isSame = next.length === voters.length && next.every((voter) => voters.includes(voter));
  return isSame ? undefined : next;
}

/** The newest newcomer; if nobody is new, a voter that does not answer; if all do, the last in the list. Never the coordinator. */
function leftOut({ self, candidates, voters }: VoterSituation, next: readonly MemberKey[]): MemberKey {
  const ready = new Set(candidates.filter(({ isReady }) => isReady).map(({ member }) => member));
  const others = next.filter((member) => member !== self);
  const newest = others.findLast((member) => !voters.includes(member));
  const choice = newest ?? others.findLast((member) => !ready.has(member)) ?? others.at(-1);
  return choice ?? self;
}

/** Members to ask how far they are, because one of them may be wanted. */
export function membersToProbe(situation: VoterSituation): readonly MemberKey[] {
  const { candidates, voters, wanted } = situation;
  const members = new Set(candidates.map(({ member }) => member));
  const missing = targetNumber(candidates.length, wanted) - voters.filter((voter) => members.has(voter)).length;
  if (missing <= 0) return [];
  const outside = candidates
    .filter(({ member, isPresent }) => isPresent && !voters.includes(member))
    .map((candidate) => ({ ...candidate, isReady: true }));
  return inOrderOfSpread(outside, voters, zonesOf(candidates))
    .slice(0, 2 * missing)
    .map(({ member }) => member);
}

/** Ready members that do not vote: those of zones with the fewest voters first, then in the order of joining. */
function inOrderOfSpread(
  candidates: readonly VoterCandidate[],
  voters: readonly MemberKey[],
  zones = zonesOf(candidates),
): VoterCandidate[] {
  const inZone = new Map<string | undefined, number>();
  for (const voter of voters) inZone.set(zones.get(voter), (inZone.get(zones.get(voter)) ?? 0) + 1);
  const left = candidates.filter(({ member, isReady }) => isReady && !voters.includes(member));
  const ordered: VoterCandidate[] = [];
  while (left.length > 0) {
    let best = 0;
    for (let i = 1; i < left.length; i++) {
      if ((inZone.get(left[i]?.zone) ?? 0) < (inZone.get(left[best]?.zone) ?? 0)) best = i;
    }
    const [chosen] = left.splice(best, 1);
    if (chosen === undefined) break;
    inZone.set(chosen.zone, (inZone.get(chosen.zone) ?? 0) + 1);
    ordered.push(chosen);
  }
  return ordered;
}

function zonesOf(candidates: readonly VoterCandidate[]): ReadonlyMap<MemberKey, string | undefined> {
  return new Map(candidates.map(({ member, zone }) => [member, zone]));
}
