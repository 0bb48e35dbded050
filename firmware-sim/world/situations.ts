// How often each rare situation was reached: a fault that never meets the moment in which it is dangerous shows nothing.
//
// It looks on as a checker does, and never complains.

import type { MemberKey } from "../../src/base/ids.ts";
import type { Entry, RaftEffect, RaftEvent } from "../../src/raft/types.ts";
import { decodeProposal } from "../../src/site/command-codec.ts";
import type { Command } from "../../src/site/types.ts";
import type { Checker, WatchedLife } from "./checker.ts";
import { backupMark } from "./faults/cards.ts";

export const situationNames = [
  "coordinator changed",
  "election without winner",
  "coordinator ended in a joint configuration",
  "coordinator ended with uncommitted entries",
  "coordinator deposed while it runs",
  "voters changed",
  "log truncated",
  "snapshot installed",
  "snapshot abandoned",
  "device began with uncommitted entries",
  "device began from a checkpoint",
  "new incarnation",
  "count entry refused",
  "configuration changed",
  "configuration change refused as stale",
  "backup written back",
  "item published again",
  "outbox degraded",
] as const;

export type Situation = (typeof situationNames)[number];

export class Situations implements Checker {
  readonly name = "situations";
  readonly #counts = new Map<Situation, number>();
  readonly #leaders = new Set<number>();
  /** Numbers of lives that were elected, and not deposed since. */
  readonly #leading = new Set<number>();
  readonly #seen = new Set<MemberKey>();
  readonly #items = new Set<string>();
  #lastLeader: MemberKey | undefined;

  get counts(): ReadonlyMap<Situation, number> {
    return this.#counts;
  }

  lifeBegan({ self }: WatchedLife, initial: Parameters<NonNullable<Checker["lifeBegan"]>>[1]): void {
    if (initial.entries.length > 0 && (initial.commit ?? 0) < (initial.entries.at(-1)?.index ?? 0))
      this.#count("device began with uncommitted entries");
    if (initial.checkpoint !== undefined) this.#count("device began from a checkpoint");
    const isFirstOfDevice = ![...this.#seen].some((seen) => seen.split("@")[0] === self.split("@")[0]);
    if (!this.#seen.has(self) && !isFirstOfDevice) this.#count("new incarnation");
    this.#seen.add(self);
  }

  lifeEnded({ replica }: WatchedLife): void {
    const { role, voters, commit, last } = replica.status();
    if (role !== "leader") return;
    if (voters.incoming !== undefined) this.#count("coordinator ended in a joint configuration");
    if (last > commit) this.#count("coordinator ended with uncommitted entries");
  }

  stepped(life: WatchedLife, event: RaftEvent, effects: readonly RaftEffect[]): void {
    if (event.kind === "snapshot-failed") this.#count("snapshot abandoned");
    for (const effect of effects) {
      if (effect.kind === "persist" && effect.truncateAfter !== undefined) this.#count("log truncated");
      if (effect.kind === "role") this.#role(life, effect);
    }
  }

  applied(
    _life: WatchedLife,
    entry: Parameters<NonNullable<Checker["applied"]>>[1],
    applied: Parameters<NonNullable<Checker["applied"]>>[2],
  ): void {
    if (!this.#isNew(entry.index)) return;
    if (entry.kind === "voters") this.#count("voters changed");
    if (applied === undefined) return;
    if (applied.touched.has("configuration")) this.#count("configuration changed");
    if (applied.touched.has("outbox") && kindOf(entry) === "degrade") this.#count("outbox degraded");
    if (applied.outcome.kind !== "refused") return;
    if (applied.outcome.reason === "not-at-from") this.#count("count entry refused");
    if (applied.outcome.reason === "stale-revision") this.#count("configuration change refused as stale");
  }

  replaced(): void {
    this.#count("snapshot installed");
  }

  cardCopied(card: string): void {
    if (card.includes(backupMark)) this.#count("backup written back");
  }

  uplink({ payload }: Parameters<NonNullable<Checker["uplink"]>>[0]): void {
    const id = /"id":"([^"]+)"/.exec(Buffer.from(payload).toString("latin1"))?.[1];
    if (id === undefined) return;
    if (this.#items.has(id)) this.#count("item published again");
    this.#items.add(id);
  }

  #appliedUpTo = 0;

  #isNew(index: number): boolean {
    if (index <= this.#appliedUpTo) return false;
    this.#appliedUpTo = index;
    return true;
  }

  #role(life: WatchedLife, { role, term }: Extract<RaftEffect, { kind: "role" }>): void {
    if (role === "candidate") this.#count("election without winner", this.#leaders.has(term) ? 0 : 1);
    if (role === "leader" && !this.#leaders.has(term)) {
      this.#leaders.add(term);
      this.#count("election without winner", -1);
      if (this.#lastLeader !== undefined && this.#lastLeader !== life.self) this.#count("coordinator changed");
      this.#lastLeader = life.self;
      this.#leading.add(life.number);
    } else if (role === "follower" && this.#leading.delete(life.number)) {
      this.#count("coordinator deposed while it runs");
    }
  }

  #count(situation: Situation, by = 1): void {
    this.#counts.set(situation, (this.#counts.get(situation) ?? 0) + by);
  }
}

const kindOf = (entry: Entry): Command["kind"] | undefined =>
  entry.kind === "command" ? decodeProposal(entry.command)?.command.kind : undefined;
