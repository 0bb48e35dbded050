import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type JsonPath, parseJsonPath, valueAt } from "../../src/readings/json-path.ts";

describe("a JSON path", () => {
  it.each<[string, JsonPath]>([
    ["$", []],
    ["$.temperature", ["temperature"]],
    ["temperature", ["temperature"]],
    ["a.b.c", ["a", "b", "c"]],
    ["$.a.b[0]", ["a", "b", 0]],
    ["a[0][12].b", ["a", 0, 12, "b"]],
    ["[3]", [3]],
    ["$[3]", [3]],
    ['$["key with.dot"].x', ["key with.dot", "x"]],
    ["$['it\\'s'][\"a\\\"b\"]", ["it's", 'a"b']],
    ["ENERGY.Power-1", ["ENERGY", "Power-1"]],
    ["Größe", ["Größe"]],
  ])("%s", (text, path) => {
    expect(parseJsonPath(text)).toEqual({ kind: "path", path });
  });

  it.each([
    ["", 0],
    ["$.", 1],
    [".a", 0],
    ["$a", 1],
    ["a..b", 1],
    ["a.", 1],
    ["a[", 1],
    ["a[-1]", 1],
    ["a[x]", 1],
    ["$.*", 99],
    ["a b", 1],
    ["a['x]", 1],
    ["a[0]b", 4],
    [Array(17).fill("a").join("."), 31],
  ])("%j is refused with the place of the mistake", (text, at) => {
    const parsed = parseJsonPath(text);
    // `*` is an ordinary character of a key: such a path is valid and finds nothing.
    expect(parsed).toMatchObject(at === 99 ? { kind: "path", path: ["*"] } : { kind: "wrong", at });
  });

  it("finds what stands there, and nothing through prototypes, texts or the wrong kind of step", () => {
    const document = { a: [{ b: 0 }, "text"], "x.y": null };
    const at = (text: string): unknown => {
      const parsed = parseJsonPath(text);
      return parsed.kind === "path" ? valueAt(document, parsed.path) : parsed;
    };
    expect(at("a[0].b")).toBe(0);
    expect(at('["x.y"]')).toBe(null);
    expect(at("$")).toBe(document);
    for (const none of [
      "b",
      "a.b",
      "a[2]",
      "a[1].length",
      "a.length",
      "toString",
      "__proto__",
      "a[0][0]",
      '["x.y"].z',
    ]) {
      expect(at(none), none).toBeUndefined();
    }
  });

  it("finds every place of every document by its quoted path (fast-check)", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (document) => {
        const visit = (value: unknown, path: JsonPath): void => {
          const text = `$${path.map((step) => (typeof step === "number" ? `[${step}]` : `[${JSON.stringify(step)}]`)).join("")}`;
          const isPlainKey = path.every((step) => typeof step === "number" || !JSON.stringify(step).includes("\\"));
          if (isPlainKey) {
            expect(parseJsonPath(text)).toEqual({ kind: "path", path });
            expect(valueAt(document, path)).toBe(value);
          }
          if (Array.isArray(value)) for (const [i, each] of value.entries()) visit(each, [...path, i]);
          else if (typeof value === "object" && value !== null) {
            for (const [key, each] of Object.entries(value)) visit(each, [...path, key]);
          }
        };
        visit(document, []);
      }),
      { numRuns: 200 },
    );
  });

  it("is never parsed for long, whatever it is", () => {
    for (const text of [
      "[".repeat(50_000),
      `["${"\\".repeat(50_000)}`,
      "a".repeat(100_000),
      `${"a.".repeat(50_000)}`,
    ]) {
      expect(["path", "wrong"]).toContain(parseJsonPath(text).kind);
    }
  });
});
