// What a log's options allow; its simulated twin keeps to the same.

import { SkeinError } from "../../base/errors.ts";
import type { LogFileOptions } from "../../base/ports/log-file.ts";
import { batchHeadBytes, blockBytes, payloadHeadBytes, segmentHeaderBytes, wholeBlocks } from "./batch-format.ts";

/** Bytes of payloads in one batch, unless a single one is larger: a long queue must not make its first wait for its last. */
export const batchBytesMax = 256 * 1024;

/** A header, one batch, and the block kept for a batch that only says what was released. */
const segmentBytesMin = segmentHeaderBytes + 2 * blockBytes;

const namePattern = /^[a-z][a-z-]{0,31}$/;

/** `options` with whole segments. Fails with `invalid-name` or `invalid-argument`. */
export function checkedOptions(name: string, options: LogFileOptions): LogFileOptions {
  checkName(name);
  const segmentBytes = wholeBlocks(options.segmentBytes);
  if (segmentBytes < segmentBytesMin || options.capacityBytes < 2 * segmentBytes) {
    const what = `The log ${name} needs segments of at least ${segmentBytesMin} bytes, and room for two of them`;
    throw new SkeinError("invalid-argument", what);
  }
  return { ...options, segmentBytes };
}

export function checkName(name: string): void {
  if (!namePattern.test(name)) throw new SkeinError("invalid-name", `${JSON.stringify(name)} is no log: use a–z and -`);
}

export interface AppendState {
  readonly name: string;
  readonly options: LogFileOptions;
  readonly waitingBytes: number;
  readonly isClosed: boolean;
}

/** Why a payload cannot even wait for its batch. */
export function refusalOf(payload: Uint8Array, state: AppendState): SkeinError | undefined {
  const { name, options, waitingBytes } = state;
  if (state.isClosed) return new SkeinError("disk-failed", `The log ${name} is closed`);
  const most = options.segmentBytes - segmentHeaderBytes - blockBytes - batchHeadBytes - payloadHeadBytes;
  if (payload.length > most) {
    const what = `A payload of ${payload.length} bytes does not fit the log ${name}`;
    return new SkeinError("invalid-argument", `${what}: ${most} are the most`);
  }
  if (waitingBytes + payload.length > options.capacityBytes) {
    return new SkeinError("log-full", `The log ${name}: more waits to be written than it may hold`);
  }
  return undefined;
}
