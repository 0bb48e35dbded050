// A client's proposal, from any member: forwarded to the coordinator and repeated under the same session and serial until its
// outcome is known or the time is up. A time-out means unknown, never failed (RAFT-CASES 38).

import type { MemberKey } from "../base/ids.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Random } from "../base/ports/random.ts";
import { type Duration, milliseconds } from "../base/units.ts";
import type { ClientSerial } from "../site/types.ts";
import type { ProposalResult } from "./waiting-proposals.ts";

export type SubmissionResult = Exclude<ProposalResult, { kind: "not-leader" | "busy" }>;

interface Submission {
  readonly client: ClientSerial;
  readonly command: Uint8Array;
  readonly done: (result: SubmissionResult) => void;
  readonly deadline: Timer;
  retry: Timer | undefined;
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
  /** Two may have one session and serial: a client asked twice, and both wait for the one outcome. */
  readonly #open = new Set<Submission>();
  #isStopped = false;

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
    if (this.#isStopped) {
      done({ kind: "unknown" });
      return;
    }
    const deadline = this.#clock.after(within, "submission's deadline", () =>
      this.#finish(submission, { kind: "unknown" }),
    );
    const submission: Submission = { client, command, done, deadline, retry: undefined };
    this.#open.add(submission);
    this.#attempt(submission);
  }

  /** The answer of the member that a proposal was forwarded to. */
  answered({ session, serial }: ClientSerial, result: ProposalResult): void {
    for (const submission of [...this.#open]) {
      const { client } = submission;
      if (client.session === session && client.serial === serial) this.#settle(submission, result);
    }
  }

  stop(): void {
    this.#isStopped = true;
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
    submission.retry?.cancel();
    const wait = milliseconds(delay * (0.5 + this.#random.fraction()));
    submission.retry = this.#clock.after(wait, "submission", () => this.#attempt(submission));
  }

  #finish(submission: Submission, result: SubmissionResult): void {
    submission.deadline.cancel();
    submission.retry?.cancel();
    if (this.#open.delete(submission)) submission.done(result);
  }
}
