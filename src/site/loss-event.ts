// What is said outside when readings that a device had taken can no longer be counted, and when they turn up after all
// (PROTOCOLS, Counting: "`stored − gone` is reported as destroyed"). Made by apply, an item of the outbox like every window: so
// it is said once, whoever leads, and gets through a failover.

import { type DeviceId, memberOf } from "../base/ids.ts";
import type { SiteTime, Term } from "../base/units.ts";
import type { EndedOrigin } from "./members.ts";
import type { OutboxItem } from "./outbox.ts";

export type LossKind = "readings-lost" | "readings-found";

/** Those of one device that found no room in the outbox (unsaid-losses.ts). */
export interface UnsaidLosses {
  readonly kind: LossKind;
  /** Undefined: several, because there were sums of as many devices as are kept. */
  readonly device: DeviceId | undefined;
  /** How many there were, and the readings of all of them. */
  readonly losses: number;
  readonly readings: number;
}

/** When it is said. `id`: `{generation}.{number}` of the item. */
export interface SaidAt {
  readonly id: string;
  readonly ts: SiteTime;
  readonly term: Term;
}

export function lossEvent(kind: LossKind, { origin, counted, destroyed }: EndedOrigin, at: SaidAt): OutboxItem {
  const { device, incarnation } = memberOf(origin);
  const [from, to] = [counted + 1, counted + destroyed];
  const readings = destroyed === 1 ? `reading ${from}` : `readings ${from}–${to} (${destroyed})`;
  const text =
    kind === "readings-lost"
      ? `${device} was removed or came back without its past: its ${readings} were taken and not counted, and are missing`
      : `${device} came back with its ${readings}, which were reported as lost: they are counted on`;
  const { id, ts, term } = at;
  const payload = Buffer.from(
    JSON.stringify({ ts, kind, device, text, id, term, incarnation, from, to, readings: destroyed }),
  );
  return { topic: `events/${kind}`, retain: false, payload };
}

/** Several of one device, of which each by itself found no room. */
export function lossesEvent({ kind, device, losses, readings }: UnsaidLosses, { id, ts, term }: SaidAt): OutboxItem {
  const who = device ?? "Further devices";
  const often = losses === 1 ? "once" : `${losses} times`;
  const text =
    kind === "readings-lost"
      ? `${who} came back without a past ${often} while the outbox was full: ${readings} readings were taken and not counted, and are missing`
      : `${who} came back ${often}, while the outbox was full, with readings that were reported as lost: ${readings} are counted on`;
  const payload = Buffer.from(JSON.stringify({ ts, kind, device, text, id, term, losses, readings }));
  return { topic: `events/${kind}`, retain: false, payload };
}
