// Check-quorum by send time (DESIGN §4; RAFT-CASES 44): a leader's authority ends one shortest election timeout after it
// *sent* the newest heartbeat that a quorum has answered. When an answer arrives proves nothing: a frozen broker delivers
// it an hour late, and a paused process reads it 20 s later.

import type { MemberKey } from "../base/ids.ts";
import { between, type Duration, type Instant, instant, type LogIndex, logIndex, shift } from "../base/units.ts";
import type { Voters } from "./types.ts";
import { majorityValue } from "./voters.ts";

/** What this leader knows of one member in this term. Each field only grows. */
export interface Progress {
  match: LogIndex;
  /** The newest beat that it has answered. */
  beat: number;
  /** When that beat, or what else it has answered, was sent. */
  sentAt: Instant;
  /** When its newest answer arrived; for status only. */
  heardAt: Instant | undefined;
}

const never = instant(Number.NEGATIVE_INFINITY);
const always = instant(Number.POSITIVE_INFINITY);

export class QuorumContact {
  readonly #self: MemberKey;
  readonly #memory: Duration;
  readonly #members = new Map<MemberKey, Progress>();
  /** Learners that answer are remembered too, up to this many members in all; a voter always is. */
  readonly #membersMax: number;
  /** `#sent[i]` is when beat `#firstBeat + i` was sent; older ones prove nothing any more. */
  #sent: Instant[] = [];
  #firstBeat = 1;
  #forgetAt = forgetAtLeast;

  constructor(
    self: MemberKey,
    options: { readonly voters: readonly MemberKey[]; readonly memory: Duration; readonly membersMax: number },
  ) {
    this.#self = self;
    this.#memory = options.memory;
    this.#membersMax = options.membersMax;
    for (const voter of options.voters) if (voter !== self) this.#remember(voter);
  }

  get newestBeat(): number {
    return this.#firstBeat + this.#sent.length - 1;
  }

  /** Numbers one more send of this leader in this term. */
  nextBeat(now: Instant): number {
    if (this.#sent.length >= this.#forgetAt) this.#forget(now);
    this.#sent.push(now);
    return this.newestBeat;
  }

  /** `member` has answered something that was sent at `sentAt`: a vote request, or its own admission as a voter. */
  answered(member: MemberKey, sentAt: Instant): void {
    const progress = this.#members.get(member) ?? this.#remember(member);
    progress.sentAt = instant(Math.max(progress.sentAt, sentAt));
  }

  /** False when no such beat was ever sent: then the answer is not for this leader. */
  answeredBeat(member: MemberKey, beat: number, now: Instant): boolean {
    if (beat < 1 || beat > this.newestBeat) return false;
    let progress = this.#members.get(member);
    if (progress === undefined) {
      if (this.#members.size >= this.#membersMax) return true;
      progress = this.#remember(member);
    }
    progress.heardAt = now;
    progress.beat = Math.max(progress.beat, beat);
    const sentAt = this.#sent[beat - this.#firstBeat];
    if (sentAt !== undefined) progress.sentAt = instant(Math.max(progress.sentAt, sentAt));
    return true;
  }

  matched(member: MemberKey, match: LogIndex): void {
    const progress = this.#members.get(member);
    if (progress !== undefined) progress.match = logIndex(Math.max(progress.match, match));
  }

  matchOf(member: MemberKey): LogIndex {
    return this.#members.get(member)?.match ?? logIndex(0);
  }

  /** The newest beat that a quorum has answered; a leader answers itself. */
  quorumBeat(voters: Voters): number {
    return majorityValue(voters, (member) =>
      member === this.#self ? this.newestBeat : (this.#members.get(member)?.beat ?? 0),
    );
  }

  authorityEnds(voters: Voters, timeout: Duration): Instant {
    const newest = majorityValue(voters, (member) =>
      member === this.#self ? always : (this.#members.get(member)?.sentAt ?? never),
    );
    return shift(instant(newest), timeout);
  }

  members(): ReadonlyMap<MemberKey, Progress> {
    return this.#members;
  }

  #remember(member: MemberKey): Progress {
    const progress: Progress = { match: logIndex(0), beat: 0, sentAt: never, heardAt: undefined };
    this.#members.set(member, progress);
    return progress;
  }

  #forget(now: Instant): void {
    let count = 0;
    while (count < this.#sent.length && between(this.#sent[count] as Instant, now) > this.#memory) count += 1;
    this.#sent = this.#sent.slice(count);
    this.#firstBeat += count;
    this.#forgetAt = Math.max(forgetAtLeast, 2 * this.#sent.length);
  }
}

/** Beats that may be remembered before old ones are looked for; then twice what one election timeout saw. */
const forgetAtLeast = 1_024;
