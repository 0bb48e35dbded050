// The device's side of joining: ask the coordinator that is heard, until the own copy of the member table shows this session;
// and watch the table from then on, because what it says of this device may change.

import type { DeviceId, Incarnation, MemberKey } from "../base/ids.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import type { Random } from "../base/ports/random.ts";
import { type Duration, milliseconds, seconds } from "../base/units.ts";
import type { JoinRefusedMessage } from "../mqtt/site-codec.ts";
import type { JoinRequest } from "../site/types.ts";
import type { Run } from "./own-past.ts";

export interface JoiningDoor {
  leader(): MemberKey | undefined;
  /** What the own copy of the member table says of this device. */
  known(): (Run & { readonly incarnation: Incarnation }) | undefined;
  /** The incarnations whose readings this device still has, to be counted on from where they stopped; newest first. */
  was(): readonly Incarnation[];
  ask(leader: MemberKey, request: JoinRequest): void;
  /** This incarnation cannot go on: it was removed while it was away. */
  pastIsNotMine(detail: string): void;
  /** Another run of this data directory is known, or more than the card holds: it was copied, or went back. */
  wentBack(other: Run, detail: string): void;
  /** Somebody else counts the readings of `was` on: here they can only be set aside. */
  readingsAreNotMine(detail: string): void;
  /** The site goes on without this incarnation, which was a member in this very session. */
  removed(detail: string): void;
}

export type JoinState = "waiting-for-coordinator" | "asking" | "refused" | "joined" | "removed";

const firstWait = milliseconds(300);
const longestWait = seconds(10);

/** What an incarnation is told that is no member any more. `isReplaced`: by another one of its device. */
export const removalDetail = (device: DeviceId, isReplaced: boolean): string =>
  isReplaced
    ? `another copy of ${device} has taken this one's place; stop one of the two, and restart the other`
    : `${device} was removed from the site; restart it if it should join again`;

export class Joining {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #request: Omit<JoinRequest, "was">;
  readonly #door: JoiningDoor;
  #timer: Timer | undefined;
  #wait: Duration = firstWait;
  #hasAsked = false;
  #isOver = false;
  #state: JoinState = "waiting-for-coordinator";
  #refusal: string | undefined;

  constructor(ports: { clock: Clock; random: Random }, request: Omit<JoinRequest, "was">, door: JoiningDoor) {
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
    if (this.#state === "refused" || this.#state === "removed") return this.#refusal;
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
    if (this.#isOver) return;
    if (this.#state !== "joined") this.#isJoined();
    else this.#isStillMember();
  }

  /** The coordinator's answer where it is no. It is asked again all the same: what stood in the way may go. */
  refused(reason: JoinRefusedMessage["reason"], detail: string): void {
    if (this.#isOver || !this.#hasAsked) return;
    if (this.#state === "joined") {
      // Removed while it was away: nobody answers its questions for what it missed, so its own copy never shows it.
      if (reason === "gone-origin") this.#endAsRemoved(detail);
      return;
    }
    this.#state = "refused";
    this.#refusal = detail;
    if (reason === "gone-origin") this.#end(() => this.#door.pastIsNotMine(detail));
    if (reason === "stale-session" || reason === "went-back")
      this.#end(() => this.#door.wentBack(this.#door.known() ?? this.#request, detail));
    if (reason === "heir-exists") this.#end(() => this.#door.readingsAreNotMine(detail));
  }

  stop(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #attempt(): void {
    if (this.#isOver || this.#isJoined()) return;
    const leader = this.#door.leader();
    if (leader !== undefined) {
      this.#hasAsked = true;
      if (this.#state !== "refused") this.#state = "asking";
      this.#door.ask(leader, { ...this.#request, was: this.#door.was() });
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
    if (this.#isOther(known)) {
      this.#endAsCopy(known);
      return true;
    }
    this.#state = "joined";
    this.#timer?.cancel();
    return true;
  }

  #isStillMember(): void {
    const known = this.#door.known();
    const { device, incarnation } = this.#request;
    if (known?.incarnation === incarnation) {
      if (this.#isOther(known)) this.#endAsCopy(known);
      return;
    }
    this.#endAsRemoved(removalDetail(device, known !== undefined));
  }

  #isOther(known: Run): boolean {
    const { session, start } = this.#request;
    return known.session > session || (known.session === session && known.start !== start);
  }

  #endAsRemoved(detail: string): void {
    this.#state = "removed";
    this.#refusal = detail;
    this.#end(() => this.#door.removed(detail));
  }

  #endAsCopy(known: Run): void {
    this.#end(() => this.#door.wentBack(known, `the site knows session ${known.session} of this device`));
  }

  #end(tell: () => void): void {
    this.stop();
    tell();
  }
}
