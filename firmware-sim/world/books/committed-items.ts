// What apply put into the outbox: the bytes that every replica must hold alike, and that alone may reach the uplink.

import { crc32 } from "../../../src/base/hash.ts";
import type { OutboxItem } from "../../../src/site/outbox.ts";
import type { SiteState } from "../../../src/site/state.ts";
import { Violation } from "../checker.ts";
import type { Amount } from "./amounts.ts";
import type { ReadingKey } from "./expected-definitions.ts";

/** A window as an item tells it, or several merged. */
export interface PublishedWindow {
  readonly key: ReadingKey;
  /** Not included. */
  readonly end: number;
  readonly amount: Amount;
  readonly edition: number;
  /** A supplement: added to the last edition. */
  readonly adds: boolean;
  /** Of a merged item: it stands for the items of its series, with the same `adds`, in these ranges. */
  readonly replaces: readonly ItemRange[] | undefined;
  /** How many items that are. */
  readonly replacedItems: number;
}

/** Both included. */
export interface ItemRange {
  readonly first: ItemId;
  readonly last: ItemId;
}

export interface CommittedItem extends OutboxItem {
  readonly number: number;
}

/** Those that an entry has appended just now. */
export function itemsSince({ outbox }: SiteState, first: number): readonly CommittedItem[] {
  const items: CommittedItem[] = [];
  for (let number = Math.max(first, outbox.first); number < outbox.next; number++) {
    const item = outbox.item(number);
    if (item === undefined) throw new Violation("outbox-order", `item ${number} is not in memory when it is made`);
    items.push({ number, ...item });
  }
  return items;
}

/** For comparing; two items with the same are the same. */
export const itemDigest = ({ topic, retain, payload }: OutboxItem): string =>
  `${topic} ${retain} ${payload.length} ${crc32(payload)}`;

const idPattern = /^([1-9]\d*)\.([1-9]\d*)$/;

/** An item's `{generation}.{number}`. */
export interface ItemId {
  readonly generation: number;
  readonly number: number;
}

export function itemIdOf(
  payload: Uint8Array,
): { readonly id: ItemId; readonly body: Readonly<Record<string, unknown>> } | undefined {
  let body: unknown;
  try {
    body = JSON.parse(Buffer.from(payload).toString());
  } catch {
    return undefined;
  }
  if (typeof body !== "object" || body === null) return undefined;
  const fields = body as Readonly<Record<string, unknown>>;
  const { id: text } = fields;
  const id = readItemId(text);
  return id === undefined ? undefined : { id, body: fields };
}

function readItemId(text: unknown): ItemId | undefined {
  const [, generation, number] = (typeof text === "string" ? idPattern.exec(text) : null) ?? [];
  return number === undefined ? undefined : { generation: Number(generation), number: Number(number) };
}

/** Undefined for an item that is no aggregate. */
export function publishedWindow(body: Readonly<Record<string, unknown>>): PublishedWindow | undefined {
  const { aggregation, group, ts: start, count, missing, edition, adds } = body;
  const isWindow = typeof aggregation === "string" && typeof group === "string" && typeof start === "number";
  if (!isWindow || typeof count !== "number" || typeof edition !== "number") return undefined;
  const { sum, min = Number.POSITIVE_INFINITY, max = Number.NEGATIVE_INFINITY, spanMs, replaces, replacedItems } = body;
  return {
    key: { aggregation, group, start },
    end: start + Number(spanMs),
    amount: { count, sum: Number(sum), min: Number(min), max: Number(max), missing: Number(missing) },
    edition,
    adds: adds === true,
    replaces: replaces === undefined ? undefined : readRanges(replaces),
    replacedItems: replaces === undefined ? 0 : Number(replacedItems),
  };
}

function readRanges(replaces: unknown): readonly ItemRange[] {
  const ranges = typeof replaces === "string" ? replaces.split(",") : [];
  const read = ranges.flatMap((range) => {
    const [first, last, ...rest] = range.split("-").map(readItemId);
    const isRange = first !== undefined && first.generation === last?.generation && first.number <= last.number;
    return isRange && rest.length === 0 ? [{ first, last }] : [];
  });
  if (read.length === ranges.length && read.length > 0) return read;
  throw new Violation("outbox-order", `an item replaces ${JSON.stringify(replaces)}, which are no ranges of items`);
}
