// Histories for checkers, told by hand: devices whose every step, synced record and message a test decides.
//
// What a device is made to do here need not be possible for the real one: that is what a checker is for.

import type { CheckedWorld, Checker, CheckerOf, WatchedLife } from "../../../../firmware-sim/world/checker.ts";
import type { MemberKey } from "../../../../src/base/ids.ts";
import { type Instant, instant, logIndex, siteTime, term as termOf } from "../../../../src/base/units.ts";
import type {
  Entry,
  HardState,
  LogStart,
  RaftEffect,
  RaftEvent,
  RaftInitial,
  RaftMessage,
  RaftStatus,
  Voters,
} from "../../../../src/raft/types.ts";
import { encodeRecord } from "../../../../src/replica/raft-log.ts";
import { SiteState } from "../../../../src/site/state.ts";
import { a, b, c, limits, timing } from "../../../raft/kit.ts";

type Persist = Extract<RaftEffect, { kind: "persist" }>;
type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

const head = (index: number, term: number) => ({
  index: logIndex(index),
  term: termOf(term),
  siteTime: siteTime(0),
});
export const noop = (index: number, term: number): Entry => ({ ...head(index, term), kind: "noop" });
export const command = (index: number, term: number, text = `${index}`): Entry => ({
  ...head(index, term),
  kind: "command",
  command: Buffer.from(text),
});
export const configuration = (
  index: number,
  term: number,
  current: readonly MemberKey[],
  incoming?: readonly MemberKey[],
): Entry => ({
  ...head(index, term),
  kind: "voters",
  voters: incoming === undefined ? { current } : { current, incoming },
});
export const hardState = (term: number, vote?: MemberKey): HardState => ({ term: termOf(term), vote });
export const startAt = (index: number, term: number, voters: readonly MemberKey[]): LogStart => ({
  index: logIndex(index),
  term: termOf(term),
  voters: { current: voters },
});

export const voteRequest = (term: number, lastIndex: number, lastTerm: number): RaftMessage => ({
  kind: "vote-request",
  term: termOf(term),
  attempt: 1,
  lastIndex: logIndex(lastIndex),
  lastTerm: termOf(lastTerm),
});
export const voteReply = (term: number, granted = true): RaftMessage => ({
  kind: "vote-reply",
  term: termOf(term),
  attempt: 1,
  granted,
});
export const append = (term: number, ...entries: Entry[]): RaftMessage => ({
  kind: "append",
  term: termOf(term),
  beat: 1,
  previousIndex: logIndex((entries[0]?.index ?? 1) - 1),
  previousTerm: termOf(0),
  commit: logIndex(0),
  siteTime: siteTime(0),
  entries,
});
export const acknowledgement = (term: number, match: number): RaftMessage => ({
  kind: "append-ack",
  term: termOf(term),
  beat: 1,
  match: logIndex(match),
});

export class Story {
  readonly checker: Checker;
  readonly lives = new Map<number, WatchedLife>();
  #now = 0;
  #numberOfLives = 0;

  constructor(checkerOf: CheckerOf) {
    const now = (): Instant => instant(this.#now);
    const world = {
      get now(): Instant {
        return now();
      },
      lives: () => this.lives.values(),
      pendingEvents: () => 0,
      logUsage: () => undefined,
    } satisfies CheckedWorld & Record<string, unknown>;
    this.checker = checkerOf(world);
  }

  pass(milliseconds: number): void {
    this.#now += milliseconds;
  }

  nextLife(): number {
    this.#numberOfLives += 1;
    return this.#numberOfLives;
  }

  device(self: MemberKey): Actor {
    return new Actor(this, self);
  }
}

/** One device, with its card. */
export class Actor {
  readonly self: MemberKey;
  readonly card: string;
  readonly machine: string;
  readonly state = SiteState.empty();
  generation = 1;
  appliedIndex = logIndex(0);
  status: Writable<RaftStatus>;
  readonly #story: Story;
  #life: WatchedLife | undefined;
  #entries: Entry[] = [];
  #start = startAt(0, 0, [a, b, c]);
  #hardState = hardState(0);
  #pending: Persist[] = [];
  #position = 0;
  #token = 0;

