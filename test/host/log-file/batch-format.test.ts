// The format on disk, byte for byte (docs/log-file.md). If this fails, old devices no longer read their logs.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  batchHeadBytes,
  blockBytes,
  decodeBatch,
  decodeSegmentHeader,
  encodeSegmentHeader,
  isKnownVersion,
  payloadsOf,
  sealBatch,
} from "../../../src/host/log-file/batch-format.ts";

const fixture = new URL("../../fixtures/log-segment-1.bin", import.meta.url);
const salt = Buffer.from("0123456789abcdef", "hex");
const header = {
  salt,
  cycle: 7,
  oldestCycle: 5,
  firstBatch: 1_000,
  firstPosition: 2 ** 33,
  description: Buffer.from("term 3"),
};
const payloads = [Buffer.from("one"), Buffer.alloc(0), Buffer.alloc(5_000, 9)];
const bytes = batchHeadBytes + payloads.reduce((sum, payload) => sum + 4 + payload.length, 0);
const head = { cycle: 7, oldestCycle: 6, number: 1_000, firstPosition: 2 ** 33, count: 3, bytes };

function segment(): Buffer {
  const batch = Buffer.alloc(2 * blockBytes);
  let at = batchHeadBytes;
  for (const payload of payloads) {
    at = batch.writeUInt32LE(payload.length, at);
    at += payload.copy(batch, at);
  }
  sealBatch(batch, salt, head);
  return Buffer.concat([encodeSegmentHeader(header), batch]);
}

describe("the format of a segment", () => {
  it("is written as it was when the first devices were (golden file)", () => {
    expect(segment().equals(readFileSync(fixture))).toBe(true);
  });

  it("is read as it was written (golden file: header, batch of three payloads)", () => {
    const content = readFileSync(fixture);
    const found = decodeSegmentHeader(content);
    expect(found).toEqual({ ...header, version: 1 });
    expect(found !== undefined && isKnownVersion(found)).toBe(true);
    const batch = decodeBatch(content, blockBytes, salt);
    expect(batch).toEqual(head);
    expect(payloadsOf(content, blockBytes, head)).toEqual(payloads);
  });

  it("says of every single changed bit of a header that it is not one", () => {
    const block = readFileSync(fixture).subarray(0, blockBytes);
    for (let bit = 0; bit < 60 * 8; bit++) {
      // Bytes 44 to 47 are not used.
      if (bit >> 3 >= 44 && bit >> 3 < 48) continue;
      const changed = Buffer.from(block);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(decodeSegmentHeader(changed)).toBeUndefined();
    }
  });

  it("finds no batch in the salt of another life, in zeros, or at the end of a file", () => {
    const content = readFileSync(fixture);
    expect(decodeBatch(content, blockBytes, Buffer.alloc(8))).toBeUndefined();
    expect(decodeBatch(Buffer.alloc(blockBytes), 0)).toBeUndefined();
    expect(decodeBatch(content.subarray(0, 2 * blockBytes), blockBytes, salt)).toBeUndefined();
    expect(decodeBatch(content, content.length, salt)).toBeUndefined();
  });
});
