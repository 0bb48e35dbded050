// What went in and out, and what was dropped and why: for status, metrics and tests.

import type { DropReason } from "./frame.ts";
import type { MessageKind } from "./messages.ts";

export interface Amount {
  readonly messages: number;
  readonly bytes: number;
}

/** Why something was not sent. */
export type UnsentReason = "not-connected" | "queue-full" | "too-large";

export interface TrafficReport {
  readonly received: Readonly<Partial<Record<MessageKind, Amount>>>;
  readonly sent: Readonly<Partial<Record<MessageKind, Amount>>>;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Of `malformed-body`, by kind. */
  readonly malformed: Readonly<Partial<Record<MessageKind, number>>>;
  readonly unsent: Readonly<Partial<Record<UnsentReason, number>>>;
}

export class Traffic {
  readonly #received = new Map<MessageKind, Amount>();
  readonly #sent = new Map<MessageKind, Amount>();
  readonly #dropped = new Map<DropReason, number>();
  readonly #malformed = new Map<MessageKind, number>();
  readonly #unsent = new Map<UnsentReason, number>();

  received(kind: MessageKind, bytes: number): void {
    addTo(this.#received, kind, bytes);
  }

  sent(kind: MessageKind, bytes: number): void {
    addTo(this.#sent, kind, bytes);
  }

  dropped(why: DropReason): void {
    this.#dropped.set(why, (this.#dropped.get(why) ?? 0) + 1);
  }

  malformed(kind: MessageKind): void {
    this.dropped("malformed-body");
    this.#malformed.set(kind, (this.#malformed.get(kind) ?? 0) + 1);
  }

  unsent(why: UnsentReason): void {
    this.#unsent.set(why, (this.#unsent.get(why) ?? 0) + 1);
  }

  report(): TrafficReport {
    return {
      received: Object.fromEntries(this.#received),
      sent: Object.fromEntries(this.#sent),
      dropped: Object.fromEntries(this.#dropped),
      malformed: Object.fromEntries(this.#malformed),
      unsent: Object.fromEntries(this.#unsent),
    };
  }
}

function addTo(amounts: Map<MessageKind, Amount>, kind: MessageKind, bytes: number): void {
  const before = amounts.get(kind);
  amounts.set(kind, { messages: (before?.messages ?? 0) + 1, bytes: (before?.bytes ?? 0) + bytes });
}
