// Invariant C (PROTOCOLS, "Counting each reading once"; promise P3): for every key, the window is the merge of exactly the readings
// r with key(r) = key and number(r) ≤ counted[origin(r)], after every apply at every replica. What is published is that, too.
//
// What an entry must change is computed once, from the readings that the cards took and the committed configuration. The first
// replica that applies it is compared with that, value by value; the others with the first, byte by byte; and only in the windows
// that the entry speaks of. At each checkpoint, the first replica is compared in all windows, the others by their digest.

import { crc32 } from "../../../src/base/hash.ts";
import type { Entry } from "../../../src/raft/types.ts";
import type { SiteState } from "../../../src/site/state.ts";
import type { Applied } from "../../../src/site/types.ts";
import { foldOf, type SiteWindow } from "../../../src/site/windows.ts";
import { addAmounts, amountOfFold, isSameAmount, nothing, showAmount, type WindowDelta } from "../books/amounts.ts";
import type { Lineage } from "../books/committed-entries.ts";
import { type CommittedItem, itemIdOf, publishedWindow } from "../books/committed-items.ts";
import { keyName, type ReadingKey } from "../books/expected-definitions.ts";
import { type Applying, booksOf } from "../books/site-books.ts";
import { asKey, compare, compareOne, mayHaveLeft } from "../books/window-comparison.ts";
import { type ExpectedWindow, type WindowLedger, WindowLedgers } from "../books/window-ledger.ts";
import { expectMerges } from "../books/window-merges.ts";
import { expectReports } from "../books/window-reports.ts";
import { type CheckedWorld, type Checker, type CheckerOf, Violation, type WatchedLife } from "../checker.ts";

const name = "conservation";

/** What the first replica showed after an entry. */
interface ShownAfter {
  readonly windows: readonly { readonly key: ReadingKey; readonly window: number; readonly late: number }[];
  readonly digest: string | undefined;
}

const shownMax = 8_192;

class Conservation implements Checker {
  readonly name = name;
  readonly #world: CheckedWorld;
  readonly #ledgers = new WindowLedgers();
  readonly #shown = new WeakMap<Lineage, Map<number, ShownAfter>>();

  constructor(world: CheckedWorld) {
    this.#world = world;
  }

  lifeBegan(life: WatchedLife): void {
    this.#compareDigest(life);
  }

  replaced(life: WatchedLife): void {
    this.#compareDigest(life);
  }

