// The coordinator keeps the voters: what it sees of the members, the policy, and one change at a time.
//
// A device that a person removes is demoted first, by the same policy: it counts no more among those who are to stay.

import { type DeviceId, type MemberKey, memberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Logger } from "../base/ports/logger.ts";
import { between, type Duration, type Instant, milliseconds, minutes, seconds, shift } from "../base/units.ts";
import type { FollowerStatus } from "../raft/types.ts";
import { allVoters, isVoter } from "../raft/voters.ts";
import type { Replica } from "../replica/replica.ts";
import type { SubmissionResult } from "../replica/submissions.ts";
import type { ClientSerial } from "../site/types.ts";
import { membersToProbe, planVoters, type VoterCandidate, type VoterSituation } from "./voter-policy.ts";
import { VoterSight } from "./voter-sight.ts";

export interface VoterDoor {
  isPresent(device: DeviceId): boolean;
  /** An entry is on its way that may put another incarnation in the place of the one that the member table shows. */
  isJoining(device: DeviceId): boolean;
}

interface Removal {
  readonly client: ClientSerial;
  readonly until: Instant;
  /** One who asked again meanwhile waits for the same outcome. */
  readonly asked: ((result: SubmissionResult) => void)[];
  isProposed: boolean;
}

const lookInterval = milliseconds(500);
/** A member whose answer is older is not promoted. */
const readyWithin = seconds(3);
const readyEntries = 1000;
/** A voter that answers nothing for so long is not here; after `absentAfter` another may vote instead. */
const hereWithin = seconds(5);
const absentAfter = minutes(2);
/** A demotion and an entry; longer than that, no majority takes them. */
const removeWithin = seconds(20);

export class VoterKeeper {
  readonly #ports: { readonly clock: Clock; readonly logger: Logger };
  readonly #self: MemberKey;
  readonly #replica: Replica;
  readonly #door: VoterDoor;
  readonly #removals = new Map<DeviceId, Removal>();
  #sight = new VoterSight();
  /** Since when this coordinator has authority: its memory begins there. */
  #since: Instant | undefined;
  #lookedAt: Instant | undefined;
  #isChanging = false;

  constructor(
    ports: { readonly clock: Clock; readonly logger: Logger },
    self: MemberKey,
    replica: Replica,
    door: VoterDoor,
  ) {
    this.#ports = ports;
    this.#self = self;
    this.#replica = replica;
    this.#door = door;
  }

