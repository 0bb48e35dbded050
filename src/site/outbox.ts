// What the uplink has still to send. Numbers are consecutive and never used again; an item's bytes are made by apply, once.
//
// Items are *cold*: apply never needs their bytes again, so once a checkpoint has them they leave memory, and the uplink reads
// them back from the store. A site that was offline for a week does not hold a week in memory.

import { decode, encode } from "../base/cbor.ts";
import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import { type CellSource, paddedKey } from "./cells.ts";
import type { Cell } from "./types.ts";

export interface OutboxItem {
  /** Below the prefix of the site's topics. */
  readonly topic: string;
  /** The newest window of its series: the broker keeps it for whoever comes later. */
  readonly retain: boolean;
  readonly payload: Uint8Array;
}

interface Slot {
  readonly size: number;
  /** Absent once a checkpoint has it. */
  bytes: Uint8Array | undefined;
}

const rangeKey = "outbox/range";
const itemOverheadBytes = 64;

export class Outbox implements CellSource {
  readonly prefix = "outbox/";
  readonly #bytesMax: number;
  readonly #touch: (key: string) => void;
  readonly #slots = new Map<number, Slot>();
  #first = 1;
  #next = 1;
  #bytes = 0;

  constructor(bytesMax: number, touch: (key: string) => void) {
    this.#bytesMax = bytesMax;
    this.#touch = touch;
  }

  /** Number of the oldest item that has not reached the uplink broker; `next` when there is none. */
  get first(): number {
    return this.#first;
  }

  /** The number that the next item gets. */
  get next(): number {
    return this.#next;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes >= this.#bytesMax;
  }

  /** Undefined: not there, or only in the store, under `itemKey(number)`. */
  item(number: number): OutboxItem | undefined {
    const bytes = this.#slots.get(number)?.bytes;
    return bytes === undefined ? undefined : decodeOutboxItem(bytes);
  }

  itemKey(number: number): string {
    return paddedKey(this.prefix, number);
  }

  append(item: OutboxItem): void {
    const bytes = Uint8Array.from(encode([item.topic, item.retain, item.payload]));
    this.#slots.set(this.#next, { size: bytes.length + itemOverheadBytes, bytes });
    this.#bytes += bytes.length + itemOverheadBytes;
    this.#touch(this.itemKey(this.#next));
    this.#touch(rangeKey);
    this.#next += 1;
  }

  /** Drops everything up to and including `upTo`; true if there was something. */
  acknowledge(upTo: number): boolean {
    const before = this.#first;
    for (; this.#first <= upTo && this.#first < this.#next; this.#first++) {
      this.#bytes -= this.#slots.get(this.#first)?.size ?? 0;
      this.#slots.delete(this.#first);
      this.#touch(this.itemKey(this.#first));
    }
    if (this.#first > before) this.#touch(rangeKey);
    return this.#first > before;
  }

  /** A checkpoint holds this item now. */
  forgetBytes(key: string): void {
    const slot = this.#slots.get(Number(key.slice(this.prefix.length)));
    if (slot !== undefined) slot.bytes = undefined;
  }

  read(key: string): Uint8Array | undefined {
    if (key === rangeKey) return this.#next === 1 ? undefined : encode([this.#first, this.#next]);
    return this.#slots.get(Number(key.slice(this.prefix.length)))?.bytes;
  }

  load({ key, value }: Cell): boolean {
    if (key === rangeKey) {
      const fields = new Fields(decode(value), 2);
      this.#first = fields.count();
      this.#next = fields.count();
      return fields.finish(true) ?? false;
    }
    const number = Number(key.slice(this.prefix.length));
    if (this.itemKey(number) !== key) return false;
    this.#slots.set(number, { size: value.length + itemOverheadBytes, bytes: undefined });
    this.#bytes += value.length + itemOverheadBytes;
    return true;
  }
}

/** Reads an item's cell. Undefined for bytes that are none. */
export function decodeOutboxItem(bytes: Uint8Array): OutboxItem | undefined {
  const fields = new Fields(decode(bytes), 3);
  return fields.finish({
    topic: fields.text(limits.frameBytes),
    retain: fields.flag(),
    payload: fields.bytes(limits.frameBytes),
  });
}
