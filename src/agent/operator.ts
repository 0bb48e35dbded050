// What a person asks of the coordinator itself. Every other member answers who that is.

import { SkeinError } from "../base/errors.ts";
import { type DeviceId, isDeviceId, memberOf } from "../base/ids.ts";
import type { TransferOutcome } from "../raft/types.ts";
import { isClientSession, isSerial } from "./api-arguments.ts";
import type { Coordinator } from "./coordinator.ts";

/** The answer to `coordinator.transfer`. */
export interface TransferAnswer {
  readonly from: DeviceId;
  readonly to: DeviceId;
}

/** The answer to `members.remove`: done, or the coordinator was to be removed and has handed over to whom to ask now. */
export type RemoveAnswer =
  | { readonly kind: "removed"; readonly device: DeviceId }
  | { readonly kind: "handed-over"; readonly to: DeviceId };

type Argument = Readonly<Record<string, unknown>>;

const failures: Readonly<Record<Exclude<TransferOutcome, "done">, (to: DeviceId) => SkeinError>> = {
  "not-taken": (to) =>
    new SkeinError(
      "refused",
      `${to} did not take over in time; nothing has changed. Look at it with: skein status ${to}`,
    ),
  unknown: (to) => new SkeinError("timed-out", `Whether ${to} leads now is unknown; \`skein status\` says who does`),
  "not-leader": () => new SkeinError("refused", "This device is not the coordinator any more; ask again"),
  "not-a-voter": (to) =>
    new SkeinError("refused", `${to} is no voter, so it cannot lead; \`skein members\` shows who votes`),
  busy: () =>
    new SkeinError("refused", "A change of the voters or another hand-over is under way; ask again in a moment"),
};

export class Operator {
  readonly #self: DeviceId;
  readonly #coordinator: Coordinator;
  readonly #leader: () => DeviceId | undefined;

  constructor(self: DeviceId, coordinator: Coordinator, leader: () => DeviceId | undefined) {
    this.#self = self;
    this.#coordinator = coordinator;
    this.#leader = leader;
  }

  /** `to`: a device that votes; absent: the best of them. Answers once it leads. */
  transfer({ to }: Argument): Promise<TransferAnswer> {
    this.#assertCoordinator();
    if (to !== undefined && to !== null && !isDeviceId(to))
      throw new SkeinError("invalid-argument", "to: the name of a device was expected");
    return this.#handOver(isDeviceId(to) ? to : undefined);
  }

  /** `device` leaves the site for good. `session` and `serial`: a repeat removes it once, also if it has joined again meanwhile. */
  async remove({ device, session, serial }: Argument): Promise<RemoveAnswer> {
    this.#assertCoordinator();
    if (!isDeviceId(device) || !isClientSession(session) || !isSerial(serial))
      throw new SkeinError(
        "invalid-argument",
        "device (a name), session (32 hex digits) and serial (1, 2, 3 …) are needed",
      );
    if (device === this.#self) {
      const { to } = await this.#handOver(undefined);
      return { kind: "handed-over", to };
    }
    return new Promise((done, failed) => {
      this.#coordinator.remove(device, { session, serial }, (result) => {
        if (result.kind === "done") return done({ kind: "removed", device });
        if (result.kind === "refused") return failed(new SkeinError("refused", `${result.reason}: ${result.detail}`));
        const advice = `Whether ${device} was removed is unknown: \`skein members\` shows it. Is a majority of the voters there?`;
        failed(new SkeinError("timed-out", advice));
      });
    });
  }

  #handOver(to: DeviceId | undefined): Promise<TransferAnswer> {
    const target = this.#coordinator.successor(to);
    if (target === undefined) {
      const which = to === undefined ? "no other voter was heard lately" : `${to} is no other voter of this site`;
      throw new SkeinError(
        "refused",
        `Nobody can take over: ${which}; \`skein members\` shows who votes and who is here`,
      );
    }
    const { device } = memberOf(target);
    return new Promise((done, failed) => {
      this.#coordinator.handOver(target, "a person asked for it", (outcome) => {
        if (outcome === "done") done({ from: this.#self, to: device });
        else failed(failures[outcome](device));
      });
    });
  }

  #assertCoordinator(): void {
    if (this.#coordinator.hasAuthority) return;
    const leader = this.#leader();
    const who = leader === undefined || leader === this.#self ? "nobody is, at the moment" : `${leader} is; ask it`;
    throw new SkeinError("refused", `${this.#self} is not the coordinator: ${who}`);
  }
}
