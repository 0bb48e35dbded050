// Who should vote (DESIGN §4, "Voters by policy"): 1, 3, 5 or 7 as devices join, never an even number, spread over zones, and of
// those that would do as well the ones on mains.
//
// Where voters are lacking, a device that has caught up is promoted at once, a steady one before others. To take the place of
// another (one that was silent for two minutes, one of a zone that has too many, or one on battery) it must be steady: here for minutes. So
// one that comes and goes causes no change after change: it is demoted only if a steady one takes its place, and to take that
// back it would have to be steady itself. The coordinator never leaves itself out.
//
// Pure: from what the coordinator sees to the voters that it should move to.

import type { MemberKey } from "../base/ids.ts";

export interface VoterCandidate {
  readonly member: MemberKey;
  readonly zone: string | undefined;
  /** Not on mains: it votes only where no other would do as well. */
  readonly isOnBattery: boolean;
  /** It answered lately, and is within reach of the commit index. The coordinator is. */
  readonly isReady: boolean;
  /** A broker has it as connected: a hint, which decides whom to ask. */
  readonly isPresent: boolean;
  /** Here long enough to take the place of another. */
  readonly isSteady: boolean;
  /** Of a voter: silent for so long that another should vote instead. */
  readonly isAbsent: boolean;
}

export interface VoterSituation {
  /** The coordinator: it never plans to leave itself out. */
  readonly self: MemberKey;
  /** All members of the site that are to stay, in the order in which they joined. */
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
  const known = new Map(candidates.map((candidate) => [candidate.member, candidate]));
  const target = targetNumber(candidates.length, wanted);
  const next = voters.filter((voter) => known.has(voter));
  while (next.length > target) leaveOut(situation, next);
  replaceAbsent(situation, next);
  fill(situation, next, target);
  // An even number costs a vote and gains nothing.
  if (next.length % 2 === 0 && next.length > 0) leaveOut(situation, next);
  if (isSame(next, voters)) spread(situation, next);
  if (isSame(next, voters)) preferMains(situation, next);
  const ready = next.filter((member) => known.get(member)?.isReady === true);
  // A change that a majority of the new voters cannot carry would block the site.
  if (2 * ready.length <= next.length || isSame(next, voters)) return undefined;
  return next;
}

/** Members to ask how far they are, because one of them may be wanted. */
export function membersToProbe(situation: VoterSituation): readonly MemberKey[] {
  const { candidates, voters, wanted } = situation;
  const asked = candidates.map((candidate) => ({ ...candidate, isReady: candidate.isReady || candidate.isPresent }));
  const isWanted = new Set(planVoters({ ...situation, candidates: asked }));
  const missing = Math.max(0, targetNumber(candidates.length, wanted) - voters.length);
  const wantedOnes = candidates.filter(({ member }) => isWanted.has(member) && !voters.includes(member));
  if (wantedOnes.length === 0) return [];
  // One of them may not answer: another is asked as well for each that is missing.
  const taken = [...voters, ...wantedOnes.map(({ member }) => member)];
  const others = bestOfSpread(missing, asked, taken, zonesOf(candidates));
  return [...wantedOnes, ...others].map(({ member }) => member);
}

function fill({ candidates }: VoterSituation, next: MemberKey[], target: number): void {
  const zones = zonesOf(candidates);
  for (const fit of [candidates.filter(({ isSteady }) => isSteady), candidates]) {
    for (const { member } of bestOfSpread(target - next.length, fit, next, zones)) next.push(member);
  }
}

function replaceAbsent({ self, candidates }: VoterSituation, next: MemberKey[]): void {
  const steady = candidates.filter(({ isSteady }) => isSteady);
  for (const { member, isAbsent } of candidates) {
    const place = next.indexOf(member);
    if (!isAbsent || member === self || place < 0) continue;
    next.splice(place, 1);
    const [heir] = bestOfSpread(1, steady, [...next, member], zonesOf(candidates), member);
    next.splice(place, 0, heir?.member ?? member);
  }
}

/** One voter of the fullest zone makes room for one of a zone that has at least two fewer. */
function spread({ self, candidates }: VoterSituation, next: MemberKey[]): void {
  const zones = zonesOf(candidates);
  const counts = countByZone(next, zones);
  const steady = candidates.filter(({ isSteady, zone }) => isSteady && zone !== undefined);
  const [best] = bestOfSpread(1, steady, next, zones);
  if (best === undefined) return;
  const crowd = crowding(candidates, counts);
  const least = (counts.get(best.zone) ?? 0) + 2;
  const leaving = next
    .filter((voter) => voter !== self && zones.get(voter) !== undefined && (counts.get(zones.get(voter)) ?? 0) >= least)
    .toSorted((a, b) => crowd(b) - crowd(a))[0];
  if (leaving !== undefined) next.splice(next.indexOf(leaving), 1, best.member);
}

