// What must hold in every schedule (paper, Figure 3; DESIGN §1, §4). Each property is checked after every step, from what the
// member did: its effects, its disk, what it says of itself. A violation throws at once.

import type { MemberKey } from "../../../src/base/ids.ts";
import { type Instant, type LogIndex, logIndex, type Term, term as termOf } from "../../../src/base/units.ts";
import type { Entry, RaftEffect, RaftInitial, RaftMessage, RaftStatus, Voters } from "../../../src/raft/types.ts";
import { hasMajority, isVoter } from "../../../src/raft/voters.ts";
import type { Input } from "../kit.ts";
import type { SimulatedMember } from "./simulated-member.ts";
import { contentOf } from "./state-machine.ts";
import { Violation } from "./violation.ts";

interface Known {
  readonly term: Term;
  readonly content: number;
}

/** A member's log as its persist effects say it is, synced or not. */
interface LogMirror {
  start: number;
  entries: Known[];
}

export class Checkers {
  readonly #time: () => Instant;
  readonly #members: () => readonly SimulatedMember[];
  readonly #shortestTimeout: number;
  readonly #logs = new Map<MemberKey, LogMirror>();
  readonly #last = new Map<MemberKey, RaftStatus>();
  readonly #leaders = new Map<number, MemberKey>();
  readonly #grants = new Map<string, string>();
  /** By `index/term`: what every log that has this entry must have there, and before it. */
  readonly #entries = new Map<string, { readonly content: number; readonly previousTerm: number }>();
  readonly #configurations: { readonly index: number; readonly voters: Voters }[] = [];
  readonly #initialVoters: Voters;
  /** By index; what a leader has committed. */
  readonly #committed: Known[] = [{ term: termOf(0), content: 0 }];
  /** When the first commit of each term was. */
  readonly #firstCommits = new Map<number, Instant>();

  constructor(options: {
    readonly time: () => Instant;
    readonly members: () => readonly SimulatedMember[];
    readonly shortestTimeout: number;
    readonly voters: Voters;
  }) {
    this.#time = options.time;
    this.#members = options.members;
    this.#shortestTimeout = options.shortestTimeout;
    this.#initialVoters = options.voters;
  }

