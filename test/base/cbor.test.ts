import { Encoder } from "cbor-x";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode, encode, tryDecode } from "../../src/base/cbor.ts";
import { isSkeinError } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const why = (bytes: Uint8Array): string | undefined => {
  const result = tryDecode(bytes);
  return result.kind === "refused" ? result.why : undefined;
};
const nested = (head: number, depth: number): Uint8Array => new Uint8Array(depth + 1).fill(head).fill(0, depth);

describe("CBOR profile", () => {
  const plain = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constant(null),
      fc.boolean(),
      fc.maxSafeInteger(),
      fc.double({ noNaN: true }).map((number) => number + 0),
      fc.string(),
      fc.uint8Array(),
      fc.array(tie("value"), { maxLength: 5 }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), tie("value"), { maxKeys: 5, noNullPrototype: true }),
    ),
  })).value;

  it("brings back any plain data as it was", () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(decode(Uint8Array.from(encode(value)))).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it("brings back infinities, NaN, undefined and the largest whole numbers", () => {
    for (const value of [
      Infinity,
      -Infinity,
      Number.NaN,
      undefined,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      2 ** 33,
    ]) {
      expect(decode(encode(value))).toBe(value);
    }
    expect([0xffff_ffff, -0x1_0000_0000].map((value) => decode(encode(value)))).toEqual([0xffff_ffff, -0x1_0000_0000]);
  });

  it.each([
    ["nothing at all", ""],
    ["a bignum (tag 2)", "c2 41 01"],
    ["a negative bignum (tag 3)", "c3 41 01"],
    ["a date as text (tag 0)", "c0 60"],
    ["a date as a number (tag 1)", "c1 00"],
    ["a regular expression (tag 27)", "d8 1b 83 66 526567457870 61 61 60"],
    ["an error (tag 27)", "d8 1b 82 65 4572726f72 60"],
    ["a set (tag 258)", "d9 0102 80"],
    ["a map with any keys (tag 259)", "d9 0103 a0"],
    ["a typed array (tag 64)", "d8 40 41 00"],
    ["a shared value (tag 28)", "d8 1c 80"],
    ["packed values (tag 51)", "d8 33 82 80 80"],
    ["a reference into packed values (tag 6)", "c6 00"],
    ["a record definition (cbor-x)", "d9 dfff 83 19 e000 81 61 61 01"],
    ["bundled strings (cbor-x)", "d9 dff9 80"],
    ["an unknown tag", "d9 1234 00"],
    ["a list of no definite length", "9f ff"],
    ["a map of no definite length", "bf ff"],
    ["text of no definite length", "7f 61 61 ff"],
    ["bytes of no definite length", "5f 41 00 ff"],
    ["a break", "ff"],
    ["a map with a number as key", "a1 01 02"],
    ["a map with bytes as key", "a1 41 01 02"],
    ["a whole number of 64 bits (the codec makes a bigint)", "1b 0000000000000001"],
    ["a negative number of 64 bits", "3b 0000000000000001"],
    ["a simple value that means nothing", "e0"],
    ["an extended simple value", "f8 ff"],
    ["reserved lengths", "1c"],
    ["two items", "00 00"],
    ["a list that ends too early", "82 00"],
    ["a map that ends too early", "a2 61 61 00"],
    ["text that ends too early", "65 61"],
    ["bytes longer than memory", "5b 0010000000000000"],
    ["a number cut off", "19 00"],
    ["a float cut off", "fb 0000"],
    ["a list longer than it can be", "9a ffffffff 00"],
    ["a map longer than it can be", "bb 0000000100000000"],
  ])("refuses %s", (_what, text) => {
    expect(why(hex(text))).toEqual(expect.any(String));
    expect(() => decode(hex(text))).toThrow(expect.objectContaining({ code: "invalid-frame" }));
  });

  it("refuses each prefix of a valid item", () => {
    const bytes = Uint8Array.from(encode({ a: [1, "text", new Uint8Array(3), 1.5, null], b: { c: 70_000 } }));
    for (let length = 0; length < bytes.length; length++) expect(why(bytes.subarray(0, length))).toBeDefined();
    expect(why(bytes)).toBeUndefined();
  });

  it("allows nesting and lists up to their bounds, and nothing beyond", () => {
    expect(why(nested(0x81, limits.cborDepth - 1))).toBeUndefined();
    expect(why(nested(0x81, limits.cborDepth))).toMatch(/deep/);
    const list = (count: number) =>
      Uint8Array.from([0x9a, 0, count >> 16, (count >> 8) & 255, count & 255, ...Array(count).fill(0)]);
    expect(why(list(limits.cborItems))).toBeUndefined();
    expect(why(list(limits.cborItems + 1))).toMatch(/too long/);
  });

  it.each([
    ["64 KiB of bignum", Uint8Array.from([0xc2, 0x59, 0xff, 0xf0, ...Array(0xfff0).fill(0xff)])],
    ["64 KiB of opened lists", new Uint8Array(65_536).fill(0x81)],
    ["64 KiB of opened maps", Uint8Array.from({ length: 65_536 }, (_, i) => [0xa1, 0x60][i % 2] ?? 0)],
    ["64 KiB of empty lists", Uint8Array.from([0x99, 0xff, 0x00, ...Array(0xff00).fill(0x80)])],
    [
      "64 KiB of one key again and again",
      Uint8Array.from([0xb9, 0x7f, 0xff, ...Array(0x7fff).fill([0x60, 0x00]).flat()]),
    ],
    [
      "64 KiB of different keys",
      Uint8Array.from(encode(Object.fromEntries(Array.from({ length: 9_000 }, (_, i) => [`k${i}`, i])))),
    ],
  ])("is done with %s within 20 ms", (_what, bytes) => {
    const times = [1, 2, 3].map(() => {
      const before = performance.now();
      tryDecode(bytes);
      return performance.now() - before;
    });
    expect(Math.min(...times)).toBeLessThan(20);
  });

  it("any bytes at all are a value or a reason", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(["value", "refused"]).toContain(tryDecode(bytes).kind);
      }),
      { numRuns: 5_000 },
    );
  });

  it("the codec alone would revive what the scan refuses (so the scan is needed)", () => {
    const codec = new Encoder({ useRecords: false, mapsAsObjects: true });
    expect(codec.decode(hex("c1 00"))).toBeInstanceOf(Date);
    expect(codec.decode(hex("c2 41 01"))).toBe(1n);
    expect(codec.decode(hex("1b 0000000000000001"))).toBe(1n);
  });

  it("a key named __proto__ changes no prototype", () => {
    const value = decode(hex("a1 69 5f5f70726f746f5f5f a1 61 61 01")) as object;
    expect("a" in value).toBe(false);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  it("says what was wrong, as an error that has a name", () => {
    try {
      decode(hex("c1 00"));
      expect.unreachable();
    } catch (error) {
      expect(isSkeinError(error, "invalid-frame") && error.message).toBe("Not CBOR of this profile: it has a tag");
    }
  });
});