  constructor(story: Story, self: MemberKey) {
    this.#story = story;
    this.self = self;
    this.card = `card of ${self}`;
    this.machine = `machine of ${self}`;
    this.status = this.#statusNow();
  }

  get life(): WatchedLife {
    if (this.#life === undefined) throw new Error(`${this.self} does not live`);
    return this.#life;
  }

  /** A life begins, from what was written here; or from what a test says was found. */
  begin(found: Partial<RaftInitial> = {}): this {
    const { self, machine, card } = this;
    const replica = this.#replica();
    const generation = (): number => this.generation;
    this.#life = { number: this.#story.nextLife(), machine, card, self, replica, generation };
    this.#story.lives.set(this.#life.number, this.#life);
    this.#start = found.start ?? this.#start;
    this.#entries = [...(found.entries ?? this.#entries)];
    this.#hardState = found.hardState ?? this.#hardState;
    this.status = this.#statusNow();
    this.#story.checker.lifeBegan?.(this.#life, {
      self,
      hardState: this.#hardState,
      start: this.#start,
      entries: this.#entries,
      checkpoint: undefined,
      timing,
      limits,
      random: () => 0,
      now: instant(0),
      ...found,
    });
    return this;
  }

  end(): void {
    this.#story.lives.delete(this.life.number);
    this.#story.checker.lifeEnded?.(this.life);
    this.#life = undefined;
    this.#pending = [];
  }

  /** `status` is what the core says of itself afterwards. */
  step(status: Partial<Plain>, effects: readonly RaftEffect[] = [], event?: RaftEvent): void {
    Object.assign(this.status, status);
    const tick: RaftEvent = { kind: "tick", now: instant(0), siteTime: siteTime(0) };
    this.#story.checker.stepped?.(this.life, event ?? tick, effects);
  }

  /** Handed to the disk, and not yet down. */
  write(what: Partial<Omit<Persist, "kind" | "token">>, status: Partial<Plain> = {}, ...before: RaftEffect[]): void {
    this.#token += 1;
    const persist: Persist = { kind: "persist", token: this.#token, entries: [], urgent: true, ...what };
    this.#pending.push(persist);
    const { start, truncateAfter: after } = persist;
    if (start !== undefined) {
      this.#start = start;
      this.#entries = [];
    }
    if (after !== undefined) this.#entries = this.#entries.filter(({ index }) => index <= after);
    this.#entries.push(...persist.entries);
    if (persist.hardState !== undefined) this.#hardState = persist.hardState;
    const { term, vote, last, voters, start: begins } = this.#statusNow();
    const synced = logIndex(Math.min(this.status.synced, after ?? this.status.synced));
    const role = term === this.status.term ? this.status.role : "follower";
    this.step({ term, vote, last, voters, synced, role, start: begins, ...status }, [...before, persist]);
  }

  /** What was handed over is down, and the core hears of it. */
  sync(): void {
    for (const { start: restart, hardState: hard, truncateAfter, entries } of this.#pending.splice(0)) {
      this.#position += 1;
      const payload = encodeRecord({ restart, hardState: hard, truncateAfter, entries }, logIndex(0));
      this.#story.checker.synced?.({ card: this.card, log: "raft", position: this.#position, payload });
    }
    this.step({ synced: this.status.last });
  }

  put(what: Partial<Omit<Persist, "kind" | "token">>, status: Partial<Plain> = {}): void {
    this.write(what, status);
    this.sync();
  }

  lead(term: number, ...entries: Entry[]): void {
    const role: RaftEffect = { kind: "role", role: "leader", term: termOf(term), leader: this.self, why: "" };
    this.write({ entries }, { term: termOf(term), role: "leader" }, role);
  }

  /** The core knows that it is committed, and applies it. */
  commit(index: number): void {
    const entries = this.#entries.filter((entry) => entry.index > this.appliedIndex && entry.index <= index);
    const effects: RaftEffect[] = entries.length === 0 ? [] : [{ kind: "apply", entries }];
    this.step({ commit: logIndex(index) }, effects);
    for (const entry of entries) this.apply(entry);
    this.step({ applied: logIndex(index) });
  }

  apply(entry: Entry): void {
    this.appliedIndex = entry.index;
    const outcome = entry.kind === "command" ? this.state.apply(entry) : undefined;
    this.#story.checker.applied?.(this.life, entry, outcome);
  }

  /** A snapshot took the state's place. */
  replaced(): void {
    this.#story.checker.replaced?.(this.life);
  }

  say(message: RaftMessage, to?: MemberKey): void {
    this.#story.checker.said?.(this.self, this.machine, message, to);
  }

  #replica(): WatchedLife["replica"] {
    const now = { appliedIndex: () => this.appliedIndex, status: () => ({ ...this.status }) };
    return {
      state: this.state,
      get appliedIndex() {
        return now.appliedIndex();
      },
      status: now.status,
      usage: () => ({ bytes: 0, segments: 0, bytesWritten: 0, syncs: 0 }),
    };
  }

