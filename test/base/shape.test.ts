import { describe, expect, it } from "vitest";
import { isDeviceId } from "../../src/base/ids.ts";
import { Fields, isPlain } from "../../src/base/shape.ts";

describe("Fields", () => {
  it("reads each field in order, and gives the whole when all were right", () => {
    const fields = new Fields([1, -2, 1.5, 3, true, "text", Uint8Array.of(1), "pi", null, 9, [1, 2]]);
    expect(
      fields.finish([
        fields.count(),
        fields.integer(),
        fields.number(),
        fields.time(),
        fields.flag(),
        fields.text(4),
        fields.bytes(1),
        fields.matching(isDeviceId),
        fields.optional((item) => item.count()),
        fields.optional((item) => item.count()),
        fields.list(2, (item) => (typeof item === "number" ? item : undefined)),
      ]),
    ).toEqual([1, -2, 1.5, 3, true, "text", Uint8Array.of(1), "pi", undefined, 9, [1, 2]]);
  });

  it.each<[string, unknown, (fields: Fields) => unknown]>([
    ["a negative count", -1, (fields) => fields.count()],
    ["a broken count", 1.5, (fields) => fields.count()],
    ["a count above its bound", 8, (fields) => fields.count(7)],
    ["a count beyond what is exact", 2 ** 53, (fields) => fields.count()],
    ["an integer as bignum", 1n, (fields) => fields.integer()],
    ["an integer that is none", 0.5, (fields) => fields.integer()],
    ["not a number", Number.NaN, (fields) => fields.number()],
    ["a number as text", "1", (fields) => fields.number()],
    ["a time before all time", -1, (fields) => fields.time()],
    ["a time that is not finite", Number.POSITIVE_INFINITY, (fields) => fields.time()],
    ["a flag as a number", 1, (fields) => fields.flag()],
    ["text that is too long", "12345", (fields) => fields.text(4)],
    ["text as bytes", Uint8Array.of(65), (fields) => fields.text(4)],
    ["bytes that are too many", new Uint8Array(2), (fields) => fields.bytes(1)],
    ["bytes as a list", [1], (fields) => fields.bytes(1)],
    ["no device", "PI", (fields) => fields.matching(isDeviceId)],
    ["a wrong optional", "x", (fields) => fields.optional((item) => item.count())],
    ["a list that is too long", [1, 2, 3], (fields) => fields.list(2, (item) => item)],
    ["a list with a wrong item", [1, undefined], (fields) => fields.list(2, (item) => item)],
    ["a list that is none", { length: 1 }, (fields) => fields.list(2, (item) => item)],
    ["what decodes to nothing", 1, (fields) => fields.decoded(() => undefined)],
  ])("%s spoils the whole, and is named by its place", (_what, wrong, read) => {
    const fields = new Fields([1, wrong, 1]);
    fields.count();
    read(fields);
    fields.count();
    expect(fields.finish("whole")).toBeUndefined();
    expect(fields.failedAt).toBe(1);
  });

  it.each([
    ["too few", [1]],
    ["too many", [1, 2, 3]],
    ["no list", { 0: 1, 1: 2, length: 2 }],
    ["nothing", undefined],
  ])("%s: no whole", (_what, value) => {
    const fields = new Fields(value, 2);
    fields.count();
    fields.count();
    expect(fields.finish("whole")).toBeUndefined();
  });

  it("fields left over spoil the whole even if no count was asked for", () => {
    const fields = new Fields([1, 2]);
    fields.count();
    expect(fields.finish("whole")).toBeUndefined();
    expect(fields.failedAt).toBe(1);
  });
});

describe("isPlain", () => {
  it.each([null, undefined, 1, "x", true, new Uint8Array(1), [[1]], { a: { b: 1 } }])("%o is", (value) => {
    expect(isPlain(value, 2)).toBe(true);
  });

  it.each([1n, Symbol("x"), new Date(0), new Map(), [[[1]]], { a: { b: {} } }, [1n]])("%o is not", (value) => {
    expect(isPlain(value, 2)).toBe(false);
  });
});
