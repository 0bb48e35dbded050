// Invariant E (PROTOCOLS, "Counting each reading once", "convergence"; promises P3 and P5), once faults are over and sensors are
// silent: every member is counted up to its last reading with a value; and what the cloud adds up for each key (the last edition
// and all supplements, each id once) is exactly what the cards held, by count and by sum. Only what a lost card held uncounted is
// missing, and the site claims no more of it than there was. (Silent sensors go on being missing, so numbers go on.)

import { type MemberKey, memberKey } from "../../../src/base/ids.ts";
import { type Amount, addAmounts, hasSameValues, nothing, showAmount } from "../books/amounts.ts";
import type { Lineage } from "../books/committed-entries.ts";
import { type ItemId, itemIdOf, publishedWindow } from "../books/committed-items.ts";
import { keyName } from "../books/expected-definitions.ts";
import { booksOf, type SiteBooks } from "../books/site-books.ts";
import { type CheckedWorld, type Checker, type CheckerOf, Violation, type WatchedLife } from "../checker.ts";

const name = "everything-counted";

/** A window as a consumer has it. */
interface Received {
  latest: { readonly id: ItemId; readonly amount: Amount } | undefined;
  /** By id. */
  readonly supplements: Map<string, Amount>;
}

class EverythingCounted implements Checker {
  readonly name = name;
  readonly #world: CheckedWorld;
  readonly #books: SiteBooks;
  readonly #received = new Map<string, Received>();
  readonly #seen = new Set<string>();

  constructor(world: CheckedWorld) {
    this.#world = world;
    this.#books = booksOf(world);
  }

  uplink({ payload }: { readonly payload: Uint8Array }): void {
    const item = itemIdOf(payload);
    const window = item === undefined ? undefined : publishedWindow(item.body);
    if (item === undefined || window === undefined) return;
    const { id } = item;
    const text = `${id.generation}.${id.number}`;
    if (this.#seen.has(text)) return;
    this.#seen.add(text);
    const key = keyName(window.key);
    const received = this.#received.get(key) ?? { latest: undefined, supplements: new Map<string, Amount>() };
    this.#received.set(key, received);
    if (window.adds) received.supplements.set(text, window.amount);
    else if (received.latest === undefined || isBefore(received.latest.id, id)) {
      received.latest = { id, amount: window.amount };
    }
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
    for (const key of lineage.totals.keys()) {
      const why = this.#whyUnpublished(lineage, key);
      if (why !== undefined) return why;
    }
    return undefined;
  }

  healed(): void {
    const why = this.waitsFor();
    if (why !== undefined) throw new Violation(name, why);
    const lineage = this.#books.newest;
    if (lineage === undefined) return;
    for (const origin of lineage.gone.keys()) this.#isNamed(lineage, origin);
    for (const key of this.#received.keys()) {
      const foreign = this.#whyUnpublished(lineage, key);
      if (foreign !== undefined) throw new Violation(name, foreign);
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

  #whyUnpublished(lineage: Lineage, key: string): string | undefined {
    const due = lineage.totals.get(key)?.amount ?? nothing;
    const received = this.#received.get(key);
    let cloud = received?.latest?.amount ?? nothing;
    for (const [id, amount] of received?.supplements ?? []) {
      // What a lost majority published last is not added to what the site goes on with.
      if (lineage.items.get(id) !== undefined) cloud = addAmounts(cloud, amount);
    }
    if (hasSameValues(cloud, due)) return undefined;
    return `the cloud has ${key} as ${showAmount(cloud)}; its readings are ${showAmount(due)}`;
  }
}

const isBefore = (a: ItemId, b: ItemId): boolean =>
  a.generation < b.generation || (a.generation === b.generation && a.number < b.number);

export const everythingCounted: CheckerOf = (world) => new EverythingCounted(world);
