// The coordinator's side of joining (PROTOCOLS, "Joining, incarnations, bootstrap").
//
// A join is answered by the log alone: the device repeats it until its own copy of the member table shows it. A new
// incarnation replaces the old one in one entry; if the old one was a voter, a joint change removes it first.

import type { DeviceId, MemberKey } from "../base/ids.ts";
import { memberKey } from "../base/ids.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import { between, type Instant, milliseconds, seconds } from "../base/units.ts";
import type { JoinRequest } from "../site/types.ts";

/** What admission asks of the coordinator around it. */
export interface AdmissionDoor {
  /** The device's entry in the member table. */
  member(device: DeviceId): { readonly member: MemberKey; readonly session: number } | undefined;
  /** When a frame of this very incarnation was last heard. */
  lastHeard(member: MemberKey): Instant | undefined;
  isVoter(member: MemberKey): boolean;
  /** Begins a joint change to the voters without `member`. */
  demote(member: MemberKey): void;
  /** `refused`: all or none were admitted, and it was none. */
  propose(joins: readonly JoinRequest[], refused: () => void): void;
  refuse(to: MemberKey, reason: "id-in-use", detail: string): void;
}

/** Several joins that come together cost one entry. */
const gatherFor = milliseconds(50);
/** An incarnation heard within this time is alive: two copies of one device run. */
const aliveFor = seconds(5);

export class Admission {
  readonly #clock: Clock;
  readonly #door: AdmissionDoor;
  readonly #gathered = new Map<DeviceId, JoinRequest>();
  #timer: Timer | undefined;

  constructor(clock: Clock, door: AdmissionDoor) {
    this.#clock = clock;
    this.#door = door;
  }

  /** `request` came from the device itself. Repeats are harmless. */
  asked(request: JoinRequest): void {
    const self = memberKey(request);
    const known = this.#door.member(request.device);
    if (known?.member === self && known.session >= request.session) return;
    if (known !== undefined && known.member !== self) {
      const heard = this.#door.lastHeard(known.member);
      if (heard !== undefined && between(heard, this.#clock.now()) < aliveFor) {
        const detail = `another copy of ${request.device} (${known.member}) is running; stop one of the two`;
        this.#door.refuse(self, "id-in-use", detail);
        return;
      }
      if (this.#door.isVoter(known.member)) {
        this.#door.demote(known.member);
        return; // the device asks again, and by then the old incarnation votes no more
      }
    }
    this.#gathered.set(request.device, request);
    this.#timer ??= this.#clock.after(gatherFor, "joins", () => this.#propose());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#gathered.clear();
  }

  #propose(): void {
    this.#timer = undefined;
    const joins = [...this.#gathered.values()];
    this.#gathered.clear();
    if (joins.length === 0) return;
    this.#door.propose(joins, () => {
      // One of several that cannot be admitted must not keep the others out.
      if (joins.length > 1) for (const join of joins) this.#door.propose([join], () => undefined);
    });
  }
}
