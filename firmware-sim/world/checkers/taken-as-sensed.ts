// What a card takes is what a sensor said (P3): each value of a taken reading was handed out on that machine before, by that sensor,
// and is taken once. And the last that each sensor said, once sensors are silent and nothing fails, is on its card: the one reading
// that may be lost is one that its device had no time to sync. A device that said that it takes none any more, its card being full,
// takes none until it says that it does again (seed 13031).
//
// All other checkers of counting begin where a sync has returned. Here is what lies before it.

import { memberOf } from "../../../src/base/ids.ts";
import { quality } from "../../../src/readings/types.ts";
import { type ExpectedVersion, inForce } from "../books/expected-definitions.ts";
import { booksOf, type SiteBooks } from "../books/site-books.ts";
import { type CheckerOf, Violation } from "../checker.ts";

const name = "taken-as-sensed";

interface HandedOut {
  /** By value, which no two have in common. */
  readonly waiting: Map<number, string>;
  /** By sensor: the newest value of the present life, where the site counts it. */
  readonly newest: Map<string, number>;
}

export const takenAsSensed: CheckerOf = (world) => {
  const books = booksOf(world);
  const cards = new Map<string, HandedOut>();
  /** Machines that take no readings, as they say. */
  const stopped = new Set<string>();

  const handedOutOn = (card: string): HandedOut => {
    const found = cards.get(card) ?? { waiting: new Map(), newest: new Map() };
    cards.set(card, found);
    return found;
  };

  /** The books have the record already. */
  const look = (): void => {
    const { newest } = books.sequences;
    if (newest?.payload.kind !== "readings") return;
    const { card } = newest.sequence;
    const { waiting } = handedOutOn(card);
    for (const { sensor, value, quality: flags } of newest.payload.readings) {
      if ((flags & quality.missing) !== 0) continue;
      const said = waiting.get(value);
      if (said !== sensor) {
        const by = said === undefined ? "no sensor said, or which was taken before" : `${said} said`;
        throw new Violation(name, `${card} takes ${value} of ${sensor}, which ${by}`);
      }
      waiting.delete(value);
    }
  };

  const waitsFor = (): string | undefined => {
    for (const { self, card } of world.lives()) {
      const { waiting, newest } = handedOutOn(card);
      for (const [sensor, value] of newest) {
        if (waiting.has(value)) return `${self} never took ${value}, the last that ${sensor} said`;
      }
    }
    return undefined;
  };

  return {
    name,
    sensed({ machine, card, sensor, value }) {
      const { waiting, newest } = handedOutOn(card);
      waiting.set(value, sensor);
      if (!stopped.has(machine) && isCounted(books, card, sensor)) newest.set(sensor, value);
      else newest.delete(sensor);
    },
    synced: look,
    recovered: look,
    // What was said before may have gone with the power.
    lifeBegan({ machine, card }) {
      handedOutOn(card).newest.clear();
      stopped.delete(machine);
    },
    logged(machine, event) {
      if (event === "this device takes no readings any more") stopped.add(machine);
      if (event === "this device takes readings again") stopped.delete(machine);
    },
    cardLost: (card, what) => {
      if (what === "everything") cards.delete(card);
    },
    waitsFor,
    healed() {
      const why = waitsFor();
      if (why !== undefined) throw new Violation(name, why);
    },
  };
};

/** Now, and as far as is known of later: a sensor that moves is not listened to until its new place is in force. */
function isCounted({ newest, sequences }: SiteBooks, card: string, sensor: string): boolean {
  const origin = sequences.originOn(card);
  if (newest === undefined || origin === undefined) return false;
  const { versions, floor } = newest.facts;
  const { device } = memberOf(origin);
  const now = inForce(versions, floor);
  const from = now?.from ?? 0;
  const isPlaced = ({ aggregations }: ExpectedVersion): boolean =>
    [...aggregations.values()].some(({ places }) => places.get(sensor)?.device === device);
  return versions.length > 0 && versions.every((version) => version.from < from || isPlaced(version));
}