  #statusNow(): Writable<RaftStatus> {
    const newest = this.#entries.findLast((entry) => entry.kind === "voters");
    const voters: Voters = newest?.kind === "voters" ? newest.voters : this.#start.voters;
    const last = this.#entries.at(-1)?.index ?? this.#start.index;
    return {
      term: this.#hardState.term,
      role: "follower",
      vote: this.#hardState.vote,
      leader: undefined,
      why: "",
      isLeaderTakenForGone: false,
      start: this.#start.index,
      commit: this.#start.index,
      applied: this.#start.index,
      synced: last,
      last,
      lastTerm: this.#entries.at(-1)?.term ?? this.#start.term,
      voters,
      isVotersCommitted: true,
      hasAuthority: false,
      followers: [],
      transferringTo: undefined,
    };
  }
}

type Plain = Writable<RaftStatus>;

/** Three voters; `a` is elected in term 1, and three entries are committed and applied everywhere. */
export function quietSite(checkerOf: CheckerOf): { story: Story; x: Actor; y: Actor; z: Actor } {
  const story = new Story(checkerOf);
  const [x, y, z] = [story.device(a).begin(), story.device(b).begin(), story.device(c).begin()];
  elect(x, [y, z], 1, noop(1, 1));
  replicate(x, [y, z], command(2, 1));
  replicate(x, [y, z], command(3, 1));
  return { story, x, y, z };
}

/** With `first`, the entry that begins the term, committed. */
export function elect(leader: Actor, others: readonly Actor[], term: number, first: Entry): void {
  const last = leader.status.last;
  const lastTerm = last === 0 ? 0 : 1;
  leader.put({ hardState: hardState(term, leader.self) });
  for (const other of others) {
    leader.say(voteRequest(term, last, lastTerm), other.self);
    other.put({ hardState: hardState(term, leader.self) });
    other.say(voteReply(term), leader.self);
  }
  leader.lead(term, first);
  spread(leader, others, term, first);
}

export function replicate(leader: Actor, others: readonly Actor[], entry: Entry): void {
  leader.write({ entries: [entry] });
  spread(leader, others, leader.status.term, entry);
}

function spread(leader: Actor, others: readonly Actor[], term: number, entry: Entry): void {
  leader.say(append(term, entry));
  leader.sync();
  for (const other of others) {
    other.put({ entries: [entry] });
    other.say(acknowledgement(term, entry.index), leader.self);
  }
  leader.commit(entry.index);
  leader.say(append(term));
  for (const other of others) other.commit(entry.index);
}
