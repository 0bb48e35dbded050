// Client sessions: a proposal that a client repeats, because it never heard the answer, applies once and is answered the same
// (Raft thesis §6.3). Which session is forgotten first is decided by the log, never by a clock (RAFT-CASES 39).

import { decode, encode } from "../base/cbor.ts";
import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import { type LogIndex, logIndex } from "../base/units.ts";
import type { CellSource } from "./cells.ts";
import { isRefusalReason } from "./refusals.ts";
import type { Cell, ClientSerial, Outcome } from "./types.ts";

interface Session {
  serial: number;
  outcome: Outcome;
  /** The last entry that used it. */
  usedAt: LogIndex;
}

const detailLengthMax = 512;

export class Sessions implements CellSource {
  readonly prefix = "session/";
  readonly #touch: (key: string) => void;
  readonly #sessions = new Map<string, Session>();

  constructor(touch: (key: string) => void) {
    this.#touch = touch;
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** The answer, where the proposal must not apply: a repeat's own one, or a refusal. Undefined: it may apply. */
  answer(client: ClientSerial): Outcome | undefined {
    const session = this.#sessions.get(client.session);
    if (session === undefined) {
      if (client.serial === 1) return undefined;
      const detail =
        "The site no longer knows this client session: what became of earlier proposals is unknown; begin a new one";
      return { kind: "refused", reason: "session-expired", detail };
    }
    if (client.serial === session.serial) return session.outcome;
    if (client.serial > session.serial) return undefined;
    const detail = `Serial ${client.serial} comes after serial ${session.serial} of the same session`;
    return { kind: "refused", reason: "serial-out-of-order", detail };
  }

  remember(client: ClientSerial, outcome: Outcome, usedAt: LogIndex): void {
    this.#sessions.set(client.session, { serial: client.serial, outcome, usedAt });
    this.#touch(this.prefix + client.session);
    if (this.#sessions.size > limits.clientSessions) this.#dropOldest();
  }

  read(key: string): Uint8Array | undefined {
    const session = this.#sessions.get(key.slice(this.prefix.length));
    if (session === undefined) return undefined;
    const { serial, outcome, usedAt } = session;
    const answer = outcome.kind === "done" ? [outcome.index] : [outcome.reason, outcome.detail];
    return encode([serial, usedAt, ...answer]);
  }

  load({ key, value }: Cell): boolean {
    const fields = new Fields(decode(value));
    const serial = fields.count();
    const usedAt = logIndex(fields.count());
    const outcome: Outcome =
      fields.length === 3
        ? { kind: "done", index: logIndex(fields.count()) }
        : { kind: "refused", reason: fields.matching(isRefusalReason), detail: fields.text(detailLengthMax) };
    const session = fields.finish({ serial, outcome, usedAt });
    if (session === undefined) return false;
    this.#sessions.set(key.slice(this.prefix.length), session);
    return true;
  }

  #dropOldest(): void {
    let oldest: string | undefined;
    let usedAt = Number.POSITIVE_INFINITY;
    for (const [name, session] of this.#sessions) {
      if (session.usedAt >= usedAt) continue;
      oldest = name;
      usedAt = session.usedAt;
    }
    if (oldest === undefined) return;
    this.#sessions.delete(oldest);
    this.#touch(this.prefix + oldest);
  }
}
