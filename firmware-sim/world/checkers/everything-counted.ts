// Invariant E (PROTOCOLS, "Counting each reading once", "convergence"; promises P3 and P5), once faults are over and sensors are
// silent: every member is counted up to its last reading with a value; and what the cloud adds up by the rule for consumers
// (judge/series-items.ts) for each window, or span of merged ones, is exactly what the cards held, by count and by sum. Only what a
// card held uncounted that is lost, whose readings rotted, or of which there were two, is missing, and the site claims no more of it
// than there was. (Silent sensors go on being missing, so numbers go on.)

import { type MemberKey, memberKey } from "../../../src/base/ids.ts";
import { GenerationBegins } from "../../judge/generation-begins.ts";
import { type ItemSpan, type SeriesItem, SeriesItems } from "../../judge/series-items.ts";
import { type Amount, addAmounts, hasSameValues, nothing, showAmount, type WindowDelta } from "../books/amounts.ts";
import type { Lineage } from "../books/committed-entries.ts";
import { itemIdOf, publishedWindow } from "../books/committed-items.ts";
import type { ReadingKey } from "../books/expected-definitions.ts";
import { booksOf, type SiteBooks } from "../books/site-books.ts";
import { type CheckedWorld, type Checker, type CheckerOf, Violation, type WatchedLife } from "../checker.ts";

const name = "everything-counted";

interface Received extends SeriesItem {
  readonly amount: Amount;
}

class EverythingCounted implements Checker {
  readonly name = name;
  readonly #world: CheckedWorld;
  readonly #books: SiteBooks;
  /** By aggregation and group. */
  readonly #received = new Map<string, SeriesItems<Received>>();
  readonly #begins = new GenerationBegins();
  readonly #seen = new Set<string>();

  constructor(world: CheckedWorld) {
    this.#world = world;
    this.#books = booksOf(world);
  }

  uplink({ payload }: { readonly payload: Uint8Array }): void {
    const item = itemIdOf(payload);
    if (item === undefined) return;
    const { id: place, body } = item;
    const text = `${place.generation}.${place.number}`;
    if (this.#seen.has(text)) return;
    this.#seen.add(text);
    const window = publishedWindow(body);
    const beginsEarlier = [this.#begins.heard(place), this.#begins.heardRanges(window?.replaces ?? [])];
    if (beginsEarlier.includes(true)) {
      for (const items of this.#received.values()) items.drop((each) => this.#begins.isVoid(each));
    }
    if (window === undefined || this.#begins.isVoid(place)) return;
    const { key, end, adds, amount, replaces } = window;
    const series = seriesOf(key);
    const received = this.#received.get(series) ?? new SeriesItems<Received>();
    this.#received.set(series, received);
    received.add({ place, start: key.start, end, adds, replaces, amount });
  }

  /** Within the bound of PROTOCOLS' E this must become undefined. */
  waitsFor(): string | undefined {
    const lineage = this.#books.newest;
    if (lineage === undefined) return "nothing was ever committed";
    const upToDate = [...this.#world.lives()].filter(({ replica }) => replica.appliedIndex === lineage.head);
    for (const [device, incarnation] of lineage.members.entries()) {
      const why = this.#whyUncounted(lineage, memberKey({ device, incarnation }), upToDate);
      if (why !== undefined) return why;
    }
    return this.#whyUnpublished(lineage);
  }

  healed(): void {
    const why = this.waitsFor();
    if (why !== undefined) throw new Violation(name, why);
    const lineage = this.#books.newest;
    if (lineage === undefined) return;
    for (const origin of lineage.gone.keys()) {
      this.#isNamed(lineage, origin);
      this.#isExcused(lineage, origin);
    }
  }

  #whyUncounted({ counted }: Lineage, origin: MemberKey, upToDate: readonly WatchedLife[]): string | undefined {
    const place = counted.get(origin) ?? 0;
    const last = this.#books.sequences.lastValue(origin);
    if (place < last) return `${origin} is counted up to ${place}, and has taken ${last}`;
    for (const { self, replica } of upToDate) {
      const shown = replica.state.counted(origin);
      if (shown !== place) return `${self} has ${origin} counted up to ${shown}, not ${place}`;
    }
    return undefined;
  }

  /** What it took with it is what the site says, or more: the newest it may never have spoken of. */
  #isNamed({ counted, stored, began }: Lineage, origin: MemberKey): void {
    const last = Math.max(this.#books.sequences.last(origin) ?? 0, began.get(origin) ?? 0);
    const [known, place] = [stored.get(origin) ?? 0, counted.get(origin) ?? 0];
    if (known <= last) return;
    const detail = `${origin} as destroyed with ${known - place} uncounted readings, and it had ${last - place}`;
    throw new Violation(name, `the site names ${detail}`);
  }

  /** Nobody counts on from where it stopped: then what it had is gone with its card, and with nothing else. */
  #isExcused({ counted, gone }: Lineage, origin: MemberKey): void {
    if (gone.get(origin)?.heir !== undefined) return;
    const place = counted.get(origin) ?? 0;
    for (const sequence of this.#books.sequences.of(origin)) {
      const last = sequence.lastValueOf(origin);
      if (last <= place || sequence.excuse !== undefined) continue;
      const detail = `${origin} was removed, counted up to ${place}, and what ${sequence.card} has up to ${last} nobody counts`;
      throw new Violation(name, `${detail}: it is neither lost nor damaged`);
    }
  }

  #whyUnpublished({ totals }: Lineage): string | undefined {
    const due = new Map<string, WindowDelta[]>();
    for (const [, window] of totals.entries()) {
      const series = seriesOf(window.key);
      const windows = due.get(series) ?? [];
      due.set(series, windows);
      windows.push(window);
    }
    for (const series of new Set([...due.keys(), ...this.#received.keys()])) {
      const windows = due.get(series) ?? [];
      const spans = this.#received.get(series)?.spans() ?? [];
      const why = whyDifferent(windows, spans);
      if (why !== undefined) return `the cloud has ${series} ${why}`;
    }
    return undefined;
  }
}

const seriesOf = ({ aggregation, group }: ReadingKey): string => `${aggregation}/${group}`;

/** Of one series. Each window is in the span in which it begins. */
function whyDifferent(windows: readonly WindowDelta[], spans: readonly ItemSpan<Received>[]): string | undefined {
  const left = [...windows].sort((a, b) => b.key.start - a.key.start);
  const compared = (start: number, cloud: Amount, due: Amount): string | undefined =>
    hasSameValues(cloud, due) ? undefined : `at ${start} as ${showAmount(cloud)}; its readings are ${showAmount(due)}`;
  for (const { start, end, items } of [...spans, { start: Number.POSITIVE_INFINITY, end: 0, items: [] }]) {
    let due = nothing;
    for (let next = left.at(-1); next !== undefined && next.key.start < Math.max(start, end); next = left.at(-1)) {
      left.pop();
      if (next.key.start >= start) due = addAmounts(due, next.amount);
      else {
        const why = compared(next.key.start, nothing, next.amount);
        if (why !== undefined) return why;
      }
    }
    const cloud = items.reduce((sum, { amount }) => addAmounts(sum, amount), nothing);
    const why = compared(start, cloud, due);
    if (why !== undefined) return why;
  }
  return undefined;
}

export const everythingCounted: CheckerOf = (world) => new EverythingCounted(world);
