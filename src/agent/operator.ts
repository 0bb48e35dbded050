// What a person asks of the coordinator itself. Every other member answers who that is.

import { SkeinError } from "../base/errors.ts";
import { type DeviceId, isDeviceId, memberOf } from "../base/ids.ts";
import type { TransferOutcome } from "../raft/types.ts";
import type { Coordinator } from "./coordinator.ts";

/** The answer to `coordinator.transfer`. */
export interface TransferAnswer {
  readonly from: DeviceId;
  readonly to: DeviceId;
}

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
  transfer({ to }: Readonly<Record<string, unknown>>): Promise<TransferAnswer> {
    this.#assertCoordinator();
    if (to !== undefined && to !== null && !isDeviceId(to))
      throw new SkeinError("invalid-argument", "to: the name of a device was expected");
    const target = this.#coordinator.successor(isDeviceId(to) ? to : undefined);
    if (target === undefined) {
      const which = isDeviceId(to) ? `${to} is no other voter of this site` : "no other voter was heard lately";
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
