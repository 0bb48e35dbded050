// Digests and checksums: synchronous and deterministic, so that they may be used below the ports.

import { createHash, createHmac, hash, timingSafeEqual } from "node:crypto";
import { crc32 as zlibCrc32 } from "node:zlib";

/** CRC-32 (IEEE 802.3), continued from `seed`; unsigned. */
export const crc32 = (data: Uint8Array, seed = 0): number => zlibCrc32(data, seed);

export const sha256 = (data: Uint8Array | string): Buffer => createHash("sha256").update(data).digest();

const blockBytes = 64;
/** Longer content is rare, and hashing it costs more than making an object to hash it with. */
const shortBytes = 4_096;

/**
 * HMAC-SHA-256 (RFC 2104) under one key. Two hashes of a padded block each, for every frame is signed once and verified by all who
 * get it: a `Hmac` object takes longer to make than a heartbeat takes to hash.
 */
export class HmacKey {
  readonly #key: Uint8Array;
  /** The key xor 0x36…, then the content. */
  readonly #inner: Buffer;
  /** The key xor 0x5c…, then the inner hash. */
  readonly #outer: Buffer;

  constructor(key: Uint8Array) {
    this.#key = Uint8Array.from(key);
    const block = key.length > blockBytes ? sha256(key) : key;
    this.#inner = Buffer.alloc(blockBytes + shortBytes);
    this.#outer = Buffer.alloc(blockBytes + 32);
    for (let i = 0; i < blockBytes; i++) {
      this.#inner[i] = (block[i] ?? 0) ^ 0x36;
      this.#outer[i] = (block[i] ?? 0) ^ 0x5c;
    }
  }

  /** The first `bytes` bytes of it, over `content`. */
  truncated(content: Uint8Array, bytes: number): Buffer {
    if (content.length > shortBytes) {
      return createHmac("sha256", this.#key).update(content).digest().subarray(0, bytes);
    }
    this.#inner.set(content, blockBytes);
    const inner = hash("sha256", this.#inner.subarray(0, blockBytes + content.length), "binary");
    this.#outer.write(inner, blockBytes, "latin1");
    return hash("sha256", this.#outer, "buffer").subarray(0, bytes);
  }
}

/** In constant time; false when the lengths differ. */
export const isEqualSecret = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);
