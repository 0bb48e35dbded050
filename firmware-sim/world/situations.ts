// How often each rare situation was reached: a fault that never meets the moment in which it is dangerous shows nothing.
//
// It looks on as a checker does, and never complains.

import { type MemberKey, memberOf } from "../../src/base/ids.ts";
import type { Entry, RaftEffect, RaftEvent } from "../../src/raft/types.ts";
import { decodeProposal } from "../../src/site/command-codec.ts";
import type { Applied, Command, TimeChange } from "../../src/site/types.ts";
import { itemIdOf, publishedWindow } from "./books/committed-items.ts";
import { booksOf } from "./books/site-books.ts";
import type { CheckedWorld, Checker, LostFromCard, WatchedLife } from "./checker.ts";
import { faultKind } from "./fault-kinds.ts";
import { backupMark } from "./faults/cards.ts";

export const situationNames = [
  "coordinator changed",
  "election without winner",
  "votes split",
  "pre-vote refused for a coordinator's sake",
  "coordinator ended in a joint configuration",
  "coordinator ended with uncommitted entries",
  "coordinator deposed while it runs",
  "coordinator deposed by its own silence",
  "coordinator deposed by its disk",
  "coordinator's wills believed",
  "will of a living coordinator heard",
  "elected on a will's hint",
  "transfer completed",
  "transfer failed",
  "voters changed",
  "log truncated",
  "gap repaired on the log topic",
  "snapshot installed",
  "snapshot installed while the network is cut",
  "snapshot installed without a coordinator",
  "snapshot served from an older checkpoint",
  "snapshot abandoned",
  "device began with uncommitted entries",
  "device began from a checkpoint",
  "new incarnation",
  "heir admitted",
  "copy refused",
  "two copies heard",
  "device removed",
  "removed device returned",
  "card lost with uncounted readings",
  "uncounted readings rotted",
  "card lost without a coordinator",
  "card lost in a joint configuration",
  "process ended by itself",
  "process ended by a full disk",
  "count entry of an older configuration refused",
  "count entry committed by a later coordinator",
  "readings frozen",
  "readings frozen more coarsely",
  "frozen readings counted",
  "sampling stopped for want of room",
  "configuration changed",
  "configuration change refused as stale",
  "site time adopted",
  "site time jumped",
  "site time lost",
  "time source contradicted",
  "late edition published",
  "supplement published",
  "backup written back",
  "outbox degraded",
  "item published again",
  "uplink taken over",
] as const;

export type Situation = (typeof situationNames)[number];

const frozenEvent = "the oldest readings are kept only as their windows";
const stoppedEvent = "this device takes no readings any more";

export class Situations implements Checker {
  readonly name = "situations";
  readonly #world: CheckedWorld;
  readonly #counts = new Map<Situation, number>();
  /** Terms that had one, and the candidates of each term. */
  readonly #leaders = new Set<number>();
  readonly #candidates = new Map<number, MemberKey>();
  /** Numbers of lives that were elected, and not deposed since. */
  readonly #leading = new Set<number>();
  readonly #seen = new Set<MemberKey>();
  readonly #removed = new Set<string>();
  readonly #items = new Set<string>();
  /** By life: the highest entry that it broadcast in its term, and its newest checkpoint. */
  readonly #broadcast = new Map<number, { readonly term: number; readonly last: number }>();
  readonly #checkpoints = new Map<number, number>();
  /** By card: who it was last. */
  readonly #members = new Map<string, WatchedLife>();
  #cuts = 0;
  #appliedUpTo = 0;
  #lastLeader: MemberKey | undefined;
  #uplinkMachine: string | undefined;

  constructor(world: CheckedWorld) {
    this.#world = world;
  }

  get counts(): ReadonlyMap<Situation, number> {
    return this.#counts;
  }

