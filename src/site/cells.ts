// The state as cells: what a checkpoint writes, a snapshot streams and a digest covers.
//
// Problem: replicas must compare their whole state often, and write only what changed. Idea: the digest is the sum, modulo
// 2^128, of a hash of each cell, so a change costs one subtraction and one addition, and neither order nor history matters
// (an incremental multiset hash; Bellare & Micciancio, "A New Paradigm for Collision-Free Hashing", Eurocrypt 1997. It is
// here to find faults, not forgers). Values are encoded only when somebody asks, however often an entry changed them.

import { sha256 } from "../base/hash.ts";
import type { Cell } from "./types.ts";

/** The present bytes of a cell; undefined where there is none (any more). */
type ReadCell = (key: string) => Uint8Array | undefined;

/** What changed since the last time it was taken. */
export interface CellChanges {
  readonly puts: readonly Cell[];
  readonly deletes: readonly string[];
}

/** One kind of cells: those whose key begins with `prefix`. */
export interface CellSource {
  readonly prefix: string;
  read(key: string): Uint8Array | undefined;
  /** Takes one cell of a checkpoint; false if it is none of this version. */
  load(cell: Cell): boolean;
}

const modulus128 = 128;

export class CellTable {
  readonly #known = new Map<string, { readonly hash: bigint; readonly bytes: number }>();
  readonly #unhashed = new Set<string>();
  readonly #untaken = new Set<string>();
  #sum = 0n;
  #bytes = 0;

  /** Cells of the state; exact after `digest` or `take`. */
  get count(): number {
    return this.#known.size;
  }

  /** Of all cells with their keys; exact after `digest` or `take`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The cell changed, came or went. */
  touch(key: string): void {
    this.#unhashed.add(key);
    this.#untaken.add(key);
  }

  /** A cell that a checkpoint already holds. */
  loaded(cell: Cell): void {
    this.#replace(cell.key, cell.value);
  }

  /** 32 hex digits over all cells. */
  digest(read: ReadCell): string {
    for (const key of this.#unhashed) this.#replace(key, read(key));
    this.#unhashed.clear();
    return this.#sum.toString(16).padStart(32, "0");
  }

  /** Everything touched since the last `take`, each cell once, in the order of keys. */
  take(read: ReadCell): CellChanges {
    const puts: Cell[] = [];
    const deletes: string[] = [];
    for (const key of [...this.#untaken].sort()) {
      const value = read(key);
      this.#replace(key, value);
      this.#unhashed.delete(key);
      if (value === undefined) deletes.push(key);
      else puts.push({ key, value });
    }
    this.#untaken.clear();
    return { puts, deletes };
  }

  #replace(key: string, value: Uint8Array | undefined): void {
    const before = this.#known.get(key) ?? nothing;
    const after = value === undefined ? nothing : { hash: hashOf(key, value), bytes: key.length + value.length };
    this.#sum = BigInt.asUintN(modulus128, this.#sum - before.hash + after.hash);
    this.#bytes += after.bytes - before.bytes;
    if (value === undefined) this.#known.delete(key);
    else this.#known.set(key, after);
  }
}

const nothing = { hash: 0n, bytes: 0 };

/** The key's length stands in front, so that no two cells have the same bytes to hash. */
function hashOf(key: string, value: Uint8Array): bigint {
  const name = Buffer.from(key);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return BigInt(`0x${sha256(Buffer.concat([length, name, value])).toString("hex", 0, 16)}`);
}

/** Numbers in keys have leading zeros, so that their order as text is their order. */
export const paddedKey = (prefix: string, number: number): string => `${prefix}${String(number).padStart(16, "0")}`;
