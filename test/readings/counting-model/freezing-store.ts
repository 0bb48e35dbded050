// A device's readings on a card that holds only a few: at its bound the oldest that were certainly never sent become a frozen
// partial (docs/decisions/0008). Abstract, so that each of its rules can be removed.

import type { SensorId } from "../../../src/base/ids.ts";
import { limits } from "../../../src/base/limits.ts";
import { logIndex, milliseconds, type SiteTime } from "../../../src/base/units.ts";
import { fold, windowEnd } from "../../../src/readings/fold.ts";
import type { FrozenPartial, Reading } from "../../../src/readings/types.ts";
import type { Checker } from "./checker.ts";
import type { FreezingRule } from "./freezing-rules.ts";
import { merged } from "./frozen-partial.ts";
import { Card, type DeviceStore, type StorePlan } from "./model-store.ts";

/** What survives: `card.frozen` and `card.sendable` too. */
export class FreezingCard extends Card {
  frozen: readonly FrozenPartial[] = [];
  /** No partial that ends behind it was ever sent. */
  sendable = 0;
  /** Newest definitions that the device knew when it last wrote readings. */
  revision = logIndex(0);

  override copy(): FreezingCard {
    const copy = new FreezingCard();
    copy.readings = [...this.readings];
    copy.last = this.last;
    copy.frozen = this.frozen;
    copy.sendable = this.sendable;
    copy.revision = this.revision;
    return copy;
  }
}

export interface FreezingPlan extends StorePlan {
  readonly card: FreezingCard;
  readonly broken: FreezingRule | undefined;
  readonly checker: Checker;
}

/** Readings on the card: from the first on some are frozen, at the second none is taken. */
const bounds = { freeze: 10, stop: 18 } as const;
const frozenMax = 3;
export const partialReadings = 2;
/** How far a sender may be ahead of `counted`. */
const lead = limits.partialsOutstanding * partialReadings;

/** What the card holds once the write is synced. */
type Content = Partial<Pick<FreezingCard, "readings" | "last" | "frozen" | "sendable" | "revision">>;

export class FreezingStore implements DeviceStore {
  readonly #plan: FreezingPlan;
  #pending: Omit<Reading, "number">[] = [];
  #writing: { readonly content: Content; readonly taken: readonly Reading[]; readonly synced: () => void } | undefined;
  #skipped = 0;
  #isHeld: boolean;
  #isFlushDue = false;
  #wanted = 0;
  /** Without `sendable-synced`: what was sent since the start, known here alone. */
  #sendable: number;

  constructor(plan: FreezingPlan) {
    this.#plan = plan;
    this.#isHeld = plan.isHeld;
    this.#sendable = plan.broken === "sendable-synced" ? 0 : plan.card.sendable;
    this.#pump();
  }

  get taken(): number {
    return this.#plan.card.last;
  }

  get ready(): number {
    return this.taken;
  }

  get sendable(): number {
    return this.#plan.broken === "sendable-synced" ? this.#sendable : this.#plan.card.sendable;
  }

  /** The first number that can still be sent, as a reading or frozen. */
  get first(): number {
    const { readings, frozen } = this.#plan.card;
    const firsts = [readings[0]?.number, frozen[0] && frozen[0].from + 1].filter((each) => each !== undefined);
    return firsts.length === 0 ? this.taken + 1 : Math.min(...firsts);
  }

  get frozen(): DeviceStore["frozen"] {
    const { frozen } = this.#plan.card;
    return {
      from: (from) => frozen.find((each) => each.from >= from),
      overlapping: (from, to) => frozen.find((each) => each.from < to && each.to > from),
    };
  }

  add(sensor: SensorId, value: number, quality: number, stamp: SiteTime | undefined): boolean {
    if (stamp === undefined) return false;
    this.#pending.push({ sensor, stamp, value, quality });
    return true;
  }

  admit(counted: number): void {
    this.#skipped = counted;
    this.#isHeld = false;
    this.#pump();
  }

  flush(done?: () => void): void {
    this.#isFlushDue = true;
    if (done !== undefined) this.#plan.clock.soon(done);
    this.#pump();
  }

