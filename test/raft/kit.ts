// A bench for one core: it is stepped by hand, and whole lists of effects are compared.

import type { MemberKey } from "../../src/base/ids.ts";
import { type Instant, instant, logIndex, milliseconds, siteTime, term as termOf } from "../../src/base/units.ts";
import { createRaft } from "../../src/raft/raft.ts";
import type {
  Entry,
  LogStart,
  Raft,
  RaftEffect,
  RaftEvent,
  RaftInitial,
  RaftLimits,
  RaftMessage,
  RaftTiming,
  Voters,
} from "../../src/raft/types.ts";

export const memberNamed = (name: string): MemberKey => `${name}@${"0".repeat(32)}` as MemberKey;
export const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(memberNamed) as [
  MemberKey,
  MemberKey,
  MemberKey,
  MemberKey,
  MemberKey,
];

export const timing: RaftTiming = {
  heartbeatInterval: milliseconds(250),
  electionTimeoutMin: milliseconds(1_500),
  electionTimeoutMax: milliseconds(2_500),
  gapHold: milliseconds(50),
  persistTimeout: milliseconds(10_000),
};

export const limits: RaftLimits = {
  batchBytes: 1_000,
  windowBytes: 4_000,
  uncommittedBytes: 10_000,
  repairBytesPerSecond: 100_000,
  tailEntries: 2,
  tailBytes: 10_000,
  snapshotChunkBytes: 10,
};

export type Input = RaftEvent extends infer Event
  ? Event extends unknown
    ? Omit<Event, "now" | "siteTime">
    : never
  : never;
export type Message<Kind extends RaftMessage["kind"]> = RaftMessage extends infer One
  ? One extends { readonly kind: infer Kinds }
    ? Kind extends Kinds
      ? One
      : never
    : never
  : never;

/** Terms, indexes and durations as plain numbers: tests are read by people. */
type Plain<T> = T extends Uint8Array | MemberKey
  ? T
  : T extends number
    ? number
    : T extends readonly (infer Item)[]
      ? readonly Plain<Item>[]
      : T extends object
        ? { readonly [Key in keyof T]: Plain<T[Key]> }
        : T;

export const message = <M extends RaftMessage>(plain: Plain<M>): M => plain as unknown as M;

export const noop = (index: number, term: number): Entry => ({
  index: logIndex(index),
  term: termOf(term),
  siteTime: siteTime(0),
  kind: "noop",
});

export const command = (index: number, term: number, text = "x"): Entry => ({
  ...noop(index, term),
  kind: "command",
  command: Buffer.from(text),
});

export const votersEntry = (index: number, term: number, voters: Voters): Entry => ({
  ...noop(index, term),
  kind: "voters",
  voters,
});

/** An append as leader `b` would send it: entries `after`+1 … of the given terms. */
export function append(
  term: number,
  beat: number,
  after: { readonly index: number; readonly term: number },
  rest: { readonly entries?: readonly Entry[]; readonly commit?: number } = {},
): Message<"append"> {
  return message<Message<"append">>({
    kind: "append",
    term,
    beat,
    previousIndex: after.index,
    previousTerm: after.term,
    commit: rest.commit ?? 0,
    siteTime: 0,
    entries: rest.entries ?? [],
  });
}

export interface Options {
  readonly self?: MemberKey;
  readonly voters?: readonly MemberKey[] | Voters;
  readonly term?: number;
  readonly vote?: MemberKey;
  /** Terms of the entries that are in the log already. */
  readonly log?: readonly number[];
  readonly entries?: readonly Entry[];
  readonly start?: { readonly index: number; readonly term: number };
  readonly checkpoint?: number;
  readonly limits?: Partial<RaftLimits>;
  readonly random?: () => number;
}

export class Bench {
  readonly raft: Raft;
  now: Instant = instant(0);
  #token = 0;

  constructor(options: Options = {}) {
    const voters = options.voters ?? [a, b, c];
    const start: LogStart = {
      index: logIndex(options.start?.index ?? 0),
      term: termOf(options.start?.term ?? 0),
      voters: "current" in voters ? voters : { current: voters },
    };
    const entries = options.entries ?? (options.log ?? []).map((term, i) => noop(start.index + 1 + i, term));
    const checkpoint = options.checkpoint ?? (start.index > 0 ? start.index : undefined);
    const initial: RaftInitial = {
      self: options.self ?? a,
      hardState: { term: termOf(options.term ?? entries.at(-1)?.term ?? start.term), vote: options.vote },
      start,
      entries,
      checkpoint:
        checkpoint === undefined ? undefined : { index: logIndex(checkpoint), digest: `at ${checkpoint}`, bytes: 25 },
      timing,
      limits: { ...limits, ...options.limits },
      random: options.random ?? (() => 0.5),
      now: this.now,
    };
    this.raft = createRaft(initial);
  }

