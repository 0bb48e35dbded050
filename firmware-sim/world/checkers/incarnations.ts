// Who is who (PROTOCOLS, "Joining, incarnations, bootstrap"): an incarnation that was removed never returns as a member and never
// leads; the readings of each have one heir at most; a device is one member; and what a lost card bore lives on a copy only.
//
// Whether a removed one still answers is not looked at: grants and acknowledgements count by the counter's own configuration.

import { type MemberKey, memberKey, memberOf } from "../../../src/base/ids.ts";
import type { KnownEntry, Lineage } from "../books/committed-entries.ts";
import { booksOf } from "../books/site-books.ts";
import { type CheckerOf, Violation, type WatchedLife } from "../checker.ts";

const name = "incarnations";

export const incarnations: CheckerOf = (world) => {
  const books = booksOf(world);
  /** Whose card is lost for ever. */
  const lost = new Set<MemberKey>();
  const livedOn = new Map<string, Set<MemberKey>>();
  /** Of each lineage: who was removed, and who has the readings of whom. */
  const removed = new WeakMap<Lineage, Set<MemberKey>>();
  const heirs = new WeakMap<Lineage, Map<MemberKey, MemberKey>>();

  const removedIn = (lineage: Lineage): Set<MemberKey> => {
    const known = removed.get(lineage) ?? new Set();
    removed.set(lineage, known);
    return known;
  };
  const heirsIn = (lineage: Lineage): Map<MemberKey, MemberKey> => {
    const known = heirs.get(lineage) ?? new Map();
    heirs.set(lineage, known);
    return known;
  };

  return {
    name,
    lifeBegan: ({ self, card }) => {
      if (lost.has(self) && livedOn.get(card)?.has(self) !== true)
        throw new Violation(name, `${self} lives again on ${card}, and the card that it lived on is lost`);
      livedOn.set(card, (livedOn.get(card) ?? new Set()).add(self));
    },
    cardLost: (card, what) => {
      if (what === "readings") return; // it lives once more, to find them damaged
      for (const self of livedOn.get(card) ?? []) lost.add(self);
      livedOn.delete(card);
    },
    cardCopied: (card, copy) => livedOn.set(copy, new Set(livedOn.get(card))),
    stepped: ({ self }, _event, effects) => {
      if (!effects.some((effect) => effect.kind === "role" && effect.role === "leader")) return;
      const lineage = books.newest;
      if (lineage !== undefined && removedIn(lineage).has(self)) {
        throw new Violation(name, `${self} becomes leader, and the site has removed it`);
      }
    },
    applied: (life) => {
      const { applying } = books;
      if (applying === undefined) return;
      const { lineage, known, isFirst } = applying;
      if (isFirst) {
        for (const { device, incarnation } of known.joins) {
          const origin = memberKey({ device, incarnation });
          if (removedIn(lineage).has(origin)) throw new Violation(name, `${origin} is a member again, and was removed`);
        }
        for (const { origin, ancestor } of known.heirs) {
          const heir = heirsIn(lineage).get(ancestor);
          if (heir !== undefined && heir !== origin) {
            throw new Violation(name, `${origin} inherits the readings of ${ancestor}, and ${heir} has them already`);
          }
          heirsIn(lineage).set(ancestor, origin);
        }
        if (isAboutMembers(known)) for (const origin of lineage.gone.keys()) removedIn(lineage).add(origin);
      }
      if (isAboutMembers(known)) compareTables(life, lineage);
    },
  };
};

const isAboutMembers = ({ kind }: KnownEntry): boolean => kind === "join" || kind === "remove";

function compareTables({ self, replica: { state, appliedIndex } }: WatchedLife, lineage: Lineage): void {
  if (lineage.head !== appliedIndex) return;
  if (state.members.size !== lineage.members.size) {
    throw new Violation(
      name,
      `${self} has ${state.members.size} members after ${appliedIndex}, not ${lineage.members.size}`,
    );
  }
  for (const [device, incarnation] of lineage.members.entries()) {
    const shown = state.member(device)?.incarnation;
    if (shown !== incarnation)
      throw new Violation(name, `${self} has ${device}@${shown} after ${appliedIndex}, not ${incarnation}`);
  }
  for (const origin of lineage.gone.keys()) {
    const { device, incarnation } = memberOf(origin);
    if (state.member(device)?.incarnation === incarnation)
      throw new Violation(name, `${self} has ${origin}, which is removed`);
  }
}
