// Digests and checksums: synchronous and deterministic, so that they may be used below the ports.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { crc32 as zlibCrc32 } from "node:zlib";

/** CRC-32 (IEEE 802.3), continued from `seed`; unsigned. */
export const crc32 = (data: Uint8Array, seed = 0): number => zlibCrc32(data, seed);

export const sha256 = (data: Uint8Array | string): Buffer => createHash("sha256").update(data).digest();

/** The first `bytes` bytes of HMAC-SHA-256 (RFC 2104). */
export function truncatedHmac(key: Uint8Array, parts: readonly Uint8Array[], bytes: number): Buffer {
  const hmac = createHmac("sha256", key);
  for (const part of parts) hmac.update(part);
  return hmac.digest().subarray(0, bytes);
}

/** In constant time; false when the lengths differ. */
export const isEqualSecret = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);
