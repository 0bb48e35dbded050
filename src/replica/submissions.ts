// A client's proposal, from any member: forwarded to the coordinator and repeated under the same session and serial until its
// outcome is known or the time is up. A time-out means unknown, never failed (RAFT-CASES 38).

import type { MemberKey } from "../base/ids.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Random } from "../base/ports/random.ts";
import { type Duration, type Instant, milliseconds, shift } from "../base/units.ts";
import type { ClientSerial } from "../site/types.ts";
import type { ProposalResult } from "./waiting-proposals.ts";

export type SubmissionResult = Exclude<ProposalResult, { kind: "not-leader" | "busy" }>;

interface Submission {
  readonly client: ClientSerial;
  readonly command: Uint8Array;
  readonly deadline: Instant;
  readonly done: (result: SubmissionResult) => void;
  /** Something may have been appended somewhere: from here on silence means unknown. */
  timer: Timer | undefined;
}

export interface SubmissionsDoor {
  leader(): MemberKey | undefined;
  isSelf(member: MemberKey): boolean;
  propose(command: Uint8Array, done: (result: ProposalResult) => void): void;
  forward(to: MemberKey, client: ClientSerial, command: Uint8Array): void;
}

const answerWithin = milliseconds(1000);
const retryAfter = milliseconds(100);

export class Submissions {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #door: SubmissionsDoor;
  /** A client that repeats itself before it is answered has several, and each is told. */
  readonly #open = new Set<Submission>();

  constructor(ports: { clock: Clock; random: Random }, door: SubmissionsDoor) {
    this.#clock = ports.clock;
    this.#random = ports.random;
    this.#door = door;
  }

  get count(): number {
    return this.#open.size;
  }

  /** `command`: the encoded proposal, which holds `client` too. `done` is called once, at the latest after `within`. */
  submit(client: ClientSerial, command: Uint8Array, within: Duration, done: (result: SubmissionResult) => void): void {
    const submission: Submission = {
      client,
      command,
      deadline: shift(this.#clock.now(), within),
      done,
      timer: undefined,
    };
    this.#open.add(submission);
    this.#attempt(submission);
  }

  /** The answer of the member that a proposal was forwarded to. */
  answered(client: ClientSerial, result: ProposalResult): void {
    for (const submission of [...this.#open]) {
      const { session, serial } = submission.client;
      if (session === client.session && serial === client.serial) this.#settle(submission, result);
    }
  }

  stop(): void {
    for (const submission of [...this.#open]) this.#finish(submission, { kind: "unknown" });
  }

  #attempt(submission: Submission): void {
    const leader = this.#door.leader();
    if (leader !== undefined && this.#door.isSelf(leader)) {
      this.#door.propose(submission.command, (result) => this.#settle(submission, result));
      return;
    }
    if (leader !== undefined) this.#door.forward(leader, submission.client, submission.command);
    this.#again(submission, leader === undefined ? retryAfter : answerWithin);
  }

  #settle(submission: Submission, result: ProposalResult): void {
    if (!this.#open.has(submission)) return;
    if (result.kind === "done" || result.kind === "refused") this.#finish(submission, result);
    else this.#again(submission, retryAfter);
  }

  #again(submission: Submission, delay: Duration): void {
    submission.timer?.cancel();
    const wait = milliseconds(delay * (0.5 + this.#random.fraction()));
    const isLate = shift(this.#clock.now(), wait) >= submission.deadline;
    const until = isLate ? milliseconds(Math.max(0, submission.deadline - this.#clock.now())) : wait;
    submission.timer = this.#clock.after(until, "submission", () => {
      if (isLate) this.#finish(submission, { kind: "unknown" });
      else this.#attempt(submission);
    });
  }

  #finish(submission: Submission, result: SubmissionResult): void {
    submission.timer?.cancel();
    if (this.#open.delete(submission)) submission.done(result);
  }
}
