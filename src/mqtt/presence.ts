// Who is connected to one broker: a hint for where to send, never a fact.
//
// A device says so in a retained message, and its last will says the opposite. A will can come late, after its device is
// back: so both carry the session and the number of the connection, and an older `gone` changes nothing.

import type { DeviceId, Incarnation, Member } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { PresenceMessage } from "./site-codec.ts";

export interface Present {
  readonly device: DeviceId;
  readonly incarnation: Incarnation;
  readonly session: number;
  readonly connection: number;
  readonly isHere: boolean;
  /** In this session, since the own connection began: only of whom one has seen can one see that it left. */
  readonly wasHere: boolean;
}

export class PresenceTable {
  readonly #known = new Map<DeviceId, Present>();
  #here: readonly Present[] | undefined;

  /** What is new in it; undefined if it is known already, late, or one stranger too many. */
  heard(from: Member, session: number, message: PresenceMessage): Present | undefined {
    const before = this.#known.get(from.device);
    if (before === undefined && this.#known.size >= limits.presences) return undefined;
    const { connection, isHere } = message;
    if (before?.incarnation === from.incarnation) {
      if (session < before.session || (session === before.session && connection < before.connection)) return undefined;
      const isSame = session === before.session && connection === before.connection;
      if (isSame && (isHere === before.isHere || !before.isHere)) return undefined;
    } else if (before?.isHere === true && !isHere) return undefined;
    const isSameRun = before?.incarnation === from.incarnation && before.session === session;
    const wasHere = isHere || (isSameRun && before.wasHere);
    const present = { device: from.device, incarnation: from.incarnation, session, connection, isHere, wasHere };
    this.#known.set(from.device, present);
    this.#here = undefined;
    return present;
  }

  get(device: DeviceId): Present | undefined {
    return this.#known.get(device);
  }

  isHere(device: DeviceId): boolean {
    return this.#known.get(device)?.isHere === true;
  }

  /** What became of this run of `member`: undefined if it was not seen here since the own connection began. */
  whereabouts(member: Member, session: number): "here" | "left" | undefined {
    const known = this.#known.get(member.device);
    if (known === undefined) return undefined;
    if (known.incarnation !== member.incarnation || known.session > session) return known.isHere ? "here" : undefined;
    if (known.session < session) return undefined;
    if (known.isHere) return "here";
    return known.wasHere ? "left" : undefined;
  }

  /** Those who are here, by name. */
  here(): readonly Present[] {
    this.#here ??= [...this.#known.values()]
      .filter((present) => present.isHere)
      .sort((a, b) => (a.device < b.device ? -1 : 1));
    return this.#here;
  }

  /** After the connection was lost nothing is known; the broker tells it anew. */
  clear(): void {
    this.#known.clear();
    this.#here = undefined;
  }
}