  applied(life: WatchedLife, _entry: Entry, outcome: Applied | undefined): void {
    const { applying } = booksOf(this.#world);
    if (applying === undefined) return;
    const { lineage, known } = applying;
    const shown = this.#shownBy(lineage);
    if (!applying.isFirst) {
      const isDone = outcome?.outcome.kind === "done" && outcome.outcome.index === known.index;
      if (isDone !== known.isDone)
        throw new Violation(name, `${life.self} does not agree on whether ${known.index} applied`);
      const first = shown.get(known.index);
      if (first !== undefined) compareWithFirst(life, known.index, first);
      return;
    }
    const touched = this.#expect(applying, life.replica.state);
    const isCheckpoint = known.kind === "checkpoint" && known.isDone;
    if (touched.length === 0 && !isCheckpoint) return;
    const { state } = life.replica;
    const windows = touched.map((key) => ({ key, ...bytesOf(state, key) }));
    shown.set(known.index, { windows, digest: isCheckpoint ? state.digest() : undefined });
    const [oldest = 0] = shown.keys();
    if (shown.size > shownMax) shown.delete(oldest);
    if (isCheckpoint) compareAll(state, this.#ledgers.of(lineage), known.index);
  }

  /** What the device starts with is compared with this. */
  adopted(life: WatchedLife, entry: Entry, outcome: Applied | undefined): void {
    this.applied(life, entry, outcome);
    const { applying } = booksOf(this.#world);
    if (applying === undefined) return;
    const { state } = life.replica;
    this.#shownBy(applying.lineage).set(life.replica.appliedIndex, { windows: [], digest: state.digest() });
  }

  healed(): void {
    const books = booksOf(this.#world);
    for (const life of this.#world.lives()) {
      const lineage = books.lineageOf(life);
      if (lineage === undefined || lineage.head !== life.replica.appliedIndex) continue;
      compareAll(life.replica.state, this.#ledgers.of(lineage), lineage.head);
    }
  }

  /** Writes down what the entry must have changed, compares it, and answers of which windows it speaks. */
  #expect({ lineage, known, items, merges }: Applying, state: SiteState): readonly ReadingKey[] {
    const ledger = this.#ledgers.of(lineage);
    const { index } = known;
    for (const { origin, unknown } of known.moves) {
      if (unknown > 0)
        throw new Violation(name, `entry ${index} counts ${unknown} readings of ${origin} that nobody has taken`);
    }
    const touched = [...known.deltas.values()].map(({ key, amount }) => {
      const before = ledger.of(key);
      const frozenEnd = known.frozenEnds?.get(keyName(key));
      if (frozenEnd !== undefined) {
        compare(state, countFrozen(ledger, index, { key, amount }, { state, frozenEnd }), index);
        return key;
      }
      const hasLeft =
        before.hasLeft || (state.window(asKey(key)) === undefined && state.supplement(asKey(key)) !== undefined);
      if (hasLeft && !before.hasLeft) mayHaveLeft(before);
      compare(state, ledger.count(index, key, amount, hasLeft), index);
      return key;
    });
    const published = items.flatMap((item) => publish(ledger, item, index) ?? []);
    const merged = expectMerges({ known, merges }, ledger, state);
    const reported = expectReports(ledger, { lineage, known }, state);
    return [...touched, ...published, ...merged, ...reported];
  }

  #compareDigest({ self, replica }: WatchedLife): void {
    const known = booksOf(this.#world).lineages.flatMap(
      (lineage) => this.#shownBy(lineage).get(replica.appliedIndex)?.digest ?? [],
    );
    if (known.length > 0 && !known.includes(replica.state.digest())) {
      throw new Violation(name, `${self} has at ${replica.appliedIndex} another state than who applied it first`);
    }
  }

  #shownBy(lineage: Lineage): Map<number, ShownAfter> {
    let shown = this.#shown.get(lineage);
    if (shown === undefined) {
      const before = lineage.parent === undefined ? [] : [...this.#shownBy(lineage.parent.lineage)];
      shown = new Map(before.filter(([index]) => index < (lineage.parent?.before ?? 0)));
      this.#shown.set(lineage, shown);
    }
    return shown;
  }
}

const bytesOf = (state: SiteState, key: ReadingKey): { readonly window: number; readonly late: number } => ({
  window: checkOf(state.window(asKey(key))),
  late: checkOf(state.supplement(asKey(key))),
});

const checkOf = (window: SiteWindow | undefined): number =>
  window === undefined ? -1 : crc32(Buffer.from(window.packed, "latin1"));

function compareWithFirst({ self, replica: { state } }: WatchedLife, index: number, first: ShownAfter): void {
  for (const { key, window, late } of first.windows) {
    const own = bytesOf(state, key);
    if (own.window === window && own.late === late) continue;
    throw new Violation(name, `${self} has another ${keyName(key)} after ${index} than who applied it first`);
  }
  if (first.digest !== undefined && first.digest !== state.digest()) {
    throw new Violation(name, `${self} has another state after ${index} than who applied it first`);
  }
}

/** Into a window of just that length, if the site has it: else it is told beside it, as a supplement. All of it in one place. */
function countFrozen(
  ledger: WindowLedger,
  index: number,
  { key, amount }: WindowDelta,
  { state, frozenEnd }: { readonly state: SiteState; readonly frozenEnd: number },
): ExpectedWindow {
  const before = ledger.of(key);
  const window = state.window(asKey(key));
  const whole = addAmounts(before.amount, amount);
  const isThere = window?.end === frozenEnd && isSameAmount(amountOfFold(foldOf(window)), whole);
  const supplement = state.supplement(asKey(key));
  if (!isThere && (supplement?.end ?? 0) < frozenEnd) {
    throw new Violation(
      name,
      `entry ${index} counts ${keyName(key)}, which ended at ${frozenEnd}, in a shorter window`,
    );
  }
  return isThere
    ? ledger.change(index, key, { amount: whole })
    : ledger.change(index, key, { late: addAmounts(before.late, amount) });
}

function publish(ledger: WindowLedger, item: CommittedItem, index: number): ReadingKey | undefined {
  const body = itemIdOf(item.payload)?.body;
  const told = body === undefined ? undefined : publishedWindow(body);
  if (told === undefined || told.replaces !== undefined) return undefined;
  const { key, amount, adds } = told;
  const expected = ledger.of(key);
  const due = adds ? expected.late : expected.amount;
  if (!isSameAmount(amount, due)) {
    throw new Violation(
      name,
      `item ${item.number} tells ${keyName(key)} as ${showAmount(amount)}; it is ${showAmount(due)}`,
    );
  }
  if (adds) ledger.change(index, key, { late: nothing, added: addAmounts(expected.added, amount) });
  else ledger.change(index, key, { published: amount });
  return key;
}

/** Every window that the state holds, and every one that it should hold. */
function compareAll(state: SiteState, ledger: WindowLedger, index: number): void {
  const held = new Set<string>();
  for (const { key } of state.allWindows()) {
    held.add(keyName(key));
    compare(state, ledger.of(key), index);
  }
  for (const [text, expected] of ledger.all()) {
    if (held.has(text)) continue;
    compareOne(undefined, { ...expected, amount: expected.late }, index);
    // One that only a refused entry named was never there.
    const wasNever = isSameAmount(expected.amount, nothing) && expected.published === undefined;
    if (expected.hasLeft || wasNever) continue;
    mayHaveLeft(expected);
    ledger.change(index, expected.key, { hasLeft: true });
  }
}

export const conservation: CheckerOf = (world) => new Conservation(world);
