// The one CBOR profile of wire and disk (RFC 8949): definite lengths, no tags, text keys, whole numbers of up to 32 bits
// (larger ones are floats), bytes as Uint8Array.
//
// Problem: the codec is generous. It revives dates, sets, regular expressions and bignums (in quadratic time) from tags, and
// nests as deep as the stack goes. Idea: a scan over the heads of all items, linear and without recursion, lets through only
// this profile; the codec sees nothing else. What comes out is plain data of unknown shape: each reader checks it
// (`base/shape.ts`).

import { Encoder } from "cbor-x";
import { SkeinError } from "./errors.ts";
import { limits } from "./limits.ts";

const codec = new Encoder({ useRecords: false, mapsAsObjects: true, variableMapSize: true, tagUint8Array: false });

/**
 * For plain data: null, undefined, booleans, numbers, text, Uint8Array, arrays, objects, maps with text keys. `decode` refuses
 * what becomes of anything else. Not canonical: equal values may give different bytes if their keys stand in another order.
 * Arrays do not have that problem.
 */
export function encode(value: unknown): Uint8Array {
  return codec.encode(value);
}

/** Fails with `invalid-frame` on anything that is not exactly one CBOR item of this profile. */
export function decode(bytes: Uint8Array): unknown {
  const result = tryDecode(bytes);
  if (result.kind === "refused") throw new SkeinError("invalid-frame", `Not CBOR of this profile: ${result.why}`);
  return result.value;
}

export type DecodedCbor =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "refused"; readonly why: string };

/** Never throws: for what peers send. Byte strings in the value are views into `bytes`. */
export function tryDecode(bytes: Uint8Array): DecodedCbor {
  const why = refusal(bytes);
  if (why !== undefined) return { kind: "refused", why };
  try {
    return { kind: "value", value: codec.decode(bytes) as unknown };
  } catch (cause) {
    return { kind: "refused", why: cause instanceof Error ? cause.message : String(cause) };
  }
}

const cutOff = "it ends within an item";

/** Why these bytes are not one item of the profile; undefined when they are. */
function refusal(bytes: Uint8Array): string | undefined {
  const end = bytes.length;
  /** Items still to come at each level; a map's are its keys and values. */
  const remaining: number[] = [1];
  const isMap: boolean[] = [false];
  let depth = 0;
  let at = 0;
  for (;;) {
    while (remaining[depth] === 0) {
      if (depth === 0) return at === end ? undefined : "something follows it";
      depth -= 1;
    }
    const left = remaining[depth] ?? 0;
    remaining[depth] = left - 1;

    if (at >= end) return cutOff;
    const initial = bytes[at++] ?? 0;
    const major = initial >> 5;
    const info = initial & 31;
    if (isMap[depth] === true && (left & 1) === 0 && major !== 3) return "a key is no text";
    if (major === 6) return "it has a tag";
    if (info > 27) return "an item has no definite length";
    let argument = info;
    if (major === 7 && (info < 20 || info === 24)) return "it has a simple value that means nothing";
    if (info >= 24) {
      const width = 1 << (info - 24);
      if (at + width > end) return cutOff;
      if (width === 8 && major !== 7) return "a whole number or length has 64 bits";
      argument = 0;
      if (major !== 7) for (let i = 0; i < width; i++) argument = argument * 256 + (bytes[at + i] ?? 0);
      at += width;
    }

    if (major === 2 || major === 3) {
      if (argument > end - at) return cutOff;
      at += argument;
    } else if (major === 4 || major === 5) {
      const items = major === 5 ? 2 * argument : argument;
      if (argument > limits.cborItems) return "a list or map is too long";
      if (items > end - at) return cutOff;
      if (depth + 1 >= limits.cborDepth) return "it is nested too deeply";
      depth += 1;
      remaining[depth] = items;
      isMap[depth] = major === 5;
    }
  }
}