  get status() {
    return this.raft.status(this.now);
  }

  step(input: Input): readonly RaftEffect[] {
    const effects = this.raft.step({ ...input, now: this.now, siteTime: siteTime(0) } as RaftEvent);
    for (const effect of effects) if (effect.kind === "persist") this.#token = effect.token;
    return effects;
  }

  receive(from: MemberKey, received: RaftMessage, broadcast = false): readonly RaftEffect[] {
    return this.step({ kind: "received", from, message: received, broadcast });
  }

  /** The leader's append on the log topic. */
  hear(from: MemberKey, received: Message<"append">): readonly RaftEffect[] {
    return this.receive(from, received, true);
  }

  /** Everything written so far is on disk. */
  sync(): readonly RaftEffect[] {
    return this.step({ kind: "persisted", token: this.#token });
  }

  wait(span: number): readonly RaftEffect[] {
    this.now = instant(this.now + span);
    return this.step({ kind: "tick" });
  }

  /** Waits until something is due. */
  waitForTick(): readonly RaftEffect[] {
    this.now = this.raft.nextTick() ?? this.now;
    return this.step({ kind: "tick" });
  }

  propose(...texts: readonly string[]): readonly RaftEffect[] {
    const proposals = texts.map((text, i) => ({ context: i + 1, command: Buffer.from(text) }));
    return this.step({ kind: "propose", proposals });
  }

  acknowledge(from: MemberKey, match: number, beat = this.newestBeat): readonly RaftEffect[] {
    return this.receive(
      from,
      message<Message<"append-ack">>({ kind: "append-ack", term: this.status.term, beat, match }),
    );
  }

  newestBeat = 0;

  /** Wins an election with the votes of `supporters`, and stands there with its first entry synced but not committed. */
  lead(...supporters: readonly MemberKey[]): this {
    let asked = this.waitForTick();
    for (let round = 0; round < 2 && this.status.role !== "leader"; round++) {
      const answered: RaftEffect[] = [];
      for (const member of supporters) answered.push(...this.#grant(member, asked));
      this.sync();
      asked = answered;
    }
    if (this.status.role !== "leader") throw new Error(`not elected: ${this.status.why}`);
    this.sync();
    this.newestBeat = 1;
    return this;
  }

  /** As `lead`, and the first entry is committed and applied. */
  reign(...supporters: readonly MemberKey[]): this {
    this.lead(...supporters);
    for (const member of supporters) this.acknowledge(member, this.status.last);
    this.step({ kind: "applied", index: this.status.commit });
    return this;
  }

  #grant(member: MemberKey, asked: readonly RaftEffect[]): readonly RaftEffect[] {
    const [preVote] = messages(asked, "pre-vote-request").filter((one) => one.kind === "pre-vote-request");
    const [vote] = messages(asked, "vote-request").filter((one) => one.kind === "vote-request");
    const request = vote ?? preVote;
    if (request === undefined) return [];
    const { term, attempt } = request;
    return this.receive(member, { kind: vote ? "vote-reply" : "pre-vote-reply", term, attempt, granted: true });
  }
}

export function sends(effects: readonly RaftEffect[]): readonly Extract<RaftEffect, { readonly kind: "send" }>[] {
  return effects.filter((effect) => effect.kind === "send");
}

export function messages<Kind extends RaftMessage["kind"]>(
  effects: readonly RaftEffect[],
  kind: Kind,
): readonly Message<Kind>[] {
  return sends(effects)
    .map((effect) => effect.message)
    .filter((one): one is Message<Kind> & RaftMessage => one.kind === kind);
}

export function only<Kind extends RaftEffect["kind"]>(
  effects: readonly RaftEffect[],
  kind: Kind,
): readonly Extract<RaftEffect, { readonly kind: Kind }>[] {
  return effects.filter((one): one is Extract<RaftEffect, { readonly kind: Kind }> => one.kind === kind);
}
