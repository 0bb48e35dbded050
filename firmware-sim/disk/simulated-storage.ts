// The twin of src/host/level-storage.ts on a simulated device. A batch that was under way at a power cut is whole or absent.

import { SkeinError } from "../../src/base/errors.ts";
import type { Storage, StorageChange, StorageRange, StorageSnapshot } from "../../src/base/ports/storage.ts";
import type { SimulatedDevice } from "./device.ts";

/** What is on disk, by key. Never changed in place once a snapshot holds it. */
export interface StorageContent {
  cells: Map<string, Uint8Array>;
}

type Cells = ReadonlyMap<string, Uint8Array>;
type Entry = readonly [key: string, value: Uint8Array];

export class SimulatedStorage implements Storage {
  readonly #device: SimulatedDevice;
  readonly #content: StorageContent;
  readonly #writes: (() => void)[] = [];
  #isWriting = false;
  #isClosed = false;
  /** Snapshots that hold the present cells. */
  #isShared = false;
  /** Of the present cells; made when first asked for. */
  #order: readonly string[] | undefined;
  #bytesWritten = 0;
  #syncs = 0;

  constructor(device: SimulatedDevice, content: StorageContent) {
    this.#device = device;
    this.#content = content;
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  get syncs(): number {
    return this.#syncs;
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#read(() => copyOf(this.#content.cells.get(key)));
  }

  page(range: StorageRange, limit: number): Promise<readonly Entry[]> {
    return this.#read(() => pageOf(this.#content.cells, this.#ordered(), range, limit));
  }

  write(changes: readonly StorageChange[]): Promise<void> {
    const owned = changes.map((change) =>
      change.kind === "put" ? { ...change, value: new Uint8Array(change.value) } : change,
    );
    return new Promise((resolve, reject) => {
      this.#writes.push(() => this.#begin(owned, (failure) => (failure === undefined ? resolve() : reject(failure))));
      if (!this.#isWriting) this.#continue();
    });
  }

  async clear(range: StorageRange): Promise<void> {
    const keys = await this.#read(() => this.#ordered().slice(...boundsOf(this.#ordered(), range)));
    if (keys.length > 0) await this.write(keys.map((key) => ({ kind: "delete", key })));
  }

  snapshot(): StorageSnapshot {
    this.#isShared = true;
    const { cells } = this.#content;
    const order = this.#ordered();
    return {
      get: (key) => this.#read(() => copyOf(cells.get(key))),
      page: (range, limit) => this.#read(() => pageOf(cells, order, range, limit)),
      release: () => this.#read(() => undefined),
    };
  }

  async close(): Promise<void> {
    await this.write([]);
    this.#isClosed = true;
  }

  #read<T>(read: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#device.read("storage: read", () => {
        if (this.#isClosed) reject(new SkeinError("disk-failed", "The simulated storage is closed"));
        else resolve(read());
      });
    });
  }

  #continue(): void {
    const next = this.#writes.shift();
    this.#isWriting = next !== undefined;
    next?.();
  }

  #begin(changes: readonly StorageChange[], done: (failure?: SkeinError) => void): void {
    const answer = (failure?: SkeinError) => {
      done(failure);
      this.#continue();
    };
    if (this.#isClosed || this.#device.isFull) {
      const closed = new SkeinError("disk-failed", "The simulated storage is closed");
      const failure = this.#isClosed ? closed : new SkeinError("disk-full", "The simulated disk is full");
      this.#device.soon("storage: refused", () => answer(failure));
      return;
    }
    let bytes = 0;
    for (const change of changes) bytes += change.key.length + (change.kind === "put" ? change.value.length : 0);
    this.#device.write(bytes, {
      name: "storage: write",
      apply: () => {
        this.#bytesWritten += bytes;
        this.#syncs += 1;
        this.#apply(changes);
      },
      synced: () => {
        for (const change of changes) {
          this.#device.trace(change.key, change.kind, change.kind === "put" ? change.value : undefined);
        }
      },
      done: answer,
    });
  }

  #apply(changes: readonly StorageChange[]): void {
    if (this.#isShared) this.#content.cells = new Map(this.#content.cells);
    this.#isShared = false;
    const { cells } = this.#content;
    for (const change of changes) {
      if (change.kind === "delete" ? cells.has(change.key) : !cells.has(change.key)) this.#order = undefined;
      if (change.kind === "delete") cells.delete(change.key);
      else cells.set(change.key, change.value);
    }
  }

  #ordered(): readonly string[] {
    this.#order ??= [...this.#content.cells.keys()].sort(byUtf8);
    return this.#order;
  }
}

/** Unlike `<`, which compares UTF-16 units: they disagree where surrogates meet U+E000 to U+FFFF. */
function byUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function pageOf(cells: Cells, order: readonly string[], range: StorageRange, limit: number): Entry[] {
  const [from, to] = boundsOf(order, range);
  return order.slice(from, Math.min(to, from + limit)).map((key) => [key, new Uint8Array(cells.get(key) ?? [])]);
}

/** Indexes into `order`. */
function boundsOf(order: readonly string[], { from, to }: StorageRange): [from: number, to: number] {
  return [firstAtOrAfter(order, from), firstAtOrAfter(order, to)];
}

function firstAtOrAfter(order: readonly string[], key: string): number {
  let [low, high] = [0, order.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byUtf8(order[middle] ?? "", key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

const copyOf = (value: Uint8Array | undefined): Uint8Array | undefined =>
  value === undefined ? undefined : new Uint8Array(value);
