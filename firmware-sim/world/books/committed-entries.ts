// The committed log as the checkers understand it, one entry at a time, computed once: from the first replica that applies it.
// A generation that begins from an older log makes a second lineage, which shares the past with the first.

import {
  type DeviceId,
  type Generation,
  type Incarnation,
  type MemberKey,
  memberKey,
  memberOf,
} from "../../../src/base/ids.ts";
import type { Entry } from "../../../src/raft/types.ts";
import { type CountMove, type FrozenPart, type PartialPart, quality } from "../../../src/readings/types.ts";
import { decodeProposal } from "../../../src/site/command-codec.ts";
import type { Applied, Command, JoinRequest } from "../../../src/site/types.ts";
import { type Amount, addAmounts, nothing, type WindowDelta } from "./amounts.ts";
import { definedAnew, type ExpectedVersion, KeyFinder, keyName } from "./expected-definitions.ts";
import {
  changedConfiguration,
  type ExpectedConfiguration,
  expectedAggregations,
  foundedConfiguration,
} from "./expected-groups.ts";
import type { ReadingSequence, ReadingSequences } from "./reading-sequences.ts";
import { RollbackMap } from "./rollback-map.ts";
import { ToldItems } from "./told-items.ts";

/** A move, and what the cards say of it. */
export interface KnownMove extends CountMove {
  /** How far the origin was counted before it. */
  readonly stood: number | undefined;
  /** Numbers of the range that no card has taken, or that have no stamp. */
  readonly unknown: number;
  /** Newest stamp of the range. */
  readonly newest: number;
}

/** An origin that stopped, or that turned up again with an heir, and how many taken readings the site knows it had uncounted. */
export interface StoppedOrigin {
  readonly origin: MemberKey;
  readonly uncounted: number;
}

export interface KnownEntry {
  readonly index: number;
  readonly term: number;
  readonly siteTime: number;
  /** Undefined: Raft's own, or no command. */
  readonly kind: Command["kind"] | undefined;
  /** It applied, here and now. */
  readonly isDone: boolean;
  readonly moves: readonly KnownMove[];
  /** Of the readings that it moves over, by window; of none for a window that it names and may not change. */
  readonly deltas: ReadonlyMap<string, WindowDelta>;
  /** Of a frozen partial: where its windows end, as the entry says. */
  readonly frozenEnds: ReadonlyMap<string, number> | undefined;
  readonly joins: readonly JoinRequest[];
  /** Whose readings each newcomer goes on with. */
  readonly heirs: readonly { readonly origin: MemberKey; readonly ancestor: MemberKey }[];
  readonly ended: readonly StoppedOrigin[];
  readonly resumed: readonly StoppedOrigin[];
  /** As the entry says; 0 where it counts nothing. */
  readonly stampMax: number;
  /** Numbers of the items that it takes out of the outbox, for each item that takes their place. */
  readonly merges: readonly (readonly number[])[];
}

export interface LineageFacts {
  readonly generation: Generation | undefined;
  /** The newest site time in any entry. */
  readonly floor: number;
  readonly stampMax: number;
  readonly configuration: ExpectedConfiguration;
  readonly versions: readonly ExpectedVersion[];
}

type FrozenCommand = Extract<Command, { readonly kind: "count-frozen" }>;

interface Gone {
  readonly heir: Incarnation | undefined;
}

/** Entries that are remembered for replicas that come later. */
const entriesMax = 8_192;

export class Lineage {
  readonly counted: RollbackMap<MemberKey, number>;
  /** The last number that the site was told of. */
  readonly stored: RollbackMap<MemberKey, number>;
  /** Where each origin's counting began. */
  readonly began: RollbackMap<MemberKey, number>;
  readonly members: RollbackMap<DeviceId, Incarnation>;
  readonly gone: RollbackMap<MemberKey, Gone>;
  /** All readings that are counted, by window. */
  readonly totals: RollbackMap<string, WindowDelta>;
  /** In force since the entry of this index. */
  readonly versions: RollbackMap<number, readonly ExpectedVersion[]>;
  /** Digests of what was made for the uplink, by id. */
  readonly items: RollbackMap<string, string>;
  /** What these said. */
  readonly told: ToldItems;
  readonly #facts: RollbackMap<"now", LineageFacts>;
  readonly #entries: Map<number, KnownEntry>;
  readonly parent: { readonly lineage: Lineage; readonly before: number } | undefined;
  head: number;

