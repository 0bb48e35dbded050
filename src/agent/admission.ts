// The coordinator's side of joining (PROTOCOLS, "Joining, incarnations, bootstrap").
//
// A join is answered by the log alone: the device repeats it until its own copy of the member table shows it. A new
// incarnation replaces the old one in one entry; if the old one was a voter, a joint change removes it first. But only once
// the old one is silent, which it is asked first (`signs-of-life.ts`). What is refused is said.

import { type DeviceId, type MemberKey, memberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import { milliseconds } from "../base/units.ts";
import type { Began, JoinRefusedMessage } from "../mqtt/site-codec.ts";
import type { JoinRequest, RefusalReason } from "../site/types.ts";
import type { Run } from "./own-past.ts";
import { SignsOfLife, type SignsOfLifeDoor } from "./signs-of-life.ts";

/** What admission asks of the coordinator around it. */
export interface AdmissionDoor extends SignsOfLifeDoor {
  /** The device's entry in the member table. */
  member(device: DeviceId): (Run & { readonly member: MemberKey }) | undefined;
  isSelf(device: DeviceId): boolean;
  /** Why this run of a member cannot be what promised more before; undefined: it can. */
  contradiction(request: JoinRequest, began: Began): string | undefined;
  isVoter(member: MemberKey): boolean;
  /** Begins a joint change to the voters without `member`. */
  demote(member: MemberKey): void;
  /** `refused`: all or none were admitted, and it was none. */
  propose(joins: readonly JoinRequest[], refused: (reason: RefusalReason, detail: string) => void): void;
  refuse(to: MemberKey, reason: JoinRefusedMessage["reason"], detail: string): void;
}

/** Several joins that come together cost one entry. */
const gatherFor = milliseconds(50);

export class Admission {
  readonly #clock: Clock;
  readonly #door: AdmissionDoor;
  readonly #gathered = new Map<DeviceId, JoinRequest>();
  readonly #signsOfLife: SignsOfLife;
  #timer: Timer | undefined;

  constructor(clock: Clock, door: AdmissionDoor) {
    this.#clock = clock;
    this.#door = door;
    this.#signsOfLife = new SignsOfLife(clock, door);
  }

  /** `request` came from the device itself. Repeats are harmless. */
  asked(request: JoinRequest, began: Began): void {
    const self = memberKey(request);
    const known = this.#door.member(request.device);
    if (known?.member === self) {
      if (known.start === request.start) return;
      if (this.#isRefused(self, known, request, began)) return;
    }
    if (known !== undefined && known.member !== self) {
      switch (this.#door.isSelf(request.device) ? "alive" : this.#signsOfLife.of(known.member)) {
        case "alive": {
          const detail = `another copy of ${request.device} (${known.member}) is running; stop one of the two`;
          this.#door.refuse(self, "id-in-use", detail);
          return;
        }
        case "unknown":
          return; // the device asks again, and by then it is known
        case "silent":
      }
      if (this.#door.isVoter(known.member)) {
        this.#door.demote(known.member);
        return; // the device asks again, and by then the old incarnation votes no more
      }
    }
    if (this.#gathered.size >= limits.members) return; // it asks again
    this.#gathered.set(request.device, request);
    this.#timer ??= this.#clock.after(gatherFor, "joins", () => this.#propose());
  }

  /** The same incarnation comes with another run: it was started again, or the card was copied or written back. */
  #isRefused(self: MemberKey, known: Run, request: JoinRequest, began: Began): boolean {
    if (request.session <= known.session) {
      const detail = `the site knows session ${known.session} of this device, and this is session ${request.session}`;
      this.#door.refuse(self, "stale-session", detail);
      return true;
    }
    const contradiction = this.#door.contradiction(request, began);
    if (contradiction === undefined) return false;
    this.#door.refuse(self, "went-back", `an older state was written back: ${contradiction}`);
    return true;
  }

  /** An entry that may replace this device's incarnation is about to be proposed. */
  isGathering(device: DeviceId): boolean {
    return this.#gathered.has(device);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#gathered.clear();
    this.#signsOfLife.stop();
  }

  #propose(): void {
    this.#timer = undefined;
    const joins = [...this.#gathered.values()].slice(0, limits.joinsInEntry);
    for (const { device } of joins) this.#gathered.delete(device);
    if (joins.length === 0) return;
    if (this.#gathered.size > 0) this.#timer = this.#clock.after(gatherFor, "joins", () => this.#propose());
    this.#door.propose(joins, (reason, detail) => {
      const [only] = joins;
      if (joins.length === 1 && only !== undefined) this.#door.refuse(memberKey(only), reason, detail);
      // One of several that cannot be admitted must not keep the others out.
      else for (const join of joins) this.#proposeAlone(join);
    });
  }

  #proposeAlone(join: JoinRequest): void {
    this.#door.propose([join], (reason, detail) => this.#door.refuse(memberKey(join), reason, detail));
  }
}
