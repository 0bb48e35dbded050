// What a log holds after a start (DESIGN §11; RAFT-CASES 13 and 42).
//
// A batch is written only after the sync of the one before, so only the very last may be torn. The walk stops at the first
// batch that does not match. In the newest segment that is the tail, unless a matching batch follows: then it is damage.
// In an older one the next header says which batch must be the last, so anything missing is damage. A lost header shows by
// its cycle: those from the oldest needed to the newest must all be there, and no batch may be of a later one.
//
// What is left behind the tail is zeroed, the block at the tail first: a torn batch never gets a second chance to match.

import { open, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { SkeinError } from "../../base/errors.ts";
import type { LogRecord } from "../../base/ports/log-file.ts";
import { writeAll } from "../disk-access.ts";
import {
  type BatchHead,
  blockBytes,
  carriesSalt,
  decodeBatch,
  decodeSegmentHeader,
  isKnownVersion,
  payloadsOf,
  type SegmentHeader,
  segmentHeaderBytes,
  wholeBlocks,
} from "./batch-format.ts";
import { Segment } from "./segment.ts";
import { segmentNumber } from "./segment-pool.ts";

export interface RecoveredSegments {
  /** Oldest first; empty in a new log. */
  readonly live: Segment[];
  readonly free: string[];
  readonly files: number;
  readonly lastNumber: number;
  readonly nextBatch: number;
  readonly nextPosition: number;
  readonly cutTail: boolean;
  readonly bytesWritten: number;
  readonly syncs: number;
}

interface Found {
  readonly path: string;
  readonly header: SegmentHeader;
}

export async function recoverSegments(
  directory: string,
  segmentBytes: number,
  recovered: (record: LogRecord) => void,
): Promise<RecoveredSegments> {
  const names = (await readdir(directory)).filter((name) => segmentNumber(name) !== undefined).sort();
  const lastNumber = Math.max(0, ...names.map((name) => segmentNumber(name) ?? 0));
  const { found, headless } = await readHeaders(names.map((name) => join(directory, name)));
  const newest = found.at(-1);
  if (newest === undefined) {
    for (const path of headless) await refuseOrphans(path, { oldest: 0, newest: -1, present: new Set() });
    const free = await keepWhole(headless, segmentBytes);
    const files = free.length;
    return {
      live: [],
      free,
      files,
      lastNumber,
      nextBatch: 1,
      nextPosition: 1,
      cutTail: false,
      bytesWritten: 0,
      syncs: 0,
    };
  }

  const content = await readFile(newest.path);
  const tail = findTail(content, newest);
  const needed = found.filter(({ header }) => header.cycle >= tail.oldestCycle);
  const present = new Set(needed.map(({ header }) => header.cycle));
  for (const path of headless) {
    await refuseOrphans(path, { oldest: tail.oldestCycle, newest: newest.header.cycle, present });
  }
  refuseGaps(directory, needed, tail.oldestCycle);

  const live: Segment[] = [];
  for (const [i, { path, header }] of needed.entries()) {
    const bytes = path === newest.path ? content : await readFile(path);
    const following = needed[i + 1]?.header;
    live.push(collect(path, bytes, header, following, recovered));
  }
  const cleaned = await cleanTail(newest.path, content, tail.end);
  const stale = found.filter(({ header }) => header.cycle < tail.oldestCycle).map(({ path }) => path);
  const free = await keepWhole([...stale, ...headless], segmentBytes);
  return {
    live,
    free,
    files: live.length + free.length,
    lastNumber,
    nextBatch: tail.nextBatch,
    nextPosition: tail.nextPosition,
    cutTail: carriesSalt(content, tail.end, newest.header.salt),
    ...cleaned,
  };
}

async function readHeaders(paths: string[]): Promise<{ found: Found[]; headless: string[] }> {
  const found: Found[] = [];
  const headless: string[] = [];
  const block = Buffer.alloc(segmentHeaderBytes);
  for (const path of paths) {
    const handle = await open(path, "r");
    try {
      const { bytesRead } = await handle.read(block, 0, block.length, 0);
      const header = decodeSegmentHeader(block.subarray(0, bytesRead));
      if (header === undefined) headless.push(path);
      else found.push({ path, header });
      if (header !== undefined && !isKnownVersion(header)) {
        const what = `${path} is of format ${header.version}, which this version of skein does not know`;
        throw new SkeinError("data-directory-unusable", `${what}: start the newer version that wrote it`);
      }
    } finally {
      await handle.close();
    }
  }
  found.sort((a, b) => a.header.cycle - b.header.cycle);
  return { found, headless };
}

function* batchesOf(content: Buffer, header: SegmentHeader): Generator<{ at: number; head: BatchHead }> {
  let [at, number, position] = [segmentHeaderBytes, header.firstBatch, header.firstPosition];
  for (;;) {
    const head = decodeBatch(content, at, header.salt);
    if (head === undefined || head.cycle !== header.cycle) return;
    if (head.number !== number || head.firstPosition !== position) return;
    yield { at, head };
    at += wholeBlocks(head.bytes);
    number += 1;
    position += head.count;
  }
}

function findTail(content: Buffer, { path, header }: Found) {
  const tail = {
    end: segmentHeaderBytes,
    nextBatch: header.firstBatch,
    nextPosition: header.firstPosition,
    oldestCycle: header.oldestCycle,
  };
  for (const { at, head } of batchesOf(content, header)) {
    tail.end = at + wholeBlocks(head.bytes);
    tail.nextBatch = head.number + 1;
    tail.nextPosition = head.firstPosition + head.count;
    tail.oldestCycle = head.oldestCycle;
  }
  for (let at = tail.end; at < content.length; at += blockBytes) {
    const later = decodeBatch(content, at, header.salt);
    if (later !== undefined && later.cycle === header.cycle && later.number >= tail.nextBatch) {
      throw damage(path, tail.end, `batch ${tail.nextBatch} is unreadable, and batch ${later.number} follows it`);
    }
  }
  return tail;
}

/** A file whose header is unreadable is free, unless it holds batches of a life that is still needed. */
async function refuseOrphans(path: string, cycles: { oldest: number; newest: number; present: ReadonlySet<number> }) {
  const content = await readFile(path);
  for (let at = segmentHeaderBytes; at < content.length; at += blockBytes) {
    const head = decodeBatch(content, at);
    if (head === undefined) continue;
    const isLost = head.cycle >= cycles.oldest && head.cycle <= cycles.newest && !cycles.present.has(head.cycle);
    if (isLost || head.cycle > cycles.newest) throw damage(path, 0, "its header is unreadable");
  }
}

function refuseGaps(directory: string, needed: readonly Found[], oldestCycle: number): void {
  for (const [i, { path, header }] of needed.entries()) {
    if (header.cycle < oldestCycle + i) throw damage(path, 0, `cycle ${header.cycle} is there twice`);
    if (header.cycle > oldestCycle + i)
      throw damage(directory, 0, `the segment of cycle ${oldestCycle + i} is missing`);
  }
}

function collect(
  path: string,
  content: Buffer,
  header: SegmentHeader,
  following: SegmentHeader | undefined,
  recovered: (record: LogRecord) => void,
): Segment {
  const { cycle, salt, firstPosition, description } = header;
  const size = content.length - (content.length % blockBytes);
  const segment = new Segment({ path, cycle, salt, firstPosition, size, description });
  let next = header.firstBatch;
  for (const { at, head } of batchesOf(content, header)) {
    if (next === following?.firstBatch) break;
    for (const [i, payload] of payloadsOf(content, at, head).entries()) {
      recovered({ position: head.firstPosition + i, payload: new Uint8Array(payload) });
    }
    segment.extend(head.firstPosition, wholeBlocks(head.bytes));
    next = head.number + 1;
  }
  if (following !== undefined && next !== following.firstBatch) {
    throw damage(path, segment.end, `batch ${next} is unreadable`);
  }
  return segment;
}

async function cleanTail(path: string, content: Buffer, end: number): Promise<{ bytesWritten: number; syncs: number }> {
  const rest = content.subarray(end);
  const zeros = Buffer.alloc(rest.length);
  if (rest.equals(zeros)) return { bytesWritten: 0, syncs: 0 };
  const handle = await open(path, "r+");
  try {
    await writeAll(handle, zeros.subarray(0, blockBytes), end);
    await handle.sync();
    await writeAll(handle, zeros.subarray(blockBytes), end + blockBytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { bytesWritten: rest.length, syncs: 2 };
}

/** Removes files of another size (an older setting, or cut short by a crash while being reserved). */
async function keepWhole(paths: readonly string[], segmentBytes: number): Promise<string[]> {
  const whole: string[] = [];
  for (const path of paths) {
    const { size } = await stat(path);
    if (size === segmentBytes) whole.push(path);
    else await rm(path);
  }
  return whole;
}

function damage(path: string, offset: number, what: string): SkeinError {
  return new SkeinError("log-damaged", `${path} at byte ${offset}: ${what}; what was acknowledged is lost there`);
}
