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
    const present = { device: from.device, incarnation: from.incarnation, session, connection, isHere };
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
