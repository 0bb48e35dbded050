// The invariants of counting (PROTOCOLS, "Counting each reading once"), checked against what the world itself wrote down when each
// reading's sync returned. A reading's value is a unique random whole number, so one lost and one doubled do not cancel. The
// checker computes keys by itself, as plainly as it can: it must not share a mistake with the fold.

import type { DeviceId, Incarnation, MemberKey } from "../../../src/base/ids.ts";
import { memberKey, memberOf } from "../../../src/base/ids.ts";
import { type LogIndex, siteTime } from "../../../src/base/units.ts";
import { keyText } from "../../../src/readings/fold.ts";
import {
  type CountMove,
  type Definitions,
  type FrozenPartial,
  quality,
  type Reading,
  type WindowKey,
} from "../../../src/readings/types.ts";
import type { Amount, CountingSite, ModelEntry } from "./counting-site.ts";
import { windowIn } from "./frozen-partial.ts";
import { nothing, sum } from "./model-site.ts";

export class Violation extends Error {
  readonly invariant: "A" | "B" | "C" | "D" | "E" | "agreement";

  constructor(invariant: Violation["invariant"], message: string) {
    super(`${invariant}: ${message}`);
    this.invariant = invariant;
  }
}

export interface CheckerOptions {
  /** Without A's numbers, to see what comes of them. */
  readonly mayHaveHoles: boolean;
  /** The site adds what was destroyed to `missing`, so only counts and sums are compared. */
  readonly ignoresMissing: boolean;
}

export class Checker {
  /** What each origin has taken, inherited readings included, by number. */
  readonly #taken = new Map<MemberKey, Map<number, Reading>>();
  readonly #last = new Map<MemberKey, number>();
  /** Where each origin began to be counted. */
  readonly #start = new Map<MemberKey, number>();
  readonly #counted = new Map<MemberKey, number>();
  /** The keys that readings went under when they were frozen: of each frozen partial, by its check, and of what is counted of them. */
  readonly #frozen = new Map<FrozenPartial["check"], ReadonlyMap<number, readonly WindowKey[]>>();
  readonly #revisions = new Map<FrozenPartial["check"], LogIndex>();
  readonly #sampledUnder = new Map<number, LogIndex>();
  readonly #countedFrozen = new Map<MemberKey, Map<number, readonly WindowKey[]>>();
  /** How often anything was frozen, and merged: a schedule without it proves nothing about it. */
  readonly freezes = { frozen: 0, merged: 0, counted: 0 };
  #editions: ReadonlyMap<string, Amount> = new Map();
  /** One sum over the state after each entry, as the first replica had it. */
  readonly #digests = new Map<number, string>();
  readonly #options: CheckerOptions;

  constructor(options: CheckerOptions) {
    this.#options = options;
  }

  /** Readings whose sync returned. */
  taken(origin: MemberKey, readings: readonly Reading[]): void {
    const known = this.#of(origin);
    for (const reading of readings) {
      const last = this.#last.get(origin) ?? 0;
      if (known.has(reading.number)) throw new Violation("A", `${origin} has number ${reading.number} twice`);
      if (reading.number !== last + 1 && !this.#options.mayHaveHoles) {
        throw new Violation("A", `${origin} took ${reading.number} after ${last}`);
      }
      known.set(reading.number, reading);
      this.#last.set(origin, Math.max(last, reading.number));
    }
  }

  /** `origin` has the store of `was`, as far as `last`, and numbering goes on behind `from`. */
  inherited(origin: MemberKey, was: Incarnation, last: number): void {
    const known = this.#of(origin);
    const ancestor = this.#of(memberKey({ device: memberOf(origin).device, incarnation: was }));
    for (const [number, reading] of ancestor) if (number <= last) known.set(number, reading);
    this.#last.set(origin, last);
  }

  /** `origin` numbers behind `counted`, whatever its store has. */
  admitted(origin: MemberKey, counted: number): void {
    this.#last.set(origin, Math.max(this.#last.get(origin) ?? 0, counted));
  }