  constructor(head: number, parent?: Lineage) {
    this.head = head;
    this.parent = parent === undefined ? undefined : { lineage: parent, before: head + 1 };
    this.counted = parent?.counted.before(head + 1) ?? new RollbackMap();
    this.stored = parent?.stored.before(head + 1) ?? new RollbackMap();
    this.began = parent?.began.before(head + 1) ?? new RollbackMap();
    this.members = parent?.members.before(head + 1) ?? new RollbackMap();
    this.gone = parent?.gone.before(head + 1) ?? new RollbackMap();
    this.totals = parent?.totals.before(head + 1) ?? new RollbackMap();
    this.versions = parent?.versions.before(head + 1) ?? new RollbackMap();
    this.items = parent?.items.before(head + 1) ?? new RollbackMap();
    this.told = parent?.told.before(head + 1) ?? new ToldItems();
    this.#facts = parent === undefined ? new RollbackMap() : parent.#facts.before(head + 1);
    const entries = parent === undefined ? [] : [...parent.#entries];
    this.#entries = new Map(entries.filter(([index]) => index <= head));
  }

  get facts(): LineageFacts {
    return this.#facts.get("now") ?? unfounded;
  }

  /** Undefined: not reached yet, or long ago. */
  entry(index: number): KnownEntry | undefined {
    return this.#entries.get(index);
  }

  append(entry: Entry, applied: Applied | undefined, sequences: ReadingSequences): KnownEntry {
    const { index, term } = entry;
    const command = entry.kind === "command" ? decodeProposal(entry.command)?.command : undefined;
    const floor = Math.max(this.facts.floor, Math.floor(entry.kind === "command" ? entry.siteTime : 0));
    if (floor > this.facts.floor) this.#change(index, { floor });
    // The answer to a repeat names the entry that applied.
    const isDone = applied?.outcome.kind === "done" && applied.outcome.index === index;
    const before = {
      moves: none,
      deltas: new Map(),
      frozenEnds: undefined,
      joins: none,
      heirs: none,
      ended: none,
      resumed: none,
      stampMax: 0,
      merges: none,
    };
    const effect = command === undefined ? {} : isDone ? this.#take(command, index, sequences) : refusedEffect(command);
    const known = { index, term, siteTime: entry.siteTime, kind: command?.kind, isDone, ...before, ...effect };
    this.#entries.set(index, known);
    this.#entries.delete(index - entriesMax);
    this.head = index;
    return known;
  }

  #change(index: number, changes: Partial<LineageFacts>): void {
    this.#facts.set(index, "now", { ...this.facts, ...changes });
  }

  #take(command: Command, index: number, sequences: ReadingSequences): Partial<KnownEntry> {
    switch (command.kind) {
      case "found": {
        const configuration = this.facts.generation === undefined ? foundedConfiguration : this.facts.configuration;
        this.#change(index, { generation: command.generation, configuration });
        return {};
      }
      case "join":
        return this.#join(command.joins, index);
      case "remove": {
        const incarnation = this.members.get(command.device);
        if (incarnation === undefined) return {};
        this.members.set(index, command.device, undefined);
        return { ended: [this.#stop(memberKey({ device: command.device, incarnation }), undefined, index)] };
      }
      case "configure": {
        const configuration = changedConfiguration(this.facts.configuration, command.changes);
        const { versions, floor: now, stampMax } = this.facts;
        const wanted = expectedAggregations(configuration);
        const defined = definedAnew(versions, wanted, { now, stampMax });
        this.#change(index, { configuration, versions: defined });
        this.versions.set(index, index, defined);
        return {};
      }
      case "count":
        return this.#count(command, index, sequences);
      case "count-frozen":
        return this.#countFrozen(command, index, sequences);
      case "time":
        // A jump is relative to the newest time in the log.
        if (command.change.kind !== "lost" && command.change.jump > 0) {
          this.#change(index, { floor: this.facts.floor + command.change.jump });
        }
        return {};
      case "degrade":
        return { merges: command.merges.map(({ numbers }) => numbers) };
      case "close":
      case "cursor":
      case "checkpoint":
        return {};
    }
  }

  #join(joins: readonly JoinRequest[], index: number): Partial<KnownEntry> {
    const ended: StoppedOrigin[] = [];
    const resumed: StoppedOrigin[] = [];
    const heirs: { origin: MemberKey; ancestor: MemberKey }[] = [];
    for (const { device, incarnation, was } of joins) {
      const known = this.members.get(device);
      if (known === incarnation) continue;
      const origin = memberKey({ device, incarnation });
      const current = known === undefined ? undefined : memberKey({ device, incarnation: known });
      // The newest that the site knows: it need not have heard of those between.
      const inherited = was
        .map((earlier) => memberKey({ device, incarnation: earlier }))
        .find((key) => key === current || this.gone.get(key) !== undefined);
      if (inherited !== undefined) heirs.push({ origin, ancestor: inherited });
      const place = inherited === undefined ? 0 : (this.counted.get(inherited) ?? 0);
      const stored = inherited === undefined ? 0 : (this.stored.get(inherited) ?? 0);
      if (inherited !== undefined && this.gone.get(inherited) !== undefined) {
        resumed.push({ origin: inherited, uncounted: stored - place });
      }
      if (known !== undefined) {
        const stopped = this.#stop(memberKey({ device, incarnation: known }), undefined, index);
        if (current !== inherited) ended.push(stopped);
      }
      if (inherited !== undefined && this.gone.get(inherited) !== undefined) {
        this.gone.set(index, inherited, { heir: incarnation });
      }
      this.members.set(index, device, incarnation);
      this.counted.set(index, origin, place);
      this.stored.set(index, origin, stored);
      this.began.set(index, origin, place);
    }
    return { joins, heirs, ended, resumed };
  }

