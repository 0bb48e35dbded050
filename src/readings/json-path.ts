// Where in a JSON message a sensor's value stands: `$.a.b[0]`, the same without `$.`, and `["any key"]` for keys with dots.
//
// The part of RFC 9535 that names one place: no wildcards, slices or filters, because a reading is one value. Written
// `a.b` as well as `$.a.b`, because that is how people copy it out of other tools.

import { limits } from "../base/limits.ts";

/** Keys and indexes from the outside in. */
export type JsonPath = readonly (string | number)[];

export type ParsedJsonPath =
  | { readonly kind: "path"; readonly path: JsonPath }
  /** `at`: offset in the text. */
  | { readonly kind: "wrong"; readonly at: number; readonly expected: string };

const step = /\.?([^.[\]'"\s]+)|\[(\d{1,9})\]|\[("(?:[^"\\]|\\.)*")\]|\[('(?:[^'\\]|\\.)*')\]/y;

/** `$` alone is the whole message. */
export function parseJsonPath(text: string): ParsedJsonPath {
  const path: (string | number)[] = [];
  let at = text.startsWith("$") ? 1 : 0;
  if (text.length === 0) return { kind: "wrong", at, expected: "a path such as $.temperature" };
  while (at < text.length) {
    step.lastIndex = at;
    const found = step.exec(text);
    // Between two keys there is a dot, and a path does not begin with one unless `$` stands before it.
    const isDotted = text[at] === ".";
    const isBareKey = found?.[1] !== undefined;
    if (found === null || (isBareKey && isDotted !== at > 0)) {
      return { kind: "wrong", at, expected: '.key, [index] or ["key"]' };
    }
    path.push(stepOf(found));
    if (path.length > limits.jsonPathSteps) {
      return { kind: "wrong", at, expected: `at most ${limits.jsonPathSteps} steps` };
    }
    at = step.lastIndex;
  }
  return { kind: "path", path };
}

/** What stands at `path`; undefined where nothing does. */
export function valueAt(value: unknown, path: JsonPath): unknown {
  let current = value;
  for (const key of path) {
    const isArray = Array.isArray(current);
    if (typeof current !== "object" || current === null || isArray !== (typeof key === "number")) return undefined;
    if (!Object.hasOwn(current, key)) return undefined;
    current = (current as Readonly<Record<string | number, unknown>>)[key];
  }
  return current;
}

function stepOf([, bare, index, double, single]: RegExpExecArray): string | number {
  if (bare !== undefined) return bare;
  if (index !== undefined) return Number(index);
  return (double ?? single ?? "").slice(1, -1).replaceAll(/\\(.)/g, "$1");
}
