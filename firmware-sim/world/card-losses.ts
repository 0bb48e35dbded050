// Whose card may lose what it holds: the design survives any minority of the voters, one after the other faster than they are
// replaced (P2).
//
// Of which voters? A configuration is in force where it stands in a log (paper §6), so any that some card has, from the newest one
// known to be committed on, may be what the next coordinator goes by. In each of these, and in a joint one in both halves, those whose
// cards are not lost must stay a majority: then somebody can be elected, and has everything that is committed. That can be judged at
// any time: without a coordinator, and in the midst of a change. A configuration that was truncated counts until a newer one is
// committed, which only spares cards.

import type { MemberKey } from "../../src/base/ids.ts";
import type { Entry, LogStart, RaftEffect, RaftEvent, RaftInitial, Voters } from "../../src/raft/types.ts";
import type { Checker, WatchedLife } from "./checker.ts";

export class CardLosses implements Checker {
  readonly name = "card-losses";
  /** Members that will never be heard again, because what they promised on is gone. */
  readonly #lost = new Set<MemberKey>();
  #generation = 0;
  #committed: { readonly index: number; readonly voters: Voters } | undefined;
  /** Not known to be committed; behind that one. */
  #open: { readonly index: number; readonly voters: Voters }[] = [];

  /** What these members promised on is gone. */
  lose(members: readonly MemberKey[]): void {
    for (const member of members) this.#lost.add(member);
  }

  /** Whether all of these members, which live on one card, may be lost now. */
  mayLose(members: readonly MemberKey[]): boolean {
    if (this.#committed === undefined || members.length === 0) return false;
    const groups = [this.#committed, ...this.#open].flatMap(({ voters: { current, incoming = [] } }) => [
      current,
      incoming,
    ]);
    return groups.every((voters) => {
      if (!members.some((member) => voters.includes(member))) return true;
      const lost = voters.filter((voter) => this.#lost.has(voter) || members.includes(voter)).length;
      return lost < voters.length / 2;
    });
  }

  lifeBegan(life: WatchedLife, { start, entries }: RaftInitial): void {
    if (!this.#isNewest(life)) return;
    this.#began(start);
    this.#appended(entries);
  }

  stepped(life: WatchedLife, _event: RaftEvent, effects: readonly RaftEffect[]): void {
    for (const effect of effects) {
      if (effect.kind !== "persist" || !this.#isNewest(life)) continue;
      if (effect.start !== undefined) this.#began(effect.start);
      this.#appended(effect.entries);
    }
  }

  applied(life: WatchedLife, entry: Entry): void {
    if (entry.kind === "voters" && this.#isNewest(life)) this.#commit(entry);
  }

  /** Once the site was recovered, what an earlier generation has counts no more. */
  #isNewest(life: WatchedLife): boolean {
    const generation = life.generation();
    if (generation > this.#generation) {
      this.#generation = generation;
      this.#committed = undefined;
      this.#open = [];
    }
    return generation === this.#generation;
  }

  #began(start: LogStart): void {
    if (start.voters.current.length > 0) this.#commit(start);
  }

  #commit({ index, voters }: { readonly index: number; readonly voters: Voters }): void {
    if (index <= (this.#committed?.index ?? -1)) return;
    this.#committed = { index, voters };
    this.#open = this.#open.filter((open) => open.index > index);
  }

  #appended(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.kind === "voters" && entry.index > (this.#committed?.index ?? -1)) this.#open.push(entry);
    }
  }
}
