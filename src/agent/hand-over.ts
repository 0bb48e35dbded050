// To whom a coordinator hands over, and how: when its agent is stopped, when it has no uplink, when a person says so.

import { type MemberKey, memberOf } from "../base/ids.ts";
import type { Clock } from "../base/ports/clock.ts";
import type { Logger } from "../base/ports/logger.ts";
import type { FollowerStatus, RaftStatus, RaftTiming, TransferOutcome } from "../raft/types.ts";
import { isVoter } from "../raft/voters.ts";

/** What is asked of the replica. */
export interface HandOverDoor {
  status(): RaftStatus;
  transferLeadership(to: MemberKey, done: (outcome: TransferOutcome) => void): void;
}

export class HandOver {
  readonly #ports: { readonly clock: Clock; readonly logger: Logger };
  readonly #self: MemberKey;
  readonly #timing: RaftTiming;
  readonly #replica: HandOverDoor;

  constructor(
    ports: { readonly clock: Clock; readonly logger: Logger },
    options: { readonly self: MemberKey; readonly timing: RaftTiming },
    replica: HandOverDoor,
  ) {
    this.#ports = ports;
    this.#self = options.self;
    this.#timing = options.timing;
    this.#replica = replica;
  }

  /** Of the voters that were heard lately the one with the longest log; undefined: there is no other. */
  best(): MemberKey | undefined {
    let best: FollowerStatus | undefined;
    for (const voter of this.#others()) if (best === undefined || voter.match > best.match) best = voter;
    return best?.member;
  }

  /** Of the voters that were heard lately the next one by name, round and round: each comes to it. */
  next(): MemberKey | undefined {
    const names = this.#others()
      .map(({ member }) => member)
      .sort((a, b) => (a < b ? -1 : 1));
    return names.find((name) => name > this.#self) ?? names[0];
  }

  to(member: MemberKey, why: string, done: (outcome: TransferOutcome) => void): void {
    const { logger } = this.#ports;
    const to = memberOf(member).device;
    logger.info({ to, why }, "handing over");
    this.#replica.transferLeadership(member, (outcome) => {
      logger.info({ to, outcome }, "handing over ended");
      done(outcome);
    });
  }

  /** This device is about to stop. Resolves when another leads, or after one election timeout: then the others elect one. */
  retire(): Promise<void> {
    const to = this.best();
    if (to === undefined || !this.#replica.status().hasAuthority) return Promise.resolve();
    return new Promise((resolve) => {
      const late = this.#ports.clock.after(this.#timing.electionTimeoutMin, "hand over", resolve);
      this.to(to, "this agent is being stopped", () => {
        late.cancel();
        resolve();
      });
    });
  }

  #others(): FollowerStatus[] {
    const { followers, voters } = this.#replica.status();
    const recent = this.#timing.electionTimeoutMin / 2;
    return followers.filter(
      ({ member, silentFor }) => isVoter(voters, member) && silentFor !== undefined && silentFor < recent,
    );
  }
}
