// What of a simulated log is on disk: what a power cut leaves.

import type { LogPosition, LogRecord } from "../../src/base/ports/log-file.ts";

interface StoredBatch {
  readonly first: LogPosition;
  readonly payloads: readonly Uint8Array[];
  readonly bytes: number;
  isDamaged: boolean;
}

export interface StoredSegment {
  readonly first: LogPosition;
  readonly description: Uint8Array;
  readonly batches: StoredBatch[];
  /** Header and batches, in whole blocks. */
  bytes: number;
}

export interface LogContent {
  /** Oldest first. */
  segments: StoredSegment[];
  /** Files that are ready to be written. */
  free: number;
  /** The power was cut in the middle of a batch. */
  hasTornTail: boolean;
}

export const emptyLog = (): LogContent => ({ segments: [], free: 0, hasTornTail: false });

export function nextOf(content: LogContent): LogPosition {
  const segment = content.segments.at(-1);
  const batch = segment?.batches.at(-1);
  if (batch !== undefined) return batch.first + batch.payloads.length;
  return segment?.first ?? 1;
}

/** Rot in the batch that holds `position`; false when there is none. */
export function damageBatch(content: LogContent, position: LogPosition): boolean {
  for (const { batches } of content.segments) {
    for (const batch of batches) {
      if (position < batch.first || position >= batch.first + batch.payloads.length) continue;
      batch.isDamaged = true;
      return true;
    }
  }
  return false;
}

/** What a power cut now would leave: nothing of a batch that rotted. The payloads are those of the content itself. */
export function readableRecords({ segments }: LogContent): LogRecord[] {
  const records: LogRecord[] = [];
  for (const { batches } of segments) {
    for (const { isDamaged, first, payloads } of batches) {
      if (!isDamaged) for (const [i, payload] of payloads.entries()) records.push({ position: first + i, payload });
    }
  }
  return records;
}

/** As recovery finds it: a damaged batch with others behind it is named, at the very end it is a torn tail and is cut. */
export function recoverContent(content: LogContent): { damagedAt: LogPosition | undefined; cutTail: boolean } {
  let cutTail = content.hasTornTail;
  content.hasTornTail = false;
  const newest = content.segments.at(-1);
  if (newest?.batches.at(-1)?.isDamaged === true) {
    newest.batches.pop();
    cutTail = true;
  }
  const damaged = content.segments.flatMap(({ batches }) => batches).find(({ isDamaged }) => isDamaged);
  return { damagedAt: damaged?.first, cutTail };
}
