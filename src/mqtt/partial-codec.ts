// The body of a partial (PROTOCOLS, "Counting each reading once").
//
// A sketch is its bins in ascending order as one flat list: first bin, count, then the distance to each next bin and its
// count; small whole numbers, and one way only to write a sketch.

import { isMemberKey } from "../base/ids.ts";
import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import { logIndex, siteTime } from "../base/units.ts";
import type { Fold, FrozenOffer, FrozenPart, Partial, PartialPart } from "../readings/types.ts";
import { isAggregationName, isGroup } from "../site/fold-codec.ts";
import type { Codec } from "./codec.ts";

function encodeBins(bins: ReadonlyMap<number, number>): number[] {
  const items: number[] = [];
  let before = 0;
  for (const [bin, count] of [...bins].sort(([a], [b]) => a - b)) {
    items.push(bin - before, count);
    before = bin;
  }
  return items;
}

function decodeBins(item: unknown): ReadonlyMap<number, number> | undefined {
  const fields = new Fields(item);
  if (fields.length > 2 * limits.sketchBins) return undefined;
  const bins = new Map<number, number>();
  let bin = 0;
  while (!fields.isAtEnd && fields.failedAt === undefined) {
    const step = fields.integer();
    fields.require(bins.size === 0 || step > 0);
    bin += step;
    fields.require(Number.isSafeInteger(bin));
    const count = fields.count();
    fields.require(count > 0);
    bins.set(bin, count);
  }
  return fields.finish(bins);
}

const encodePart = ({ key, fold }: PartialPart): unknown => [
  key.aggregation,
  key.group,
  key.start,
  fold.count,
  fold.sum,
  fold.min,
  fold.max,
  fold.missing,
  fold.sketch.zero,
  encodeBins(fold.sketch.positive),
  encodeBins(fold.sketch.negative),
];

function decodePart(item: unknown): PartialPart | undefined {
  const fields = new Fields(item, 11);
  const key = {
    aggregation: fields.matching(isAggregationName),
    group: fields.matching(isGroup),
    start: siteTime(fields.time()),
  };
  const numbers = {
    count: fields.count(),
    sum: fields.number(),
    min: fields.number(),
    max: fields.number(),
    missing: fields.count(),
  };
  const fold: Fold = {
    ...numbers,
    sketch: {
      zero: fields.count(),
      positive: fields.decoded(decodeBins),
      negative: fields.decoded(decodeBins),
    },
  };
  return fields.finish({ key, fold });
}

const encodeFrozenPart = (part: FrozenPart): unknown => [part.end, encodePart(part)];

function decodeFrozenPart(item: unknown): FrozenPart | undefined {
  const fields = new Fields(item, 2);
  const end = siteTime(fields.time());
  const part = fields.decoded(decodePart);
  return fields.finish({ ...part, end });
}

/** A frozen partial (docs/decisions/0008): as a partial, but each window says its end, and no revision is named. */
export interface FrozenMessage {
  readonly kind: "frozen";
  readonly offer: FrozenOffer;
}

export const frozenCodec: Codec<FrozenMessage> = {
  encode: ({ offer: { origin, session, stored, frozen } }) => [
    origin,
    session,
    frozen.from,
    frozen.to,
    stored,
    frozen.stampMax,
    frozen.check,
    frozen.parts.map(encodeFrozenPart),
  ],
  decode: (body) => {
    const fields = new Fields(body, 8);
    const [origin, session] = [fields.matching(isMemberKey), fields.count()];
    const [from, to, stored] = [fields.count(), fields.count(), fields.count()];
    const frozen = {
      from,
      to,
      stampMax: siteTime(fields.time()),
      check: fields.count(0xffff_ffff),
      parts: fields.list(limits.partialParts, decodeFrozenPart),
    };
    return fields.finish({ kind: "frozen", offer: { origin, session, stored, frozen } });
  },
};

export interface PartialMessage {
  readonly kind: "partial";
  readonly partial: Partial;
}

export const partialCodec: Codec<PartialMessage> = {
  encode: ({ partial }) => [
    partial.origin,
    partial.session,
    partial.from,
    partial.to,
    partial.stored,
    partial.revision,
    partial.stampMax,
    partial.check,
    partial.parts.map(encodePart),
  ],
  decode: (body) => {
    const fields = new Fields(body, 9);
    return fields.finish({
      kind: "partial",
      partial: {
        origin: fields.matching(isMemberKey),
        session: fields.count(),
        from: fields.count(),
        to: fields.count(),
        stored: fields.count(),
        revision: logIndex(fields.count()),
        stampMax: siteTime(fields.time()),
        check: fields.count(0xffff_ffff),
        parts: fields.list(limits.partialParts, decodePart),
      },
    });
  },
};
