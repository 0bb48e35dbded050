// The device's side of joining: ask the coordinator that is heard, until the own copy of the member table shows this session.

import type { Incarnation, MemberKey } from "../base/ids.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Random } from "../base/ports/random.ts";
import { type Duration, milliseconds, seconds } from "../base/units.ts";
import type { JoinRequest } from "../site/types.ts";

export interface JoiningDoor {
  leader(): MemberKey | undefined;
  /** What the own copy of the member table says of this device. */
  known(): { readonly incarnation: Incarnation; readonly session: number } | undefined;
  ask(leader: MemberKey, request: JoinRequest): void;
  /** The table knew this session, or a later one, before this device asked: its data directory is a copy, or went back. */
  pastIsNotMine(detail: string): void;
}

export type JoinState = "waiting-for-coordinator" | "asking" | "refused" | "joined";

const firstWait = milliseconds(300);
const longestWait = seconds(10);

export class Joining {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #request: JoinRequest;
  readonly #door: JoiningDoor;
  #timer: Timer | undefined;
  #wait: Duration = firstWait;
  #hasAsked = false;
  #state: JoinState = "waiting-for-coordinator";
  #refusal: string | undefined;

  constructor(ports: { clock: Clock; random: Random }, request: JoinRequest, door: JoiningDoor) {
    this.#clock = ports.clock;
    this.#random = ports.random;
    this.#request = request;
    this.#door = door;
  }

  get state(): JoinState {
    return this.#state;
  }

  /** What this device waits for, in words; undefined once it is a member. */
  get waitsFor(): string | undefined {
    if (this.#state === "joined") return undefined;
    if (this.#state === "refused") return this.#refusal;
    return this.#state === "asking"
      ? "asked the coordinator to join; waiting for the member table to show it"
      : "waiting to hear a coordinator; if this device should found the site, start it once with --found";
  }

  /** Idempotent. */
  start(): void {
    this.#timer ??= this.#clock.after(milliseconds(0), "join", () => this.#attempt());
  }

  /** The member table, the coordinator or the own copy changed. */
  look(): void {
    if (this.#state !== "joined") this.#isJoined();
  }

  refused(detail: string): void {
    if (this.#state === "joined") return;
    this.#state = "refused";
    this.#refusal = detail;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #attempt(): void {
    if (this.#isJoined()) return;
    const leader = this.#door.leader();
    if (leader !== undefined) {
      this.#hasAsked = true;
      if (this.#state !== "refused") this.#state = "asking";
      this.#door.ask(leader, this.#request);
      this.#wait = milliseconds(Math.min(longestWait, this.#wait * 2));
    } else {
      this.#wait = firstWait;
    }
    const wait = milliseconds(this.#wait * (0.5 + this.#random.fraction()));
    this.#timer = this.#clock.after(wait, "join", () => this.#attempt());
  }

  #isJoined(): boolean {
    const known = this.#door.known();
    const { incarnation, session } = this.#request;
    if (known === undefined || known.incarnation !== incarnation || known.session < session) return false;
    if (!this.#hasAsked || known.session > session) {
      this.#timer?.cancel();
      this.#door.pastIsNotMine(
        `the site knows session ${known.session} of this device, and this is session ${session}`,
      );
      return true;
    }
    this.#state = "joined";
    this.#timer?.cancel();
    return true;
  }
}
