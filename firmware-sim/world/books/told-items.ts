// What a site tells the uplink, item by item, as its committed log says; and which items stand for others: a coordinator without an
// uplink merges what waits (docs/decisions/0006). So checkers can say of each number whether it must come, and of each merged item
// what it must say: an item replaces exactly those of its series and kind in its ranges that nothing had replaced before.

import { isWithin } from "../../judge/series-items.ts";
import { Violation } from "../checker.ts";
import { type CommittedItem, type ItemId, itemIdOf, type PublishedWindow, publishedWindow } from "./committed-items.ts";
import { RollbackMap } from "./rollback-map.ts";

/** An item of one window, or of several merged. */
export interface ToldWindow extends PublishedWindow {
  readonly id: ItemId;
}

export interface ToldItem {
  readonly id: ItemId;
  /** Undefined: an event. */
  readonly window: ToldWindow | undefined;
  /** The number of the item that stands for it; undefined: none. */
  readonly replacedBy: number | undefined;
}

export interface ToldMerge {
  readonly merged: ToldWindow;
  /** In the order of their numbers. */
  readonly replaced: readonly ToldWindow[];
}

export class ToldItems {
  /** By number: one lineage gives each number once, whatever the generation. */
  readonly #items: RollbackMap<number, ToldItem>;

  constructor(items: RollbackMap<number, ToldItem> = new RollbackMap()) {
    this.#items = items;
  }

  /** As it was before the entry `index`. */
  before(index: number): ToldItems {
    return new ToldItems(this.#items.before(index));
  }

  get(number: number): ToldItem | undefined {
    return this.#items.get(number);
  }

  /** What a consumer must have for it in the end: itself, or what stands for it. */
  inForceFor(number: number): ToldItem | undefined {
    const told = this.#items.get(number);
    return told?.replacedBy === undefined ? told : this.inForceFor(told.replacedBy);
  }

  /** Made by the entry `index`. Answers what it stands for, if it is a merged one. */
  add(index: number, { number, payload }: CommittedItem): ToldMerge | undefined {
    const read = itemIdOf(payload);
    if (read === undefined) throw new Violation("outbox-order", `item ${number} bears no id`);
    const { id } = read;
    const told = publishedWindow(read.body);
    const window = told === undefined ? undefined : { ...told, id };
    this.#items.set(index, number, { id, window, replacedBy: undefined });
    if (window?.replaces === undefined) return undefined;
    const replaced = [...this.#replacedBy(window, number)];
    for (const each of replaced)
      this.#items.set(index, each.id.number, { id: each.id, window: each, replacedBy: number });
    return { merged: window, replaced };
  }

  *#replacedBy({ replaces = [], key, adds }: ToldWindow, number: number): Iterable<ToldWindow> {
    const first = Math.min(...replaces.map((range) => range.first.number));
    for (let each = first; each < number; each++) {
      const told = this.#items.get(each);
      const { window } = told ?? {};
      if (told === undefined || window === undefined || told.replacedBy !== undefined) continue;
      if (!isWithin(told.id, replaces)) continue;
      const isOfSeries = window.key.aggregation === key.aggregation && window.key.group === key.group;
      if (isOfSeries && window.adds === adds) yield window;
    }
  }
}
