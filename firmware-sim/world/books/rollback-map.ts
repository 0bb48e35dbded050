// A map that remembers what stood there before each entry of the log. Problem: a site that lost its majority goes on from an older
// log, so what the books say must be had as of an earlier index. Idea: each change keeps its undoing, for as many changes as any
// recovery in a simulated world goes back.

import { assert } from "../../../src/base/errors.ts";

interface Undoing<Key, Value> {
  readonly at: number;
  readonly key: Key;
  readonly before: Value | undefined;
}

const undoingsMax = 100_000;

export class RollbackMap<Key, Value> {
  readonly #values: Map<Key, Value>;
  #undoings: Undoing<Key, Value>[] = [];
  /** Changes at or before it cannot be undone any more. */
  #forgotten = 0;

  constructor(values: Iterable<readonly [Key, Value]> = []) {
    this.#values = new Map(values);
  }

  get(key: Key): Value | undefined {
    return this.#values.get(key);
  }

  get size(): number {
    return this.#values.size;
  }

  keys(): IterableIterator<Key> {
    return this.#values.keys();
  }

  entries(): IterableIterator<[Key, Value]> {
    return this.#values.entries();
  }

  /** By the entry `at`, which is not before that of any earlier change. Undefined: there is no value any more. */
  set(at: number, key: Key, value: Value | undefined): void {
    this.#undoings.push({ at, key, before: this.#values.get(key) });
    if (value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
    if (this.#undoings.length < 2 * undoingsMax) return;
    this.#forgotten = this.#undoings[undoingsMax - 1]?.at ?? this.#forgotten;
    this.#undoings = this.#undoings.slice(undoingsMax);
  }

  /** A copy as it was before the entry `index`. */
  before(index: number): RollbackMap<Key, Value> {
    assert(index > this.#forgotten, "no recovery goes back further than the books do");
    const copy = new RollbackMap(this.#values);
    for (const { at, key, before } of this.#undoings.toReversed()) {
      if (at < index) break;
      if (before === undefined) copy.#values.delete(key);
      else copy.#values.set(key, before);
    }
    return copy;
  }
}
