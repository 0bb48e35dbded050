// A frozen partial as it lies in the readings log: the body of a payload (reading-codec.ts). Numbers as in varint.ts.
//
//   from, to − from, newest stamp, check, slot (ms), parts, then for each part
//   aggregation, group, start, end − start, missing, count, [count > 0: sum, min, max, zero, bins above 0, bins below 0]
// Bins: how many, then for each the distance from the one before and its count, ascending.

import { limits } from "../base/limits.ts";
import { milliseconds, siteTime } from "../base/units.ts";
import { emptyFold } from "./fold.ts";
import { sketchCount } from "./sketch.ts";
import type { Fold, FrozenPart, FrozenPartial } from "./types.ts";
import type { ByteReader, ByteWriter } from "./varint.ts";

const nameBytesMax = 1024;

export function writeFrozen(writer: ByteWriter, frozen: FrozenPartial): void {
  writer.count(frozen.from);
  writer.count(frozen.to - frozen.from);
  writer.count(frozen.stampMax);
  writer.count(frozen.check);
  writer.count(frozen.slot);
  writer.count(frozen.parts.length);
  for (const { key, end, fold } of frozen.parts) {
    writer.text(key.aggregation);
    writer.text(key.group);
    writer.count(key.start);
    writer.count(end - key.start);
    writeFold(writer, fold);
  }
}

/** What is none fails the reader, or is undefined. */
export function readFrozen(reader: ByteReader): FrozenPartial | undefined {
  const from = reader.count();
  const to = from + reader.count();
  const stampMax = siteTime(reader.count());
  const check = reader.count();
  const slot = milliseconds(reader.count());
  const count = reader.count();
  if (to <= from || check > 0xffff_ffff || count > limits.partialParts) return undefined;
  const parts: FrozenPart[] = [];
  while (parts.length < count && !reader.hasFailed) {
    const [aggregation, group] = [reader.text(nameBytesMax), reader.text(nameBytesMax)];
    const start = siteTime(reader.count());
    const end = siteTime(start + reader.count());
    const fold = readFold(reader);
    if (fold === undefined || end <= start) return undefined;
    parts.push({ key: { aggregation, group, start }, end, fold });
  }
  return { from, to, stampMax, check, slot, parts };
}

function writeFold(writer: ByteWriter, { missing, count, sum, min, max, sketch }: Fold): void {
  writer.count(missing);
  writer.count(count);
  if (count === 0) return;
  for (const value of [sum, min, max]) writer.double(value);
  writer.count(sketch.zero);
  for (const bins of [sketch.positive, sketch.negative]) {
    writer.count(bins.size);
    let before = 0;
    for (const [bin, values] of [...bins].sort(([a], [b]) => a - b)) {
      writer.integer(bin - before);
      writer.count(values);
      before = bin;
    }
  }
}

function readFold(reader: ByteReader): Fold | undefined {
  const missing = reader.count();
  const count = reader.count();
  if (count === 0) return { ...emptyFold, missing };
  const [sum, min, max] = [reader.double(), reader.double(), reader.double()];
  const zero = reader.count();
  const sketch = { zero, positive: readBins(reader), negative: readBins(reader) };
  const isFold = Number.isFinite(sum) && Number.isFinite(min) && min <= max && sketchCount(sketch) === count;
  return isFold ? { count, sum, min, max, missing, sketch } : undefined;
}

function readBins(reader: ByteReader): ReadonlyMap<number, number> {
  const bins = new Map<number, number>();
  const size = Math.min(reader.count(), limits.sketchBins);
  for (let bin = 0; bins.size < size && !reader.hasFailed; ) {
    bin += reader.integer();
    bins.set(bin, reader.count());
  }
  return bins;
}