  /** The highest index that any leader has committed. */
  get committed(): LogIndex {
    return logIndex(this.#committed.length - 1);
  }

  get leaderTerms(): number {
    return this.#leaders.size;
  }

  committedTerm(index: LogIndex): Term | undefined {
    return this.#committed[index]?.term;
  }

  /** The committed configuration as of `index`. */
  votersAt(index: LogIndex): Voters {
    return this.#configurations.findLast((one) => one.index <= index)?.voters ?? this.#initialVoters;
  }

  /** The term at `index` of the log that `member` has, synced or not. */
  logTermAt(member: MemberKey, index: LogIndex): Term | undefined {
    const log = this.#log(member);
    return log.entries[index - log.start - 1]?.term;
  }

  started(member: MemberKey, initial: RaftInitial): void {
    this.#last.delete(member);
    this.#logs.set(member, {
      start: initial.start.index,
      entries: initial.entries.map((entry) => ({ term: entry.term, content: contentOf(entry) })),
    });
  }

  /** A message leaves the device. */
  sent(from: MemberKey, message: RaftMessage, to: MemberKey | undefined): void {
    if (message.kind !== "vote-reply" || !message.granted) return;
    const key = `${from} in term ${message.term}`;
    const before = this.#grants.get(key);
    if (before !== undefined && before !== to) throw new Violation(`one vote per term: ${key} for ${before} and ${to}`);
    this.#grants.set(key, String(to));
  }

  stepped(member: SimulatedMember, event: Input, effects: readonly RaftEffect[], status: RaftStatus): void {
    for (const effect of effects) if (effect.kind === "persist") this.#mirror(member.key, effect);
    this.#monotone(member.key, event, status);
    this.#disk(member, status);
    if (status.role === "leader") this.#leader(member, status);
    const before = this.#last.get(member.key)?.commit ?? 0;
    if (status.commit > before) this.#commit(member, status, this.#leaders.get(status.term) === member.key);
    for (const effect of effects) this.#effect(member, effect, status);
    this.#authority(member, effects, status);
    this.#last.set(member.key, status);
  }

  #effect(member: SimulatedMember, effect: RaftEffect, status: RaftStatus): void {
    if (effect.kind === "apply") this.#apply(member, effect.entries, status);
    if (effect.kind === "compacted") this.#compact(member.key, effect.start.index);
    if (effect.kind === "diverged") {
      throw new Violation(`no divergence: ${member.key} from ${effect.from}: ${effect.detail}`);
    }
  }

  /** Log matching: an (index, term) names one entry, after one entry, everywhere. */
  #mirror(key: MemberKey, persist: Extract<RaftEffect, { readonly kind: "persist" }>): void {
    const log = this.#log(key);
    if (persist.start !== undefined) {
      log.start = persist.start.index;
      log.entries = [];
    }
    if (persist.truncateAfter !== undefined) log.entries.length = persist.truncateAfter - log.start;
    for (const entry of persist.entries) {
      const previousTerm = log.entries.at(-1)?.term ?? -1;
      const known = { content: contentOf(entry), previousTerm };
      const name = `${entry.index}/${entry.term}`;
      const before = this.#entries.get(name);
      if (before === undefined) this.#entries.set(name, known);
      else if (before.content !== known.content) throw new Violation(`log matching: two entries ${name} at ${key}`);
      else if (before.previousTerm !== previousTerm && before.previousTerm >= 0 && previousTerm >= 0) {
        throw new Violation(`log matching: ${name} follows two terms at ${key}`);
      }
      log.entries.push({ term: entry.term, content: known.content });
    }
  }

  #compact(key: MemberKey, start: number): void {
    const log = this.#log(key);
    if (start <= log.start) return;
    log.entries.splice(0, start - log.start);
    log.start = start;
  }

  /** State machine safety: what is applied at an index is the same everywhere, and committed by a leader. */
  #apply(member: SimulatedMember, entries: readonly Entry[], status: RaftStatus): void {
    for (const entry of entries) {
      const known = this.#committed[entry.index];
      if (known === undefined)
        throw new Violation(`state machine safety: ${member.key} applies uncommitted ${entry.index}`);
      if (known.term !== entry.term || known.content !== contentOf(entry)) {
        throw new Violation(`state machine safety: ${member.key} applies another entry ${entry.index}`);
      }
      if (entry.kind === "voters" && (this.#configurations.at(-1)?.index ?? 0) < entry.index) {
        this.#configurations.push({ index: entry.index, voters: entry.voters });
      }
    }
    const last = entries.at(-1);
    if (last !== undefined && isVoter(status.voters, member.key) && !member.disk.holds(last.index, last.term)) {
      throw new Violation(`applied <= synced: voter ${member.key} applies ${last.index} before it is durable`);
    }
  }

  #monotone(key: MemberKey, event: Input, status: RaftStatus): void {
    const before = this.#last.get(key);
    if (before === undefined) return;
    if (status.term < before.term) throw new Violation(`the term falls at ${key}`);
    if (status.commit < before.commit) throw new Violation(`the commit index falls at ${key} on ${event.kind}`);
    if (status.applied < before.applied) throw new Violation(`applied falls at ${key}`);
    if (status.term === before.term && before.vote !== undefined && status.vote !== before.vote) {
      throw new Violation(`${key} changes its vote in term ${status.term}`);
    }
    if (status.role !== "leader" || before.role !== "leader" || status.term !== before.term) return;
    for (const { member, match } of before.followers) {
      const after = status.followers.find((one) => one.member === member)?.match;
      if (after !== undefined && after < match) throw new Violation(`the match of ${member} falls at ${key}`);
    }
  }

  #disk(member: SimulatedMember, status: RaftStatus): void {
    if (status.synced > status.last) throw new Violation(`synced <= last at ${member.key}`);
    if (status.commit > status.last) throw new Violation(`commit <= last at ${member.key}`);
    if (status.applied > status.commit) throw new Violation(`applied <= commit at ${member.key}`);
    // Its own truncation may still wait for the sync: then the disk holds more, never less.
    if (status.synced > member.disk.durableLast) throw new Violation(`${member.key} takes ${status.synced} for synced`);
  }

  /** Election safety and leader completeness. */
  #leader(member: SimulatedMember, status: RaftStatus): void {
    const before = this.#leaders.get(status.term);
    if (before === member.key) return;
    if (before !== undefined)
      throw new Violation(`election safety: ${before} and ${member.key} lead in ${status.term}`);
    this.#leaders.set(status.term, member.key);
    const log = this.#log(member.key);
    for (let index = log.start + 1; index < this.#committed.length; index++) {
      if (log.entries[index - log.start - 1]?.term !== this.#committed[index]?.term) {
        throw new Violation(`leader completeness: ${member.key} leads in ${status.term} without ${index}`);
      }
    }
  }

  /** Committed is durable on a quorum, by the leader's configuration; and a follower commits what a leader has. */
  #commit(member: SimulatedMember, status: RaftStatus, leads: boolean): void {
    const log = this.#log(member.key);
    if (status.commit > this.committed) {
      if (!leads) throw new Violation(`${member.key} commits ${status.commit} before any leader has`);
      this.#record(log, status);
      const term = this.#committed[status.commit]?.term ?? -1;
      const members = new Map(this.#members().map((one) => [one.key, one]));
      const isHeld = hasMajority(status.voters, (key) => members.get(key)?.disk.holds(status.commit, term) ?? false);
      if (!isHeld) throw new Violation(`${member.key} commits ${status.commit} that no quorum has on disk`);
    }
    const own = log.entries[status.commit - log.start - 1];
    const known = this.#committed[status.commit];
    if (own !== undefined && known !== undefined && (own.term !== known.term || own.content !== known.content)) {
      throw new Violation(`${member.key} commits another entry ${status.commit}`);
    }
  }

  #record(log: LogMirror, status: RaftStatus): void {
    for (let index = this.#committed.length; index <= status.commit; index++) {
      const entry = log.entries[index - log.start - 1];
      if (entry === undefined) throw new Violation(`a leader commits ${index} that it does not have`);
      this.#committed[index] = entry;
    }
    if (!this.#firstCommits.has(status.term)) this.#firstCommits.set(status.term, this.#time());
  }

  /** P1: one shortest election timeout after its successor could commit, a leader acts no more. */
  #authority(member: SimulatedMember, effects: readonly RaftEffect[], status: RaftStatus): void {
    const acts = effects.some(
      (one) => one.kind === "read-ready" || (one.kind === "send" && one.message.kind === "append"),
    );
    if (status.role !== "leader" || !acts) return;
    for (const [term, at] of this.#firstCommits) {
      if (term > status.term && this.#time() - at > this.#shortestTimeout) {
        throw new Violation(
          `one coordinator: ${member.key} of term ${status.term} still acts, term ${term} has committed`,
        );
      }
    }
  }

  #log(key: MemberKey): LogMirror {
    const log = this.#logs.get(key);
    if (log === undefined) throw new Error(`${key} never started`);
    return log;
  }
}
