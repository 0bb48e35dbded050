// Reading synced payloads back, in the background, without keeping a descriptor open: a readings log has many segments, and
// a process many logs.

import { close, open, read } from "node:fs";
import { SkeinError } from "../../base/errors.ts";
import type { LogFile, LogPosition, LogRecord } from "../../base/ports/log-file.ts";
import { diskFailure } from "../disk-access.ts";
import { claimedBatchBytes, decodeBatch, payloadsOf, wholeBlocks } from "./batch-format.ts";
import type { Segment } from "./segment.ts";

type Done = Parameters<LogFile["read"]>[2];

/** What is read beside the bytes asked for: up to here a position may lie behind the nearest known batch. */
const windowBytes = 128 * 1024;

/** Reads from one segment: what follows in the next one is another call. */
export function readSegment(segment: Segment, from: LogPosition, bytesWanted: number, done: Done): void {
  const maxBytes = Math.max(1, bytesWanted);
  open(segment.path, "r", (failure, descriptor) => {
    if (failure !== null) {
      done(diskFailure("reading", segment.path, failure), []);
      return;
    }
    const finish: Done = (refusal, records) => close(descriptor, () => done(refusal, records));
    readWindow({ segment, descriptor, from, maxBytes, finish }, segment.offsetBefore(from), windowBytes + maxBytes);
  });
}

interface Reading {
  readonly segment: Segment;
  readonly descriptor: number;
  readonly from: LogPosition;
  readonly maxBytes: number;
  readonly finish: Done;
}

function readWindow(reading: Reading, offset: number, bytes: number): void {
  const { segment, descriptor, finish } = reading;
  const window = Buffer.allocUnsafe(Math.min(wholeBlocks(bytes), segment.end - offset));
  read(descriptor, window, 0, window.length, offset, (failure, bytesRead) => {
    if (failure !== null) {
      finish(diskFailure("reading", segment.path, failure), []);
      return;
    }
    if (bytesRead < window.length) {
      finish(unreadable(segment, offset + bytesRead), []);
      return;
    }
    const { records, stop } = collect(window, reading);
    if (records.length > 0 || offset + stop >= segment.end) {
      finish(undefined, records);
      return;
    }
    const claimed = claimedBatchBytes(window, stop, segment.salt);
    const isWhole = claimed !== undefined && stop + claimed <= window.length;
    const isCut = claimed !== undefined && !isWhole && offset + stop + claimed <= segment.end;
    if (isCut) readWindow(reading, offset + stop, claimed + windowBytes);
    else if (claimed === undefined && stop === window.length) readWindow(reading, offset + stop, windowBytes);
    else finish(unreadable(segment, offset + stop), []);
  });
}

function collect(window: Buffer, { segment, from, maxBytes }: Reading): { records: LogRecord[]; stop: number } {
  const records: LogRecord[] = [];
  let [stop, bytes] = [0, 0];
  while (bytes < maxBytes) {
    const head = decodeBatch(window, stop, segment.salt);
    if (head === undefined) break;
    if (head.firstPosition + head.count > from) {
      for (const [i, payload] of payloadsOf(window, stop, head).entries()) {
        const position = head.firstPosition + i;
        if (position < from || (bytes >= maxBytes && records.length > 0)) continue;
        records.push({ position, payload });
        bytes += payload.length;
      }
    }
    stop += wholeBlocks(head.bytes);
  }
  return { records, stop };
}

function unreadable(segment: Segment, offset: number): SkeinError {
  return new SkeinError("log-damaged", `${segment.path} at byte ${offset}: the batch is unreadable`);
}