  #stop(origin: MemberKey, heir: Incarnation | undefined, index: number): StoppedOrigin {
    this.gone.set(index, origin, { heir });
    return { origin, uncounted: (this.stored.get(origin) ?? 0) - (this.counted.get(origin) ?? 0) };
  }

  #count(
    command: Extract<Command, { readonly kind: "count" }>,
    index: number,
    sequences: ReadingSequences,
  ): Partial<KnownEntry> {
    const deltas = new Map<string, WindowDelta>();
    const moves = command.moves.map((move): KnownMove => {
      const stood = this.counted.get(move.origin);
      this.counted.set(index, move.origin, move.to);
      this.stored.set(index, move.origin, Math.max(this.stored.get(move.origin) ?? 0, move.stored, move.to));
      const found = sequences.of(move.origin);
      const sequence = found.findLast(({ last }) => last >= move.to) ?? found.at(-1);
      const { unknown, newest } = this.#add(move, sequence, deltas);
      sequence?.release(move.from);
      return { ...move, stood, unknown, newest };
    });
    for (const [name, { key, amount }] of deltas) {
      this.totals.set(index, name, { key, amount: addAmounts(this.totals.get(name)?.amount ?? nothing, amount) });
    }
    for (const [name, delta] of untouched(command)) if (!deltas.has(name)) deltas.set(name, delta);
    const stampMax = Math.ceil(command.stampMax);
    this.#change(index, { stampMax: Math.max(this.facts.stampMax, stampMax) });
    return { moves, deltas, stampMax };
  }

  /** Its readings went under the windows that they had when they were frozen, as the card's own records say (books/frozen-book.ts). */
  #countFrozen(
    { move, stampMax, parts }: FrozenCommand,
    index: number,
    sequences: ReadingSequences,
  ): Partial<KnownEntry> {
    const stood = this.counted.get(move.origin);
    this.counted.set(index, move.origin, move.to);
    this.stored.set(index, move.origin, Math.max(this.stored.get(move.origin) ?? 0, move.stored, move.to));
    const windows = sequences
      .of(move.origin)
      .map((sequence) => sequence.frozen.windowsOf(move))
      .find((each) => each !== undefined);
    const deltas = new Map(windows);
    for (const [name, { key, amount }] of deltas) {
      this.totals.set(index, name, { key, amount: addAmounts(this.totals.get(name)?.amount ?? nothing, amount) });
    }
    for (const [name, delta] of untouched({ parts })) if (!deltas.has(name)) deltas.set(name, delta);
    this.#change(index, { stampMax: Math.max(this.facts.stampMax, Math.ceil(stampMax)) });
    const known = { ...move, stood, unknown: windows === undefined ? move.to - move.from : 0, newest: stampMax };
    return { moves: [known], deltas, stampMax: Math.ceil(stampMax), frozenEnds: endsOf(parts) };
  }

  #add(
    { origin, from, to }: CountMove,
    sequence: ReadingSequence | undefined,
    deltas: Map<string, WindowDelta>,
  ): { unknown: number; newest: number } {
    const finder = new KeyFinder(this.facts.versions, memberOf(origin).device);
    let [unknown, newest] = [to - from, 0];
    for (const { sensor, stamp, value, quality: flags } of sequence?.between(from, to) ?? []) {
      if (stamp === undefined) continue;
      unknown -= 1;
      newest = Math.max(newest, stamp);
      const isMissing = (flags & quality.missing) !== 0;
      const one = isMissing ? oneMissing : { count: 1, sum: value, min: value, max: value, missing: 0 };
      for (const key of finder.keysOf(sensor, stamp)) {
        const name = keyName(key);
        const delta = deltas.get(name);
        deltas.set(name, { key, amount: delta === undefined ? one : addAmounts(delta.amount, one) });
      }
    }
    return { unknown, newest };
  }
}

/** The windows that a count speaks of, and adds nothing to. */
const untouched = ({
  parts,
}: {
  readonly parts: readonly PartialPart[];
}): readonly (readonly [string, WindowDelta])[] => parts.map(({ key }) => [keyName(key), { key, amount: nothing }]);

const refusedEffect = (command: Command): Partial<KnownEntry> =>
  command.kind === "count" || command.kind === "count-frozen" ? { deltas: new Map(untouched(command)) } : {};

const endsOf = (parts: readonly FrozenPart[]): ReadonlyMap<string, number> =>
  new Map(parts.map(({ key, end }) => [keyName(key), end]));

const none: readonly never[] = [];
const oneMissing: Amount = { ...nothing, missing: 1 };
const unfounded: LineageFacts = {
  generation: undefined,
  floor: 0,
  stampMax: 0,
  configuration: foundedConfiguration,
  versions: [],
};
