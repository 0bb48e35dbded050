// The coordinator's side of counting (PROTOCOLS, "Counting each reading once", at the coordinator).
//
// Problem: fifty devices report at the end of a window, and each log entry costs every voter a sync. Idea: partials are gathered
// for a moment and proposed as one entry. Nothing here decides what counts: apply does, by comparing. What is remembered, how far
// each origin is on its way, only spares proposals that would be refused; so it may be forgotten at any time, and is forgotten
// whenever it could be wrong: when leadership ends, and when an entry of its own did not apply. It answers nothing to the device:
// the log is the answer.

import type { MemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import type { Clock, Timer } from "../base/ports/clock.ts";
import { milliseconds, type SiteTime, seconds, siteTime } from "../base/units.ts";
import { keyText, mergeFolds, windowEnd } from "./fold.ts";
import { sketchCount } from "./sketch.ts";
import type {
  CountProposal,
  Definitions,
  FrozenCount,
  FrozenOffer,
  FrozenPart,
  Partial,
  PartialPart,
} from "./types.ts";

export interface GathererPorts {
  readonly clock: Clock;
  /** Last number counted in the own applied state; undefined: no member. */
  counted(origin: MemberKey): number | undefined;
  /** Of the own applied state. */
  definitions(): Definitions;
  /** Undefined while the coordinator has none. */
  siteTime(): SiteTime | undefined;
  /** `done` once, and always: whether the entry was applied and not refused. A time-out is "no". */
  propose(proposal: CountProposal, done: (isApplied: boolean) => void): void;
  proposeFrozen(proposal: FrozenCount, done: (isApplied: boolean) => void): void;
}

export type OfferAnswer =
  | "taken"
  | "not-leading"
  | "unknown-origin"
  | "stale-revision"
  /** A stamp lies more than 2 s ahead of site time. */
  | "ahead-of-time"
  /** A repeat, or one before it is missing. */
  | "not-at-from"
  /** No fold of readings gives this: it would spoil the entry for everybody in it. */
  | "malformed"
  /** Entries of its own wait for their commit; the device sends again. */
  | "busy";

const gatherTime = milliseconds(200);
export const stampLead = seconds(2);

export class Gatherer {
  readonly #ports: GathererPorts;
  /** How far each origin will be counted once everything proposed has applied. */
  readonly #inFlight = new Map<MemberKey, number>();
  #gathered: { readonly partial: Partial; readonly bytes: number }[] = [];
  #timer: Timer | undefined;
  /** Entries proposed and not yet answered. */
  #proposed = 0;
  /** An own entry failed: nothing is taken until the ones after it are answered too. */
  #isDraining = false;
  /** An own entry failed, and none has applied since: one partial in each, so that no device spoils the others' entries. */
  #isOneByOne = false;
  /** Answers to entries of an earlier leadership concern nobody. */
  #reign = 0;
  #isLeading = false;

  constructor(ports: GathererPorts) {
    this.#ports = ports;
  }

  /** This device is coordinator now, and its applied state holds everything committed before its term. */
  lead(): void {
    this.resign();
    this.#isLeading = true;
  }

  /** Idempotent. */
  resign(): void {
    this.#isLeading = false;
    this.#reign += 1;
    this.#proposed = 0;
    this.#isDraining = false;
    this.#isOneByOne = false;
    this.#forget();
  }

  /** `bytes`: its size on the wire. A partial that is not taken needs no answer: it comes again. */
  offer(partial: Partial, bytes: number): OfferAnswer {
    if (this.#isStale()) this.#forget();
    const refusal = this.#refusal(partial);
    if (refusal !== undefined) return refusal;
    const isTooMuch = (): boolean => this.#gathered.length > 0 && this.#gatheredBytes + bytes > limits.countEntryBytes;
    if (isTooMuch()) this.#propose();
    if (isTooMuch()) return "busy";
    this.#gathered.push({ partial, bytes });
    this.#inFlight.set(partial.origin, partial.to);
    this.#timer ??= this.#ports.clock.after(gatherTime, "propose a count", () => {
      this.#timer = undefined;
      this.#propose();
    });
    return "taken";
  }

  /** Of its own entry, and under no revision: its windows are what they were when it was frozen. */
  offerFrozen({ origin, stored, frozen }: FrozenOffer): OfferAnswer {
    const { from, to, stampMax, check, parts } = frozen;
    const now = this.#ports.siteTime();
    if (!this.#isLeading || now === undefined) return "not-leading";
    const counted = this.#ports.counted(origin);
    if (counted === undefined) return "unknown-origin";
    if (stampMax > now + stampLead) return "ahead-of-time";
    if (from !== counted || this.#inFlight.has(origin)) return "not-at-from";
    const isFrozen = (part: FrozenPart): boolean => part.key.start < part.end && isFold(part, frozen);
    if (to <= from || stored < to || !parts.every(isFrozen)) return "malformed";
    if (this.#isDraining || this.#proposed >= limits.countEntriesInFlight) return "busy";
    const move = { origin, from, to, check, stored };
    this.#inFlight.set(origin, to);
    this.#ports.proposeFrozen({ move, stampMax, parts }, this.#proposing([move]));
    return "taken";
  }

  get #gatheredBytes(): number {
    return this.#gathered.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #refusal(partial: Partial): OfferAnswer | undefined {
    const { origin, from, to, stored, revision, stampMax } = partial;
    const now = this.#ports.siteTime();
    if (!this.#isLeading || now === undefined) return "not-leading";
    const counted = this.#ports.counted(origin);
    if (counted === undefined) return "unknown-origin";
    if (revision !== this.#ports.definitions().revision) return "stale-revision";
    if (stampMax > now + stampLead) return "ahead-of-time";
    const place = this.#inFlight.get(origin) ?? counted;
    if (from !== place) return "not-at-from";
    if (to <= from || stored < to || !partial.parts.every((part) => this.#isFold(part, partial))) return "malformed";
    return this.#isDraining ? "busy" : undefined;
  }

  #isFold(part: PartialPart, partial: Partial): boolean {
    return windowEnd(this.#ports.definitions(), part.key) !== undefined && isFold(part, partial);
  }

  /** The definitions changed since these were folded: their devices fold them anew. */
  #isStale(): boolean {
    const { revision } = this.#ports.definitions();
    return this.#gathered.some(({ partial }) => partial.revision !== revision);
  }

  #propose(): void {
    if (this.#isStale()) this.#forget();
    // Room comes when an entry is answered; what is gathered waits until then.
    while (this.#gathered.length > 0 && this.#proposed < limits.countEntriesInFlight) {
      const count = this.#isOneByOne ? 1 : this.#gathered.length;
      const partials = this.#gathered.splice(0, count).map(({ partial }) => partial);
      this.#ports.propose(this.#merge(partials), this.#proposing(partials));
    }
    if (this.#gathered.length > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** One more entry is under way; what it answers takes its outcome, if this device leads on until then. */
  #proposing(partials: readonly Pick<Partial, "origin" | "to">[]): (isApplied: boolean) => void {
    this.#proposed += 1;
    const reign = this.#reign;
    return (isApplied) => {
      if (reign === this.#reign) this.#answered(isApplied, partials);
    };
  }

  #answered(isApplied: boolean, partials: readonly Pick<Partial, "origin" | "to">[]): void {
    this.#proposed -= 1;
    this.#isOneByOne = !isApplied;
    if (!isApplied) {
      this.#forget();
      this.#isDraining = true;
    }
    if (this.#proposed === 0) this.#isDraining = false;
    for (const { origin, to } of partials) if (this.#inFlight.get(origin) === to) this.#inFlight.delete(origin);
    if (this.#timer === undefined) this.#propose();
  }

  #merge(partials: readonly Partial[]): CountProposal {
    const definitions = this.#ports.definitions();
    const now = this.#ports.siteTime() ?? siteTime(0);
    const parts = new Map<string, { part: PartialPart; origins: number[] }>();
    const moves = partials.map(({ origin, from, to, check, stored }) => ({ origin, from, to, check, stored }));
    let stampMax = 0;
    for (const [place, partial] of partials.entries()) {
      stampMax = Math.max(stampMax, partial.stampMax);
      for (const part of partial.parts) {
        const text = keyText(part.key);
        const merged = parts.get(text) ?? { part: undefined, origins: [] };
        const fold = merged.part === undefined ? part.fold : mergeFolds(merged.part.fold, part.fold);
        const end = windowEnd(definitions, part.key);
        const isComplete = partial.to === partial.stored && end !== undefined && now >= end;
        const origins = isComplete ? [...merged.origins, place] : merged.origins;
        parts.set(text, { part: { key: part.key, fold }, origins });
      }
    }
    const merged = [...parts.values()].map(({ part, origins }) => ({ ...part, origins }));
    return { revision: definitions.revision, moves, stampMax: siteTime(stampMax), parts: merged };
  }

  #forget(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#gathered = [];
    this.#inFlight.clear();
  }
}

/** Whether folding as many readings as these can give this. */
function isFold(
  { key, fold: { count, sum, min, max, missing, sketch } }: PartialPart,
  { from, to, stampMax }: Pick<Partial, "from" | "to" | "stampMax">,
): boolean {
  const hasValues = count > 0 && Number.isFinite(sum) && Number.isFinite(min) && Number.isFinite(max) && min <= max;
  const isPossible = key.start <= stampMax && count + missing <= to - from;
  return isPossible && (hasValues || count === 0) && sketchCount(sketch) === count;
}
