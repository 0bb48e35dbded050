// How an item of the outbox is named in JSON, `{generation}.{number}`, and the ranges of names that a merged item replaces.

/** Ordered by generation, then by number. */
export interface ItemId {
  readonly generation: number;
  readonly number: number;
}

/** Both included. */
export interface ItemRange {
  readonly first: ItemId;
  readonly last: ItemId;
}

export const formatItemId = ({ generation, number }: ItemId): string => `${generation}.${number}`;

/** Undefined for anything that is no id. */
export function parseItemId(text: unknown): ItemId | undefined {
  const [, generation, number] = (typeof text === "string" && /^(\d{1,9})\.(\d{1,15})$/.exec(text)) || [];
  return number === undefined ? undefined : { generation: Number(generation), number: Number(number) };
}

export const compareItemIds = (a: ItemId, b: ItemId): number => a.generation - b.generation || a.number - b.number;

export const formatRanges = (ranges: readonly ItemRange[]): string =>
  ranges.map(({ first, last }) => `${formatItemId(first)}-${formatItemId(last)}`).join();

/** Undefined for a text in which anything is no range. */
export function parseRanges(text: unknown): readonly ItemRange[] | undefined {
  if (typeof text !== "string") return undefined;
  const parts = text.split(",");
  const ranges = parts.flatMap((part) => {
    const [first, last, ...more] = part.split("-").map(parseItemId);
    return first === undefined || last === undefined || more.length > 0 ? [] : [{ first, last }];
  });
  return ranges.length < parts.length ? undefined : ranges;
}
