// What all checkers of agreement know in common: each life's log, each card's records, and what each generation committed.
//
// Problem: a dozen checkers need the same mirrors, and each shall stand alone, in a test as in the world. Idea: every checker
// tells the books of its world what it was told, first thing; the books take each thing once, known by its identity.

import type { MemberKey } from "../../../src/base/ids.ts";
import type { Instant, Term } from "../../../src/base/units.ts";
import type { RaftEffect, RaftEvent, RaftInitial, RaftStatus } from "../../../src/raft/types.ts";
import type { CheckedWorld, SyncedRecord, WatchedLife } from "../checker.ts";
import { CardBook, type Forgotten } from "./card-book.ts";
import { type KnownEntry, LogMirror, type PlacedVoters } from "./log-mirror.ts";
import { perWorld } from "./per-world.ts";

/** One life, as of its newest step. */
export interface LifeBook {
  readonly life: WatchedLife;
  readonly initial: RaftInitial;
  /** That it was in at its newest step. */
  generation: number;
  readonly log: LogMirror;
  /** What its card should have held at its beginning and did not. */
  readonly missing: string | undefined;
  /** After the newest step, and before it. */
  status: RaftStatus;
  before: RaftStatus;
  /** In force before the newest step. */
  votersBefore: PlacedVoters;
  /** The newest term in which it led, and the first entry of it. */
  led: { readonly term: Term; readonly first: number } | undefined;
  /** The newest step made these entries the first known to be committed: after `from`, up to `to`. */
  advanced: { readonly from: number; readonly to: number } | undefined;
}

/** What was agreed since one founding of the site. */
export interface GenerationBook {
  /** By index; as the first life that committed it had it. */
  readonly committed: Map<number, KnownEntry>;
  /** The highest committed index. */
  last: number;
  /** When the first entry of each term was committed that its own leader appended; ascending. */
  readonly firstCommits: { readonly term: Term; readonly at: Instant }[];
}

/** When whoever leads in `term` was told off for good: a later term had committed. Undefined: none has. */
export function supersededAt({ firstCommits }: GenerationBook, term: number): Instant | undefined {
  let at: Instant | undefined;
  for (let i = firstCommits.length - 1; i >= 0; i--) {
    const one = firstCommits[i];
    if (one === undefined || one.term <= term) break;
    at = one.at;
  }
  return at;
}

interface NewestStep {
  readonly event: RaftEvent;
  readonly book: LifeBook;
}

export const booksOf = perWorld((world) => new AgreementBooks(world));

export class AgreementBooks {
  readonly #world: CheckedWorld;
  /** By the life's number; only those that go on. */
  readonly #lives = new Map<number, LifeBook>();
  readonly #onMachine = new Map<string, LifeBook>();
  readonly #cards = new Map<string, CardBook>();
  readonly #cardOf = new Map<MemberKey, string>();
  /** As they were when they were lost. */
  readonly #lostCards = new Map<MemberKey, CardBook>();
  readonly #generations = new Map<number, GenerationBook>();
  readonly #generationOf = new Map<MemberKey, number>();
  #newestStep: NewestStep | undefined;
  #newestRecord: { readonly record: SyncedRecord; readonly forgotten: Forgotten | undefined } | undefined;

  constructor(world: CheckedWorld) {
    this.#world = world;
  }

  life(life: WatchedLife): LifeBook {
    const book = this.#lives.get(life.number);
    if (book === undefined) throw new Error(`The world never said that life ${life.number} of ${life.machine} began`);
    return book;
  }

  /** Of the life that goes on there. */
  onMachine(machine: string): LifeBook | undefined {
    return this.#onMachine.get(machine);
  }

  generation(life: WatchedLife): GenerationBook {
    const number = life.generation();
    let found = this.#generations.get(number);
    if (found === undefined) {
      found = { committed: new Map(), last: 0, firstCommits: [] };
      this.#generations.set(number, found);
    }
    return found;
  }

  card(name: string): CardBook {
    let found = this.#cards.get(name);
    if (found === undefined) {
      found = new CardBook(name);
      this.#cards.set(name, found);
    }
    return found;
  }

  /** The card that has the log of `member`, or had it until it was lost: what it said before may still be on its way. */
  cardOfMember(member: MemberKey): CardBook | undefined {
    const card = this.#cards.get(this.#cardOf.get(member) ?? "");
    return card?.member === member ? card : this.#lostCards.get(member);
  }

  /** Of the generation in which `member` last lived. */
  committedOf(member: MemberKey): ReadonlyMap<number, KnownEntry> | undefined {
    return this.#generations.get(this.#generationOf.get(member) ?? 0)?.committed;
  }