  permit(to: number, done: (isPermitted: boolean) => void): void {
    // What is being frozen at this moment must not be sent: who asks had read it before.
    if (this.#writing?.content.frozen === undefined) this.#wanted = Math.max(this.#wanted, to);
    this.#pump();
    this.#plan.clock.after(milliseconds(100), "permit", () => done(to <= this.sendable));
  }

  powerCut(): void {
    if (this.#writing !== undefined && this.#plan.random.below(2) === 0) this.#persist();
  }

  read(from: number, maxCount: number, done: (failure: undefined, readings: readonly Reading[]) => void): void {
    const until = this.frozen.from(from)?.from ?? Number.POSITIVE_INFINITY;
    const found = this.#plan.card.readings.filter(({ number }) => number > from && number <= until);
    this.#plan.clock.soon(() => done(undefined, found.slice(0, maxCount)));
  }

  releaseThrough(number: number): void {
    const { card } = this.#plan;
    // What is being written replaces the readings as they were when it began.
    if (this.#writing !== undefined) return;
    card.readings = card.readings.filter((reading) => reading.number > number);
    card.frozen = card.frozen.filter(({ to }) => to > number);
  }

  #pump(): void {
    if (this.#writing !== undefined) return;
    const { card } = this.#plan;
    if (this.#wanted > this.sendable) {
      this.#sendable = this.#wanted;
      this.#write({ sendable: this.#wanted }, []);
    } else if (card.readings.length > this.#freezeAbove && this.#freeze()) return;
    else if (this.#isFlushDue && !this.#isHeld && card.readings.length + this.#pending.length <= bounds.stop) {
      this.#flushNow();
    }
  }

  /** The card may have come from a device that had more room. */
  get #freezeAbove(): number {
    return this.#plan.isHeld ? 1 : bounds.freeze;
  }

  #flushNow(): void {
    const { card } = this.#plan;
    this.#isFlushDue = false;
    if (this.#pending.length === 0) return;
    const before = Math.max(card.last, this.#skipped);
    const taken = this.#pending.map((reading, place) => ({ ...reading, number: before + 1 + place }));
    this.#pending = [];
    const last = before + taken.length;
    // The common case costs no write of its own: what is synced is sendable as far as a sender goes anyway.
    const sendable = Math.max(card.sendable, Math.min(last, this.#leadEnd()));
    const revision = logIndex(Math.max(card.revision, this.#plan.definitions().revision));
    this.#write({ readings: [...card.readings, ...taken], last, sendable, revision }, taken);
  }

  /** How far a sender goes that has seen nothing counted since; never into a frozen partial. */
  #leadEnd(): number {
    const counted = this.#plan.counted() ?? 0;
    return Math.min(counted + lead, this.frozen.from(counted)?.from ?? Number.POSITIVE_INFINITY);
  }

  /** False: nothing may be frozen. */
  #freeze(): boolean {
    const { card, broken, random, device, checker } = this.#plan;
    const counted = this.#plan.counted() ?? (broken === "admitted-only" ? 0 : undefined);
    if (counted === undefined) return false;
    const sent = broken === "beyond-sent" ? counted : Math.max(this.sendable, counted);
    const start = Math.max(sent, card.frozen.at(-1)?.to ?? 0);
    const freezable = card.readings.filter(({ number }) => number > start);
    const readings = freezable.slice(0, 1 + random.below(freezable.length));
    const [first, last] = [readings[0], readings.at(-1)];
    const definitions = this.#plan.definitions();
    if (first === undefined || last === undefined) return false;
    if (definitions.revision < card.revision && broken !== "as-new-as-sampled") return false;
    const folded = fold(readings, definitions, device);
    const parts = folded.parts.map((part) => ({ ...part, end: windowEnd(definitions, part.key) ?? part.key.start }));
    const range = { from: first.number - 1, to: last.number, slot: milliseconds(0) };
    const frozen: FrozenPartial = { ...folded, ...range, parts };
    checker.froze(frozen, readings, definitions, device);
    const all = this.#withinBound([...card.frozen, frozen], counted);
    if (all === undefined) return false;
    const kept = card.readings.filter((reading) => !readings.includes(reading));
    if (broken === "synced-in-place") card.readings = kept;
    this.#write({ readings: kept, frozen: all }, []);
    return true;
  }

  /** By the first of a pair: all that could ever be counted ends at or before what was sent, or what is counted already. */
  #withinBound(all: readonly FrozenPartial[], counted: number): readonly FrozenPartial[] | undefined {
    if (all.length <= frozenMax) return all;
    const { broken, checker, random } = this.#plan;
    const sent = broken === "merge-beyond-sent" ? 0 : this.sendable;
    const settled = Math.max(sent, broken === "merge-beyond-counted" ? 0 : counted);
    const mergeable = all.filter(({ from }) => from >= settled);
    const place = random.below(Math.max(1, mergeable.length - 1));
    const [a, b] = [mergeable[place], mergeable[place + 1]];
    if (a === undefined || b === undefined) return undefined;
    // Only true neighbours: readings that were never frozen may lie between two.
    if (a.to !== b.from) return undefined;
    const one = merged(a, b);
    checker.merged(one, a, b);
    return all.flatMap((each) => (each === a ? [one] : each === b ? [] : [each]));
  }

  #write(content: Content, taken: readonly Reading[]): void {
    const { clock, random } = this.#plan;
    const synced = (): void => {
      this.#persist();
      this.#pump();
    };
    this.#writing = { content, taken, synced };
    clock.after(milliseconds(5 + random.below(60)), "sync", synced);
  }

  #persist(): void {
    const { card } = this.#plan;
    const writing = this.#writing;
    this.#writing = undefined;
    if (writing === undefined) return;
    Object.assign(card, writing.content);
    this.#plan.taken(writing.taken);
  }
}