  /** A reading of this (unique) value was taken by a device that knew these definitions, and assigned to it by them. */
  sampled(value: number, revision: LogIndex): void {
    this.#sampledUnder.set(value, revision);
  }

  /** These readings have left their card for `frozen`. */
  froze(frozen: FrozenPartial, readings: readonly Reading[], definitions: Definitions, device: DeviceId): void {
    this.freezes.frozen += 1;
    this.#revisions.set(frozen.check, definitions.revision);
    const keys = readings.map((each) => [each.number, keysOf(each, device, definitions)] as const);
    this.#frozen.set(frozen.check, new Map(keys));
    for (const [place, { number, value }] of readings.entries()) {
      const isOlder = definitions.revision < (this.#sampledUnder.get(value) ?? 0);
      if (isOlder && keys[place]?.[1].length === 0)
        throw new Violation("C", `${number} of ${device} is frozen to nothing`);
    }
  }

  /** The revision that a frozen partial was made under, or the newest of those that were merged. */
  frozenUnder(check: FrozenPartial["check"]): LogIndex | undefined {
    return this.#revisions.get(check);
  }

  /** `one` takes the place of two neighbours; its windows are coarser. */
  merged(one: FrozenPartial, ...parts: readonly FrozenPartial[]): void {
    this.freezes.merged += 1;
    const revision = this.#revisions.get(parts.at(-1)?.check ?? 0);
    if (revision !== undefined) this.#revisions.set(one.check, revision);
    const keys = parts.flatMap((part) => [...(this.#frozen.get(part.check) ?? [])]);
    const coarser = keys.map(([number, finer]) => [number, finer.map((key) => windowIn(one, key) ?? key)] as const);
    this.#frozen.set(one.check, new Map(coarser));
  }

  /** After each apply, at each replica. */
  applied(site: CountingSite, { index, command }: ModelEntry, isDone: boolean): void {
    const isCount = command.kind === "count" || command.kind === "count-frozen";
    const changes = isCount || command.kind === "join" || command.kind === "define";
    const digest = changes ? digestOf(site) : "";
    const before = this.#digests.get(index);
    if (before !== undefined) {
      if (before !== digest) throw new Violation("agreement", `replicas differ after entry ${index}`);
      return;
    }
    this.#digests.set(index, digest);
    if (isDone && command.kind === "join" && !this.#start.has(command.origin)) {
      this.#start.set(command.origin, site.counted(command.origin) ?? 0);
    }
    if (isDone && command.kind === "count") this.#durableFirst(site, command.moves);
    if (isDone && command.kind === "count-frozen") {
      this.#durableFirst(site, [command.move]);
      this.#countFrozen(command.move);
    }
    if (changes) this.#conserved(site);
    this.#monotone(site);
  }

  /** The last number that `origin` has taken. */
  lastTaken(origin: MemberKey): number {
    return this.#last.get(origin) ?? 0;
  }

  /** Why the site has not converged yet; undefined: it has. */
  unconverged(site: CountingSite, members: readonly MemberKey[]): string | undefined {
    for (const origin of members) {
      const [counted, last] = [site.counted(origin), this.lastTaken(origin)];
      if (counted !== last) return `${origin} is counted up to ${counted} of ${last}`;
    }
    const editions = site.editions();
    for (const { key, amount } of site.windows()) {
      const edition = editions.get(keyText(key));
      if (edition === undefined || !this.#isSame(edition, amount))
        return `the last edition of ${keyText(key)} is not the window`;
    }
    return undefined;
  }

  #countFrozen({ origin, check }: CountMove): void {
    this.freezes.counted += 1;
    const counted = this.#countedFrozen.get(origin) ?? new Map<number, readonly WindowKey[]>();
    this.#countedFrozen.set(origin, counted);
    for (const [number, keys] of this.#frozen.get(check) ?? []) counted.set(number, keys);
  }

  #of(origin: MemberKey): Map<number, Reading> {
    const known = this.#taken.get(origin) ?? new Map<number, Reading>();
    this.#taken.set(origin, known);
    return known;
  }

  #durableFirst(site: CountingSite, moves: readonly { readonly origin: MemberKey }[]): void {
    for (const { origin } of moves) {
      const counted = site.counted(origin) ?? 0;
      const last = this.#last.get(origin) ?? 0;
      if (counted > last) throw new Violation("B", `${origin} is counted up to ${counted}, but has taken ${last}`);
    }
  }

  #conserved(site: CountingSite): void {
    const expected = new Map<string, Amount>();
    const definitions = site.definitions();
    for (const [origin, readings] of this.#taken) {
      const start = this.#start.get(origin);
      const counted = site.counted(origin) ?? 0;
      if (start === undefined) continue;
      const frozen = this.#countedFrozen.get(origin);
      for (const reading of readings.values()) {
        if (reading.number <= start || reading.number > counted) continue;
        const keys = frozen?.get(reading.number) ?? keysOf(reading, memberOf(origin).device, definitions);
        for (const key of keys.map(keyText)) {
          expected.set(key, sum(expected.get(key) ?? nothing, amountOf(reading)));
        }
      }
    }
    for (const { key, amount } of site.windows()) {
      const text = keyText(key);
      const due = expected.get(text) ?? nothing;
      if (!this.#isSame(amount, due))
        throw new Violation("C", `${text} has ${show(amount)}, its readings are ${show(due)}`);
      expected.delete(text);
    }
    for (const [text, due] of expected)
      if (!this.#isSame(due, nothing)) throw new Violation("C", `${text} is not there; its readings are ${show(due)}`);
  }

  #isSame(a: Amount, b: Amount): boolean {
    const isMissingSame = this.#options.ignoresMissing || a.missing === b.missing;
    return a.count === b.count && a.sum === b.sum && isMissingSame;
  }

  #monotone(site: CountingSite): void {
    for (const origin of this.#taken.keys()) {
      const counted = site.counted(origin) ?? 0;
      const before = this.#counted.get(origin) ?? 0;
      if (counted < before) throw new Violation("D", `${origin} fell from ${before} to ${counted}`);
      this.#counted.set(origin, counted);
    }
    const editions = site.editions();
    for (const [text, { count }] of this.#editions) {
      if ((editions.get(text)?.count ?? 0) < count)
        throw new Violation("D", `an edition of ${text} fell below ${count}`);
    }
    this.#editions = editions;
  }
}

function keysOf({ sensor, stamp }: Reading, device: DeviceId, { versions }: Definitions): WindowKey[] {
  let inForce = versions[0];
  for (const version of versions) if (version.from <= stamp) inForce = version;
  const keys: WindowKey[] = [];
  for (const { name, window, sensors } of inForce?.aggregations ?? []) {
    const assigned = sensors.get(sensor);
    if (assigned?.device !== device) continue;
    keys.push({ aggregation: name, group: assigned.group, start: siteTime(stamp - (stamp % window)) });
  }
  return keys;
}

function amountOf(reading: Reading): Amount {
  const isMissing = (reading.quality & quality.missing) !== 0;
  return isMissing ? { count: 0, sum: 0, missing: 1 } : { count: 1, sum: reading.value, missing: 0 };
}

function digestOf(site: CountingSite): string {
  let [windows, whole, weighted] = [0, nothing, 0];
  for (const { key, amount } of site.windows()) {
    windows += 1;
    whole = sum(whole, amount);
    weighted = (weighted + (amount.count + 3 * amount.missing) * (key.start % 999_983) * key.group.length) % 2 ** 40;
  }
  return `${windows} ${show(whole)} ${weighted} ${site.definitions().revision} ${site.closedUpTo()}`;
}

const show = ({ count, sum: total, missing }: Amount): string => `${count} readings of ${total}, ${missing} missing`;
