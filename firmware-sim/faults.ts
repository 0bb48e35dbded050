// Faults by script: `--fault 20s:kill-coordinator`, any number of times. What a fault is, how it is written, and when it is due.

import { formatDuration, parseDuration } from "../src/base/duration-text.ts";
import { SkeinError } from "../src/base/errors.ts";
import { type DeviceId, isDeviceId } from "../src/base/ids.ts";
import { type Duration, milliseconds } from "../src/base/units.ts";

/** What each kind does, for the help; `device`: whether one may or must be named. */
export const faultKinds = {
  "kill-coordinator": { device: "none", does: "cut the coordinator's power; it starts again after --restart-after" },
  kill: {
    device: "optional",
    does: "cut the power of a device (of a random follower, if none is named); it starts again",
  },
  crash: { device: "optional", does: "as kill, but it stays off until `restart` or until the sensors fall silent" },
  restart: { device: "needed", does: "stop a running device in good order and start it again; start one that is off" },
  "stop-broker": {
    device: "none",
    does: "stop the embedded broker until `start-broker` or until the sensors fall silent",
  },
  "start-broker": { device: "none", does: "start the embedded broker again on the same port" },
} as const;

export type FaultKind = keyof typeof faultKinds;

export interface Fault {
  /** From the moment at which the site is complete. */
  readonly at: Duration;
  readonly kind: FaultKind;
  readonly device: DeviceId | undefined;
}

/** One fault as the report tells it. */
export interface InjectedFault {
  /** Milliseconds from the moment at which the site was complete. */
  readonly at: number;
  readonly kind: FaultKind;
  readonly device: DeviceId | undefined;
}

/** `AT:KIND` or `AT:KIND:DEVICE`. Fails with `invalid-argument`, saying what would be right. */
export function parseFault(text: string): Fault {
  const [at, kind, device, ...rest] = text.split(":");
  const wrong = (what: string): SkeinError =>
    new SkeinError(
      "invalid-argument",
      `--fault ${text}: ${what}. Write AT:KIND or AT:KIND:DEVICE, e.g. 20s:kill-coordinator or 30s:kill:pi-07`,
    );
  if (at === undefined || kind === undefined || rest.length > 0) throw wrong("expected one or two colons");
  const due = parseDuration(at, `--fault ${text}`);
  if (!isFaultKind(kind))
    throw wrong(`there is no fault ${JSON.stringify(kind)}; there are ${Object.keys(faultKinds).join(", ")}`);
  if (device === undefined) {
    if (faultKinds[kind].device === "needed") throw wrong(`${kind} needs a device`);
    return { at: due, kind, device: undefined };
  }
  if (faultKinds[kind].device === "none") throw wrong(`${kind} takes no device`);
  if (!isDeviceId(device)) throw wrong(`${JSON.stringify(device)} is not a device`);
  return { at: due, kind, device };
}

export function formatFault({ at, kind, device }: Fault): string {
  return [formatDuration(at), kind, ...(device === undefined ? [] : [device])].join(":");
}

const isFaultKind = (text: string): text is FaultKind => Object.hasOwn(faultKinds, text);

/** Checked before anything starts. Fails with `invalid-argument`. */
export function checkFaults(
  faults: readonly Fault[],
  site: { devices: ReadonlySet<string>; duration: Duration | undefined; hasOwnBroker: boolean },
): void {
  for (const fault of faults) {
    const complain = (what: string): never => {
      throw new SkeinError("invalid-argument", `--fault ${formatFault(fault)}: ${what}`);
    };
    if (site.duration !== undefined && fault.at >= site.duration) {
      complain(`the run ends at ${formatDuration(site.duration)}; name an earlier moment or a longer --duration`);
    }
    if (fault.device !== undefined && !site.devices.has(fault.device)) {
      complain(
        `there is no device ${fault.device}; the devices are ${[...site.devices][0]} to ${[...site.devices].at(-1)}`,
      );
    }
    if (!site.hasOwnBroker && fault.kind.endsWith("-broker")) {
      complain("the broker given by --broker is not ours to stop; leave --broker out");
    }
  }
}

/**
 * Which faults are due and not yet injected. One that is not possible at its moment (nobody leads, the device is off already)
 * stays due until it is; those of which that never came true are left over, and the run fails by their names.
 */
export class FaultSchedule {
  #waiting: readonly Fault[];
  readonly #injected: InjectedFault[] = [];

  constructor(faults: readonly Fault[]) {
    this.#waiting = [...faults].sort((a, b) => a.at - b.at);
  }

  /** `inject` answers which device it hit, `undefined` if none can be hit, and false if it was not possible now. */
  run(passed: Duration, inject: (fault: Fault) => DeviceId | undefined | false): void {
    const waiting: Fault[] = [];
    for (const fault of this.#waiting) {
      const hit = fault.at <= passed ? inject(fault) : false;
      if (hit === false) waiting.push(fault);
      else this.record({ at: passed, kind: fault.kind, device: hit });
    }
    this.#waiting = waiting;
  }

  /** Also for faults by key. */
  record(fault: InjectedFault): void {
    this.#injected.push(fault);
  }

  nextAt(): Duration | undefined {
    const next = this.#waiting[0];
    return next === undefined ? undefined : milliseconds(next.at);
  }

  injected(): readonly InjectedFault[] {
    return this.#injected;
  }

  left(): readonly Fault[] {
    return this.#waiting;
  }
}
