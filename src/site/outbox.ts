// What the uplink has still to send. Numbers are consecutive and never used again; an item's bytes are made by apply, once.
//
// Items are *cold*: apply never needs their bytes again, so once a checkpoint has them they leave memory, and the uplink reads
// them back from the store. A site that was offline for a week does not hold a week in memory. A `degrade` takes items out of
// the middle (degrading.ts): their numbers stay empty, and a later item says that it replaces them.

import { decode, encode } from "../base/cbor.ts";
import { crc32 } from "../base/hash.ts";
import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import { decodeSketch, encodeSketch } from "../readings/sketch.ts";
import type { Sketch } from "../readings/types.ts";
import { type CellSource, paddedKey } from "./cells.ts";
import type { Cell } from "./types.ts";

export interface OutboxItem {
  /** Below the prefix of the site's topics. */
  readonly topic: string;
  /** The newest window of its series: the broker keeps it for whoever comes later. */
  readonly retain: boolean;
  readonly payload: Uint8Array;
  /** What merging it takes beside its payload; absent where it is never merged. */
  readonly merging?: Merging;
}

export interface Merging {
  readonly sketch: Sketch;
  /** It does not stand for an earlier item that may have left: nothing outside knows a value that it takes the place of. */
  readonly isWhole: boolean;
}

interface Slot {
  readonly size: number;
  /** CRC-32 of its bytes: what a `degrade` was made from is compared with it. */
  readonly check: number;
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

  /** Items that wait. */
  get count(): number {
    return this.#slots.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes >= this.#bytesMax;
  }

  /** False for a number that was acknowledged, or replaced, or not given yet. */
  holds(number: number): boolean {
    return this.#slots.has(number);
  }

  /** Undefined: not there, or only in the store, under `itemKey(number)`. */
  item(number: number): OutboxItem | undefined {
    const bytes = this.#slots.get(number)?.bytes;
    return bytes === undefined ? undefined : decodeOutboxItem(bytes);
  }

  itemKey(number: number): string {
    return paddedKey(this.prefix, number);
  }

  /** Of these items together, in their order; undefined unless all are here. */
  checkOf(numbers: Iterable<number>): number | undefined {
    const check = new ItemsCheck();
    for (const number of numbers) {
      const slot = this.#slots.get(number);
      if (slot === undefined) return undefined;
      check.add(slot.check);
    }
    return check.value;
  }

  sizeOf(number: number): number {
    return this.#slots.get(number)?.size ?? 0;
  }

  append(item: OutboxItem): void {
    this.appendEncoded(encodeItem(item));
  }

  /** What `encodeItem` gave. */
  appendEncoded(bytes: Uint8Array): void {
    this.#put(this.#next, bytes).bytes = bytes;
    this.#touch(this.itemKey(this.#next));
    this.#touch(rangeKey);
    this.#next += 1;
  }

  /** Drops everything up to and including `upTo`; true if there was something. */
  acknowledge(upTo: number): boolean {
    const before = this.#first;
    for (; this.#first <= upTo && this.#first < this.#next; this.#first++) this.#drop(this.#first);
    if (this.#first > before) this.#passEmpty();
    return this.#first > before;
  }

  /** Takes these out: what follows replaces them. */
  remove(numbers: Iterable<number>): void {
    for (const number of numbers) this.#drop(number);
    this.#passEmpty();
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
    this.#put(number, value);
    return true;
  }

  #put(number: number, bytes: Uint8Array): Slot {
    const slot: Slot = { size: storedSize(bytes), check: crc32(bytes), bytes: undefined };
    this.#slots.set(number, slot);
    this.#bytes += slot.size;
    return slot;
  }

  #drop(number: number): void {
    const slot = this.#slots.get(number);
    if (slot === undefined) return;
    this.#bytes -= slot.size;
    this.#slots.delete(number);
    this.#touch(this.itemKey(number));
  }

  /** Numbers at the front that nothing has any more are through. */
  #passEmpty(): void {
    while (this.#first < this.#next && !this.#slots.has(this.#first)) this.#first += 1;
    this.#touch(rangeKey);
  }
}

/** CRC-32 over the checks of several items. */
export class ItemsCheck {
  readonly #bytes = Buffer.alloc(4);
  #crc = 0;

  /** `check`: CRC-32 of an item's bytes. */
  add(check: number): void {
    this.#bytes.writeUInt32BE(check);
    this.#crc = crc32(this.#bytes, this.#crc);
  }

  get value(): number {
    return this.#crc;
  }
}

export function encodeItem({ topic, retain, payload, merging }: OutboxItem): Uint8Array {
  const packed = merging === undefined ? null : [encodeSketch(merging.sketch), merging.isWhole];
  return Uint8Array.from(encode([topic, retain, payload, packed]));
}

/** What an item of these bytes takes of the bound. */
export const storedSize = (bytes: Uint8Array): number => bytes.length + itemOverheadBytes;

/** Reads an item's cell. Undefined for bytes that are none. */
export function decodeOutboxItem(bytes: Uint8Array): OutboxItem | undefined {
  const fields = new Fields(decode(bytes), 4);
  const item = {
    topic: fields.text(limits.frameBytes),
    retain: fields.flag(),
    payload: fields.bytes(limits.frameBytes),
  };
  const merging = fields.optional((each) => each.decoded(unpackMerging));
  return fields.finish(merging === undefined ? item : { ...item, merging });
}

function unpackMerging(value: unknown): Merging | undefined {
  const fields = new Fields(value, 2);
  return fields.finish({ sketch: fields.decoded(decodeSketch), isWhole: fields.flag() });
}