  /** A life that goes on and that leads, or last led, in `term` of the same generation as `life`. */
  leaderOf(life: WatchedLife, term: number): LifeBook | undefined {
    for (const book of this.#lives.values()) {
      if (book.led?.term === term && book.life.generation() === life.generation()) return book;
    }
    return undefined;
  }

  lifeBegan(life: WatchedLife, initial: RaftInitial): LifeBook {
    const known = this.#lives.get(life.number);
    if (known !== undefined) return known;
    const missing = this.card(life.card).found(life.self, initial);
    this.#cardOf.set(life.self, life.card);
    const log = new LogMirror(initial.start, initial.entries);
    const status = life.replica.status();
    const book: LifeBook = {
      life,
      initial,
      generation: life.generation(),
      log,
      missing,
      status,
      before: status,
      votersBefore: log.voters,
      led: undefined,
      advanced: undefined,
    };
    this.#lives.set(life.number, book);
    this.#onMachine.set(life.machine, book);
    this.#generationOf.set(life.self, book.generation);
    this.#advance(book);
    return book;
  }

  lifeEnded(life: WatchedLife): void {
    this.#lives.delete(life.number);
    if (this.#onMachine.get(life.machine)?.life.number === life.number) this.#onMachine.delete(life.machine);
  }

  stepped(life: WatchedLife, event: RaftEvent, effects: readonly RaftEffect[]): LifeBook {
    if (this.#newestStep?.event === event && this.#newestStep.book.life.number === life.number)
      return this.#newestStep.book;
    const book = this.life(life);
    this.#newestStep = { event, book };
    const generation = life.generation();
    const isSameGeneration = generation === book.generation;
    book.generation = generation;
    if (!isSameGeneration) this.#generationOf.set(life.self, generation);
    book.before = book.status;
    book.status = life.replica.status();
    book.votersBefore = book.log.voters;
    if (event.kind === "snapshot-installed") this.card(life.card).checkpointed(event.name.index);
    if (event.kind === "checkpointed") this.card(life.card).checkpointed(event.index);
    for (const effect of effects) mirror(book, effect);
    if (isSameGeneration && book.status.commit === book.before.commit) book.advanced = undefined;
    else this.#advance(book);
    return book;
  }

  synced(record: SyncedRecord): Forgotten | undefined {
    if (record.log !== "raft") return undefined;
    if (this.#newestRecord?.record === record) return this.#newestRecord.forgotten;
    const forgotten = this.card(record.card).record(record.position, record.payload);
    this.#newestRecord = { record, forgotten };
    return forgotten;
  }

  recovered({ log, card, position }: SyncedRecord): void {
    if (log === "raft") this.card(card).opened(position);
  }

  cardLost(card: string): void {
    const lost = this.#cards.get(card);
    if (lost?.member !== undefined && this.#cardOf.get(lost.member) === card) this.#lostCards.set(lost.member, lost);
    this.#cards.delete(card);
  }

  #advance(book: LifeBook): void {
    const generation = this.generation(book.life);
    const { commit } = book.status;
    book.advanced = undefined;
    if (commit <= generation.last) return;
    book.advanced = { from: generation.last, to: commit };
    for (let index = Math.max(generation.last, book.log.start.index) + 1; index <= commit; index++) {
      const entry = book.log.at(index);
      if (entry !== undefined) generation.committed.set(index, entry);
    }
    generation.last = commit;
    const term = book.log.termAt(commit);
    const newest = generation.firstCommits.at(-1)?.term ?? 0;
    if (term !== undefined && term > newest) generation.firstCommits.push({ term, at: this.#world.now });
  }
}

function mirror(book: LifeBook, effect: RaftEffect): void {
  const { log } = book;
  if (effect.kind === "persist") {
    if (effect.start !== undefined) log.restart(effect.start);
    if (effect.truncateAfter !== undefined) log.truncateAfter(effect.truncateAfter);
    for (const entry of effect.entries) log.append(entry);
  } else if (effect.kind === "compacted") log.compact(effect.start);
  else if (effect.kind === "role" && effect.role === "leader") {
    // The entry that begins the term is appended in this very step, and is the next one.
    book.led = { term: effect.term, first: log.last + 1 };
  }
}

/** What a checker that has nothing of its own to do with these tells the books. */
export function keeping(kept: AgreementBooks) {
  return {
    lifeBegan: (life: WatchedLife, initial: RaftInitial): void => {
      kept.lifeBegan(life, initial);
    },
    lifeEnded: (life: WatchedLife): void => kept.lifeEnded(life),
    stepped: (life: WatchedLife, event: RaftEvent, effects: readonly RaftEffect[]): void => {
      kept.stepped(life, event, effects);
    },
    synced: (record: SyncedRecord): void => {
      kept.synced(record);
    },
    recovered: (record: SyncedRecord): void => kept.recovered(record),
    cardLost: (card: string): void => kept.cardLost(card),
  };
}