/**
 * One voter on battery makes room for one on mains, if the spread over zones gets no worse. It comes to an end: `spread` makes the
 * spread better each time, and this makes fewer voters on battery and never the spread worse.
 */
function preferMains({ self, candidates }: VoterSituation, next: MemberKey[]): void {
  const zones = zonesOf(candidates);
  const counts = countByZone(next, zones);
  const mains = candidates.filter(({ isSteady, isOnBattery }) => isSteady && !isOnBattery);
  for (const { member, zone, isOnBattery } of candidates) {
    const place = next.indexOf(member);
    if (!isOnBattery || member === self || place < 0) continue;
    const [best] = bestOfSpread(1, mains, next, zones, member);
    if (best === undefined) return;
    if (best.zone !== zone && (counts.get(best.zone) ?? 0) >= (counts.get(zone) ?? 0)) continue;
    next.splice(place, 1, best.member);
    return;
  }
}

function leaveOut(situation: VoterSituation, next: MemberKey[]): void {
  next.splice(next.indexOf(leftOut(situation, next)), 1);
}

/**
 * The newest newcomer; if nobody is new, a voter that does not answer; if all do, the last of the fullest zone, one on battery
 * before others. Never the coordinator.
 */
function leftOut({ self, candidates, voters }: VoterSituation, next: readonly MemberKey[]): MemberKey {
  const ready = new Set(candidates.filter(({ isReady }) => isReady).map(({ member }) => member));
  const others = next.filter((member) => member !== self);
  const newest = others.findLast((member) => !voters.includes(member));
  const silent = others.findLast((member) => !ready.has(member));
  if (newest !== undefined || silent !== undefined) return newest ?? silent ?? self;
  const zones = zonesOf(candidates);
  const counts = countByZone(next, zones);
  const crowd = crowding(candidates, counts);
  let choice = self;
  for (const member of others) if (choice === self || crowd(member) >= crowd(choice)) choice = member;
  return choice;
}

/**
 * The first `most` of the ready members that do not vote: of zones with the fewest voters first, on mains before on battery, then in the order of
 * joining. No more of them are put in order: with a thousand members that would hold the loop, twice a second.
 */
function bestOfSpread(
  most: number,
  candidates: readonly VoterCandidate[],
  voters: readonly MemberKey[],
  zones: Zones,
  leaving?: MemberKey,
): VoterCandidate[] {
  const inZone = countByZone(
    voters.filter((voter) => voter !== leaving),
    zones,
  );
  const rank = ({ zone, isOnBattery }: VoterCandidate): number => (inZone.get(zone) ?? 0) + (isOnBattery ? 0.5 : 0);
  const left = candidates.filter(({ member, isReady }) => isReady && !voters.includes(member));
  const ordered: VoterCandidate[] = [];
  while (left.length > 0 && ordered.length < most) {
    const chosen = left.reduce((best, one) => (rank(one) < rank(best) ? one : best));
    left.splice(left.indexOf(chosen), 1);
    inZone.set(chosen.zone, (inZone.get(chosen.zone) ?? 0) + 1);
    ordered.push(chosen);
  }
  return ordered;
}

type Zones = ReadonlyMap<MemberKey, string | undefined>;

function zonesOf(candidates: readonly VoterCandidate[]): Zones {
  return new Map(candidates.map(({ member, zone }) => [member, zone]));
}

function countByZone(voters: readonly MemberKey[], zones: Zones): Map<string | undefined, number> {
  const counts = new Map<string | undefined, number>();
  for (const voter of voters) counts.set(zones.get(voter), (counts.get(zones.get(voter)) ?? 0) + 1);
  return counts;
}

/** How many voters a voter's zone has; of two in equal zones the one on battery has the more. */
function crowding(
  candidates: readonly VoterCandidate[],
  counts: ReadonlyMap<string | undefined, number>,
): (voter: MemberKey) => number {
  const known = new Map(candidates.map((candidate) => [candidate.member, candidate]));
  return (voter) => (counts.get(known.get(voter)?.zone) ?? 0) + (known.get(voter)?.isOnBattery === true ? 0.5 : 0);
}

const isSame = (one: readonly MemberKey[], other: readonly MemberKey[]): boolean =>
  one.length === other.length && one.every((member) => other.includes(member));