  /** While it has authority, often. */
  look(): void {
    const now = this.#ports.clock.now();
    this.#since ??= now;
    if (this.#lookedAt !== undefined && between(this.#lookedAt, now) < lookInterval) return;
    const { commit } = this.#replica.status();
    if (this.#replica.appliedIndex < commit) return; // who is a member is not known before
    this.#lookedAt = now;
    this.#observe(now);
    const situation = this.#situation(now);
    const next = planVoters(situation);
    if (next !== undefined) this.change(next);
    for (const member of membersToProbe(situation)) this.#replica.probe(member);
    this.#remove(now);
  }

  /** It has authority no more. Idempotent. */
  end(): void {
    this.#sight = new VoterSight();
    this.#since = undefined;
    this.#lookedAt = undefined;
    this.#isChanging = false;
    for (const removal of this.#removals.values()) if (!removal.isProposed) answer(removal, { kind: "unknown" });
    this.#removals.clear();
  }

  change(voters: readonly MemberKey[]): void {
    if (voters.length === 0 || this.#isChanging) return;
    this.#isChanging = true;
    this.#ports.logger.info({ voters }, "changing the voters");
    this.#replica.changeVoters(voters, () => {
      this.#isChanging = false;
    });
  }

  voters(): readonly MemberKey[] {
    const { voters } = this.#replica.status();
    return voters.incoming ?? voters.current;
  }

  /** Without `member`, and again an odd number: with the best of the others, or with one less. */
  without(member: MemberKey): readonly MemberKey[] {
    const { candidates, voters, ...rest } = this.#situation(this.#ports.clock.now());
    const others = candidates.filter((candidate) => candidate.member !== member);
    const kept = voters.filter((voter) => voter !== member);
    return planVoters({ ...rest, candidates: others, voters: kept }) ?? kept;
  }

  /**
   * A person removes `device` for good: demoted first where it votes, then struck off the member table. `done` is called once.
   * Not this device itself: it hands over first.
   */
  remove(device: DeviceId, client: ClientSerial, done: (result: SubmissionResult) => void): void {
    const open = this.#removals.get(device);
    if (open !== undefined) {
      open.asked.push(done);
      return;
    }
    if (this.#removals.size >= limits.apiQuestions) {
      done({ kind: "unknown" });
      return;
    }
    const until = shift(this.#ports.clock.now(), removeWithin);
    this.#removals.set(device, { client, until, asked: [done], isProposed: false });
    this.#lookedAt = undefined;
  }

  #remove(now: Instant): void {
    const { voters, isVotersCommitted } = this.#replica.status();
    for (const [device, removal] of this.#removals) {
      if (removal.isProposed) continue;
      const isVoting = allVoters(voters).some((voter) => voter.startsWith(`${device}@`));
      if (isVoting || !isVotersCommitted) {
        if (now < removal.until) continue;
        this.#removals.delete(device);
        answer(removal, { kind: "unknown" });
        continue;
      }
      removal.isProposed = true;
      this.#replica.submit(removal.client, { kind: "remove", device }, removeWithin, (result) => {
        if (this.#removals.get(device) === removal) this.#removals.delete(device);
        answer(removal, result);
      });
    }
  }

  #observe(now: Instant): void {
    const { followers, voters } = this.#replica.status();
    const silences = new Map(followers.map(({ member, silentFor }) => [member, silentFor]));
    const sightings = [...this.#replica.state.members.values()].map((known) => {
      const member = memberKey(known);
      const silence = silences.get(member);
      const isAnswering =
        member === this.#self || !isVoter(voters, member) || (silence !== undefined && silence < hereWithin);
      return { member, session: known.session, isHere: isAnswering && this.#door.isPresent(known.device) };
    });
    this.#sight.look(sightings, now);
  }

  #situation(now: Instant): VoterSituation {
    const { state } = this.#replica;
    const { followers, commit } = this.#replica.status();
    const byMember = new Map(followers.map((follower) => [follower.member, follower]));
    const voters = this.voters();
    const candidates: VoterCandidate[] = [];
    for (const known of state.members.values()) {
      const member = memberKey(known);
      if (this.#removals.has(known.device)) continue;
      const follower = byMember.get(member);
      const isSelf = member === this.#self;
      const configured = state.configuration.devices.get(known.device);
      // Whoever is promoted must be a member still when it votes.
      const isLeaving = !voters.includes(member) && this.#door.isJoining(known.device);
      candidates.push({
        member,
        zone: configured?.zone,
        isOnBattery: configured?.power === "battery",
        isReady: isSelf || (isReady(follower, commit) && !isLeaving),
        isPresent: this.#door.isPresent(known.device) && !isLeaving,
        isSteady: this.#sight.isSteady(member, now),
        isAbsent: !isSelf && voters.includes(member) && this.#silence(follower, now) >= absentAfter,
      });
    }
    return { self: this.#self, candidates, voters, wanted: state.configuration.settings.voters };
  }

  /** Nothing before this term counts: one that never answered in it is silent since it began. */
  #silence(follower: FollowerStatus | undefined, now: Instant): Duration {
    return follower?.silentFor ?? between(this.#since ?? now, now);
  }
}

function answer({ asked }: Removal, result: SubmissionResult): void {
  for (const done of asked) done(result);
}

/** It answered lately and is within reach of the commit index: as a voter it would not hold the others up. */
export function isReady(follower: Pick<FollowerStatus, "match" | "silentFor"> | undefined, commit: number): boolean {
  if (follower?.silentFor === undefined) return false;
  return follower.silentFor < readyWithin && follower.match + readyEntries >= commit;
}
