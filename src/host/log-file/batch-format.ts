// How a log looks on disk (DESIGN §11, RAFT-CASES 13 and 42).
//
// A segment is a file: one header block, then batches, each on a 4096-byte boundary. Salt, cycle and number, all under the
// checksum, tie a batch to one life of its segment: what a recycled file still holds of its former life never matches.
// All numbers are little-endian. Positions, batch numbers: 48 bits in 8 bytes.

import { crc32 } from "../../base/hash.ts";

/** What a disk writes at once: no block with acknowledged data is ever written again. */
export const blockBytes = 4096;
/** One block. */
export const segmentHeaderBytes = 4096;
export const batchHeadBytes = 48;
/** Each payload in a batch is preceded by its length. */
export const payloadHeadBytes = 4;
export const descriptionBytesMax = 4_000;

const formatVersion = 1;
const segmentMagic = 0x534c4b53; // "SKLS"
const batchMagic = 0x424c4b53; // "SKLB"
const segmentHeadBytes = 48;

/** One life of a segment file. */
export interface SegmentHeader {
  readonly version: number;
  /** 64 random bits. */
  readonly salt: Buffer;
  /** Consecutive over the segments of a log; no two lives share one. */
  readonly cycle: number;
  /** Segments of older cycles were released when this was written. */
  readonly oldestCycle: number;
  readonly firstBatch: number;
  readonly firstPosition: number;
  readonly description: Buffer;
}

export interface BatchHead {
  readonly cycle: number;
  /** Segments of older cycles were released when this was written. */
  readonly oldestCycle: number;
  readonly number: number;
  readonly firstPosition: number;
  readonly count: number;
  /** Bytes of the batch without its padding. */
  readonly bytes: number;
}

export const wholeBlocks = (bytes: number): number => Math.ceil(bytes / blockBytes) * blockBytes;

export function encodeSegmentHeader(header: Omit<SegmentHeader, "version">): Buffer {
  const block = Buffer.alloc(segmentHeaderBytes);
  block.writeUInt32LE(segmentMagic, 0);
  block.writeUInt16LE(formatVersion, 4);
  block.writeUInt16LE(header.description.length, 6);
  header.salt.copy(block, 8);
  block.writeUInt32LE(header.cycle, 16);
  block.writeUInt32LE(header.oldestCycle, 20);
  block.writeUIntLE(header.firstBatch, 24, 6);
  block.writeUIntLE(header.firstPosition, 32, 6);
  header.description.copy(block, segmentHeadBytes);
  block.writeUInt32LE(crc32(block.subarray(segmentHeadBytes), crc32(block.subarray(0, 40))), 40);
  return block;
}

/** Undefined: no header, or a torn one. A header of another version is returned with its version. */
export function decodeSegmentHeader(block: Buffer): SegmentHeader | undefined {
  if (block.length < segmentHeaderBytes || block.readUInt32LE(0) !== segmentMagic) return undefined;
  const descriptionEnd = segmentHeadBytes + block.readUInt16LE(6);
  if (descriptionEnd > segmentHeaderBytes) return undefined;
  const body = block.subarray(segmentHeadBytes, segmentHeaderBytes);
  if (block.readUInt32LE(40) !== crc32(body, crc32(block.subarray(0, 40)))) return undefined;
  return {
    version: block.readUInt16LE(4),
    salt: Buffer.from(block.subarray(8, 16)),
    cycle: block.readUInt32LE(16),
    oldestCycle: block.readUInt32LE(20),
    firstBatch: block.readUIntLE(24, 6),
    firstPosition: block.readUIntLE(32, 6),
    description: Buffer.from(block.subarray(segmentHeadBytes, descriptionEnd)),
  };
}

export const isKnownVersion = (header: SegmentHeader): boolean => header.version === formatVersion;

/** Completes the batch whose payloads (each behind its length) already stand in `buffer` from `batchHeadBytes` on. */
export function sealBatch(buffer: Buffer, salt: Buffer, head: BatchHead): void {
  buffer.writeUInt32LE(batchMagic, 0);
  salt.copy(buffer, 8);
  buffer.writeUInt32LE(head.cycle, 16);
  buffer.writeUInt32LE(head.oldestCycle, 20);
  writePosition(buffer, head.number, 24);
  writePosition(buffer, head.firstPosition, 32);
  buffer.writeUInt32LE(head.count, 40);
  buffer.writeUInt32LE(head.bytes, 44);
  buffer.writeUInt32LE(crc32(buffer.subarray(8, head.bytes)), 4);
}

/** The whole, undamaged batch at `at`, of the life that `salt` names (of any life when absent); otherwise undefined. */
export function decodeBatch(buffer: Buffer, at: number, salt?: Buffer): BatchHead | undefined {
  if (at + batchHeadBytes > buffer.length || buffer.readUInt32LE(at) !== batchMagic) return undefined;
  if (salt !== undefined && !carriesSalt(buffer, at, salt)) return undefined;
  const bytes = buffer.readUInt32LE(at + 44);
  if (bytes < batchHeadBytes || at + bytes > buffer.length) return undefined;
  if (buffer.readUInt32LE(at + 4) !== crc32(buffer.subarray(at + 8, at + bytes))) return undefined;
  return {
    cycle: buffer.readUInt32LE(at + 16),
    oldestCycle: buffer.readUInt32LE(at + 20),
    number: buffer.readUIntLE(at + 24, 6),
    firstPosition: buffer.readUIntLE(at + 32, 6),
    count: buffer.readUInt32LE(at + 40),
    bytes,
  };
}

/** Bytes of the batch at `at` as its head claims, checked against nothing but the salt. */
export function claimedBatchBytes(buffer: Buffer, at: number, salt: Buffer): number | undefined {
  if (!carriesSalt(buffer, at, salt)) return undefined;
  return buffer.readUInt32LE(at + 44);
}

/** A batch of the life that `salt` names was begun at `at`. */
export function carriesSalt(buffer: Buffer, at: number, salt: Buffer): boolean {
  if (at + batchHeadBytes > buffer.length) return false;
  return buffer.compare(salt, 0, salt.length, at + 8, at + 8 + salt.length) === 0;
}

/** Views into `buffer`, not copies. */
export function payloadsOf(buffer: Buffer, at: number, head: BatchHead): Buffer[] {
  const payloads: Buffer[] = [];
  let start = at + batchHeadBytes;
  for (let i = 0; i < head.count; i++) {
    const end = start + payloadHeadBytes + buffer.readUInt32LE(start);
    payloads.push(buffer.subarray(start + payloadHeadBytes, end));
    start = end;
  }
  return payloads;
}

function writePosition(buffer: Buffer, position: number, at: number): void {
  buffer.writeUIntLE(position, at, 6);
  buffer.writeUInt16LE(0, at + 6);
}
