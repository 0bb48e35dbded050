// What must stand in each window after each entry: the merge of exactly the readings counted for it (PROTOCOLS, "Counting each
// reading once", invariant C), and how much of it was published. Kept by one checker; a replica's windows are compared with it.

import type { Amount } from "./amounts.ts";
import { addAmounts, nothing } from "./amounts.ts";
import type { Lineage } from "./committed-entries.ts";
import { keyName, type ReadingKey } from "./expected-definitions.ts";
import { RollbackMap } from "./rollback-map.ts";

export interface ExpectedWindow {
  readonly key: ReadingKey;
  /** In the window itself, or as it was when it left. */
  readonly amount: Amount;
  /** It is no longer in the state: what comes now becomes a supplement. */
  readonly hasLeft: boolean;
  /** In the supplement that waits to be published. */
  readonly late: Amount;
  /** The last edition; undefined: none yet. */
  readonly published: Amount | undefined;
  /** All supplements together that were published. */
  readonly added: Amount;
}

export class WindowLedger {
  readonly #windows: RollbackMap<string, ExpectedWindow>;

  constructor(windows: RollbackMap<string, ExpectedWindow> = new RollbackMap()) {
    this.#windows = windows;
  }

  /** As it was before the entry `index`. */
  before(index: number): WindowLedger {
    return new WindowLedger(this.#windows.before(index));
  }

  of(key: ReadingKey): ExpectedWindow {
    const empty = { key, amount: nothing, hasLeft: false, late: nothing, published: undefined, added: nothing };
    return this.#windows.get(keyName(key)) ?? empty;
  }

  all(): IterableIterator<[string, ExpectedWindow]> {
    return this.#windows.entries();
  }

  /** By the entry `index`. */
  change(index: number, key: ReadingKey, changes: Partial<ExpectedWindow>): ExpectedWindow {
    const changed = { ...this.of(key), ...changes };
    this.#windows.set(index, keyName(key), changed);
    return changed;
  }

  /** Readings counted for the window, or for its supplement if it has left. */
  count(index: number, key: ReadingKey, amount: Amount, hasLeft: boolean): ExpectedWindow {
    const before = this.of(key);
    return hasLeft
      ? this.change(index, key, { hasLeft, late: addAmounts(before.late, amount) })
      : this.change(index, key, { amount: addAmounts(before.amount, amount) });
  }
}

/** One ledger for each lineage; a younger one begins with what the older one had where they part. */
export class WindowLedgers {
  readonly #ledgers = new WeakMap<Lineage, WindowLedger>();

  of(lineage: Lineage): WindowLedger {
    let ledger = this.#ledgers.get(lineage);
    if (ledger === undefined) {
      const { parent } = lineage;
      ledger = parent === undefined ? new WindowLedger() : this.of(parent.lineage).before(parent.before);
      this.#ledgers.set(lineage, ledger);
    }
    return ledger;
  }
}
