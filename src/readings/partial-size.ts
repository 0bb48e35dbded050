// How many bytes a partial takes as CBOR (RFC 8949 §3), without encoding it: who folds must cut before the frame's bound, and
// the encoding belongs to another floor. Never less than the truth: each bin counts as a run of its own (sketch.ts).

import type { Partial, PartialPart, Sketch } from "./types.ts";

const doubleBytes = 9;
/** Origin, session, range, revision, stamps and check, with the heads around them. */
const headBytes = 160;

export function partialBytes(partial: Pick<Partial, "parts">): number {
  return partial.parts.reduce((sum, part) => sum + partBytes(part), headBytes);
}

function partBytes({ key, fold }: PartialPart): number {
  const texts = Buffer.byteLength(key.aggregation) + Buffer.byteLength(key.group) + 6;
  const numbers = 4 * doubleBytes + integerBytes(fold.count) + integerBytes(fold.missing);
  return texts + numbers + sketchBytes(fold.sketch) + 4;
}

function sketchBytes({ positive, negative, zero }: Sketch): number {
  let bytes = 9 + integerBytes(zero);
  for (const bins of [positive, negative]) {
    let before = 0;
    for (const bin of [...bins.keys()].sort((a, b) => a - b)) {
      bytes += integerBytes(bin - before) + 1 + integerBytes(bins.get(bin) ?? 0);
      before = bin;
    }
  }
  return bytes;
}

function integerBytes(value: number): number {
  const magnitude = value < 0 ? -1 - value : value;
  if (magnitude < 24) return 1;
  if (magnitude < 0x100) return 2;
  if (magnitude < 0x1_0000) return 3;
  return magnitude < 0x1_0000_0000 ? 5 : doubleBytes;
}
