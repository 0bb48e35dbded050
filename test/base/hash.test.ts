import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { HmacKey } from "../../src/base/hash.ts";

const fromNode = (key: Uint8Array, content: Uint8Array): Buffer => createHmac("sha256", key).update(content).digest();

test("is HMAC-SHA-256 as Node computes it (keys of 0–200 bytes, contents in any order)", () => {
  const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
  fc.assert(
    fc.property(bytes(200), fc.array(bytes(300), { minLength: 1, maxLength: 5 }), (key, contents) => {
      const hmac = new HmacKey(key);
      for (const content of contents) expect(hmac.truncated(content, 32)).toEqual(fromNode(key, content));
    }),
  );
});

test("a long content does not disturb the short ones after it (lengths around the bound)", () => {
  const key = Buffer.from("a key");
  const hmac = new HmacKey(key);
  for (const length of [4_095, 4_096, 4_097, 65_536, 0, 1]) {
    const content = Buffer.alloc(length, length % 251);
    expect(hmac.truncated(content, 16)).toEqual(fromNode(key, content).subarray(0, 16));
  }
});

test("keeps its key when the caller's bytes change (a long content, which is hashed under the key itself)", () => {
  const key = Buffer.from("a key");
  const hmac = new HmacKey(key);
  const content = Buffer.alloc(5_000, 7);
  const expected = fromNode(key, content);
  key.fill(0);
  expect(hmac.truncated(content, 32)).toEqual(expected);
});
