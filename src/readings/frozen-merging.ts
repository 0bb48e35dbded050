// How frozen partials stay few (docs/decisions/0008): two neighbours become one, with coarser windows, as windows that wait for the
// uplink do (docs/decisions/0006). Count, sum, extremes and quantiles stay those of all the readings; resolution in time is lost.

import { crc32 } from "../base/hash.ts";
import { type Duration, hours, milliseconds, minutes, siteTime } from "../base/units.ts";
import { keyText, mergeFolds } from "./fold.ts";
import { partialBytes } from "./partial-size.ts";
import type { ReadingsSizes } from "./readings-sizes.ts";
import type { FrozenPart, FrozenPartial } from "./types.ts";

const slots: readonly Duration[] = [milliseconds(0), minutes(5), minutes(15), hours(1), hours(4), hours(24)];

/** Beside what a part has in a partial. */
const endBytes = 9;

export const frozenBytes = ({ parts }: Pick<FrozenPartial, "parts">): number =>
  partialBytes({ parts }) + endBytes * parts.length;

/** `a` ends where `b` begins. */
export function mergeFrozen(a: FrozenPartial, b: FrozenPartial, slot: Duration): FrozenPartial {
  return {
    from: a.from,
    to: b.to,
    stampMax: siteTime(Math.max(a.stampMax, b.stampMax)),
    check: chainedCheck(a.check, b.check),
    slot,
    parts: coarsened([...a.parts, ...b.parts], slot),
  };
}

/** Of two ranges that follow each other. */
export function chainedCheck(first: number, second: number): number {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(first);
  bytes.writeUInt32BE(second, 4);
  return crc32(bytes);
}

/**
 * At most `frozenPartials` of `all`, which ascend: neighbours are merged, the finest first, the oldest of these first, and none that
 * begins before `settled`. Undefined: there are more, and no two can become one.
 */
export function withinBound(
  all: readonly FrozenPartial[],
  settled: number,
  sizes: Pick<ReadingsSizes, "frozenBytes" | "frozenPartials">,
): readonly FrozenPartial[] | undefined {
  let kept = all;
  while (kept.length > sizes.frozenPartials) {
    const next = mergedOnce(kept, settled, sizes.frozenBytes);
    if (next === undefined) return undefined;
    kept = next;
  }
  return kept;
}

function mergedOnce(
  all: readonly FrozenPartial[],
  settled: number,
  bytesMax: number,
): readonly FrozenPartial[] | undefined {
  const pairs = all.slice(1).flatMap((second, place) => {
    const first = all[place];
    const isMergeable = first !== undefined && first.from >= settled && first.to === second.from;
    return isMergeable ? [{ first, second }] : [];
  });
  const finest = ({ first, second }: (typeof pairs)[number]): Duration =>
    first.slot > second.slot ? first.slot : second.slot;
  for (const pair of pairs.sort((a, b) => finest(a) - finest(b) || a.first.from - b.first.from)) {
    for (const slot of slots.filter((each) => each >= finest(pair))) {
      const one = mergeFrozen(pair.first, pair.second, slot);
      if (frozenBytes(one) > bytesMax) continue;
      return all.flatMap((each) => (each === pair.first ? [one] : each === pair.second ? [] : [each]));
    }
  }
  return undefined;
}

/** A merged window is as long as what is in it, from the first start to the last end. */
function coarsened(parts: readonly FrozenPart[], slot: Duration): FrozenPart[] {
  const merged = new Map<string, FrozenPart>();
  for (const part of [...parts].sort((a, b) => a.key.start - b.key.start)) {
    const start = slot === 0 ? part.key.start : siteTime(Math.floor(part.key.start / slot));
    const name = keyText({ ...part.key, start });
    const before = merged.get(name);
    if (before === undefined) merged.set(name, part);
    else {
      const end = part.end > before.end ? part.end : before.end;
      merged.set(name, { key: before.key, end, fold: mergeFolds(before.fold, part.fold) });
    }
  }
  return [...merged.values()];
}