  lifeBegan(life: WatchedLife, initial: Parameters<NonNullable<Checker["lifeBegan"]>>[1]): void {
    const { self, card } = life;
    this.#members.set(card, life);
    if (initial.entries.length > 0 && (initial.commit ?? 0) < (initial.entries.at(-1)?.index ?? 0))
      this.#count("device began with uncommitted entries");
    if (initial.checkpoint !== undefined) this.#count("device began from a checkpoint");
    const isFirstOfDevice = ![...this.#seen].some((seen) => memberOf(seen).device === memberOf(self).device);
    if (!this.#seen.has(self) && !isFirstOfDevice) this.#count("new incarnation");
    this.#seen.add(self);
  }

  lifeEnded({ number, replica }: WatchedLife): void {
    this.#broadcast.delete(number);
    this.#checkpoints.delete(number);
    const { role, voters, commit, last } = replica.status();
    if (role !== "leader") return;
    if (voters.incoming !== undefined) this.#count("coordinator ended in a joint configuration");
    if (last > commit) this.#count("coordinator ended with uncommitted entries");
  }

  stepped(life: WatchedLife, event: RaftEvent, effects: readonly RaftEffect[]): void {
    if (event.kind === "leader-left") this.#leaderLeft(event.leader);
    if (event.kind === "snapshot-failed") this.#count("snapshot abandoned");
    if (event.kind === "checkpointed") this.#checkpoints.set(life.number, event.index);
    for (const effect of effects) {
      if (effect.kind === "persist" && effect.truncateAfter !== undefined) this.#count("log truncated");
      if (effect.kind === "role") this.#role(life, effect);
      if (effect.kind === "send") this.#sent(life, effect);
      if (effect.kind === "transfer-ended")
        this.#count(effect.outcome === "done" ? "transfer completed" : "transfer failed");
      if (effect.kind === "serve-chunk" && effect.name.index < (this.#checkpoints.get(life.number) ?? 0))
        this.#count("snapshot served from an older checkpoint");
    }
  }

  applied({ replica }: WatchedLife, entry: Entry, applied: Applied | undefined): void {
    if (entry.index <= this.#appliedUpTo) return;
    this.#appliedUpTo = entry.index;
    if (entry.kind === "voters") this.#count("voters changed");
    if (applied === undefined || entry.kind !== "command") return;
    const command = decodeProposal(entry.command)?.command;
    if (command === undefined) return;
    if (applied.outcome.kind === "refused") this.#refused(command, applied.outcome.reason);
    else this.#done(command, entry, replica.status().term);
  }

  replaced(): void {
    this.#count("snapshot installed");
    if (this.#cuts > 0) this.#count("snapshot installed while the network is cut");
    const isLed = [...this.#world.lives()].some(({ replica }) => replica.status().hasAuthority);
    if (!isLed) this.#count("snapshot installed without a coordinator");
  }

  fault(kind: string, isOn: boolean): void {
    if (faultKind(kind).hides === "cut") this.#cuts += isOn ? 1 : -1;
  }

  cardLost(card: string, what: LostFromCard): void {
    const life = this.#members.get(card);
    const lives = [...this.#world.lives()].map(({ replica }) => replica.status());
    if (!lives.some(({ hasAuthority }) => hasAuthority)) this.#count("card lost without a coordinator");
    // Its own may be the only one that has it.
    const last = life === undefined ? lives : [...lives, life.replica.status()];
    if (last.some(({ voters }) => voters.incoming !== undefined)) this.#count("card lost in a joint configuration");
    if (what === "agreement" || life === undefined) return;
    const { self, replica } = life;
    if (booksOf(this.#world).sequences.lastValue(self) <= (replica.state.counted(self) ?? 0)) return;
    this.#count(what === "readings" ? "uncounted readings rotted" : "card lost with uncounted readings");
  }

  cardCopied(card: string): void {
    if (card.includes(backupMark)) this.#count("backup written back");
  }

  logged(_machine: string, event: string, fields: object): void {
    const { problem, why } = fields as { readonly problem?: unknown; readonly why?: unknown };
    if (problem === "copies") this.#count(event.includes("is running; stop one") ? "copy refused" : "two copies heard");
    if (event === frozenEvent) this.#count("readings frozen");
    if (event === frozenEvent && (fields as { readonly spanMs: number }).spanMs > 60_000) {
      this.#count("readings frozen more coarsely");
    }
    if (event === stoppedEvent) this.#count("sampling stopped for want of room");
    if (problem === "clock-source") this.#count("time source contradicted");
    if (event === "process ended") {
      this.#count("process ended by itself");
      if (/is full|no room/.test(String(why))) this.#count("process ended by a full disk");
    }
  }

  uplink({ payload }: Parameters<NonNullable<Checker["uplink"]>>[0], machine: string): void {
    const item = itemIdOf(payload);
    if (item === undefined) return;
    const id = `${item.id.generation}.${item.id.number}`;
    const isNew = !this.#items.has(id);
    this.#items.add(id);
    if (!isNew) this.#count("item published again");
    if (this.#uplinkMachine !== undefined && this.#uplinkMachine !== machine) this.#count("uplink taken over");
    this.#uplinkMachine = machine;
    const window = publishedWindow(item.body);
    if (window === undefined || !isNew) return;
    if (window.adds) this.#count("supplement published");
    else if (window.edition > 1) this.#count("late edition published");
  }

  #leaderLeft(leader: MemberKey): void {
    this.#count("coordinator's wills believed");
    const isAlive = [...this.#world.lives()].some(
      ({ self, replica }) => self === leader && replica.status().hasAuthority,
    );
    if (isAlive) this.#count("will of a living coordinator heard");
  }

  #sent({ number, replica }: WatchedLife, { to, message }: Extract<RaftEffect, { kind: "send" }>): void {
    if (message.kind === "pre-vote-reply" && !message.granted && replica.status().leader !== undefined) {
      this.#count("pre-vote refused for a coordinator's sake");
    }
    const last = message.kind === "append" && to === undefined ? message.entries.at(-1)?.index : undefined;
    if (last === undefined) return;
    const before = this.#broadcast.get(number);
    if (before?.term === message.term && last <= before.last) this.#count("gap repaired on the log topic");
    else this.#broadcast.set(number, { term: message.term, last });
  }

  #refused(command: Command, reason: string): void {
    if (command.kind === "configure" && reason === "stale-revision")
      this.#count("configuration change refused as stale");
    if (command.kind === "count" && reason === "stale-revision")
      this.#count("count entry of an older configuration refused");
  }

  #done(command: Command, { term }: Entry, now: number): void {
    if (command.kind === "configure") this.#count("configuration changed");
    if (command.kind === "count" && term < now) this.#count("count entry committed by a later coordinator");
    if (command.kind === "count-frozen") this.#count("frozen readings counted");
    if (command.kind === "degrade") this.#count("outbox degraded");
    if (command.kind === "time") this.#timeChanged(command.change);
    if (command.kind === "remove") {
      this.#removed.add(command.device);
      this.#count("device removed");
    }
    if (command.kind !== "join") return;
    for (const { device, was } of command.joins) {
      if (was.length > 0) this.#count("heir admitted");
      if (this.#removed.delete(device)) this.#count("removed device returned");
    }
  }

  #timeChanged(change: TimeChange): void {
    if (change.kind === "lost") {
      this.#count("site time lost");
      return;
    }
    if (change.kind === "adopt") this.#count("site time adopted");
    if (change.jump > 0) this.#count("site time jumped");
  }

  #role({ number, self }: WatchedLife, { role, term, why }: Extract<RaftEffect, { kind: "role" }>): void {
    if (role === "candidate") {
      this.#count("election without winner", this.#leaders.has(term) ? 0 : 1);
      const other = this.#candidates.get(term);
      if (other !== undefined && other !== self) this.#count("votes split");
      this.#candidates.set(term, self);
    }
    if (role === "leader" && !this.#leaders.has(term)) {
      this.#leaders.add(term);
      this.#count("election without winner", -1);
      if (why.endsWith("left all brokers")) this.#count("elected on a will's hint");
      if (this.#lastLeader !== undefined && this.#lastLeader !== self) this.#count("coordinator changed");
      this.#lastLeader = self;
      this.#leading.add(number);
    } else if (role === "follower" && this.#leading.delete(number)) {
      this.#count("coordinator deposed while it runs");
      if (why.includes("no majority answered")) this.#count("coordinator deposed by its own silence");
      if (why.includes("disk has not answered")) this.#count("coordinator deposed by its disk");
    }
  }

  #count(situation: Situation, by = 1): void {
    this.#counts.set(situation, (this.#counts.get(situation) ?? 0) + by);
  }
}
