// The one CBOR profile of wire and disk (RFC 8949): no private record tags, integer-or-float numbers, bytes as Uint8Array.
//
// Tags 2 and 3 (bignums) take quadratic time to decode and have no use here, so they are refused; so is every tag that
// would revive an object. What comes out is plain data of unknown shape: each reader checks it (`base/shape.ts`).

import { addExtension, Encoder, setSizeLimits } from "cbor-x";
import { SkeinError } from "./errors.ts";
import { limits } from "./limits.ts";

const refusedTags = [
  0, 1, 2, 3, 4, 5, 25, 28, 29, 64, 65, 66, 68, 69, 70, 72, 73, 74, 75, 77, 78, 79, 81, 82, 85, 86, 256, 258, 259, 27,
  57344, 40009,
] as const;

for (const tag of refusedTags) {
  addExtension({
    Class: class Refused {},
    tag,
    encode: () => {
      throw new SkeinError("invalid-argument", `CBOR tag ${tag} is never written`);
    },
    decode: () => {
      throw new SkeinError("invalid-frame", `CBOR tag ${tag} is not accepted`);
    },
  });
}
setSizeLimits({ maxArraySize: limits.cborItems, maxMapSize: limits.cborItems, maxObjectSize: limits.cborItems });

const encoder = new Encoder({ useRecords: false, mapsAsObjects: true, variableMapSize: true, tagUint8Array: false });

/** Not canonical: equal values may give different bytes if their keys stand in another order. Arrays do not have that problem. */
export function encode(value: unknown): Uint8Array {
  return encoder.encode(value);
}

/** Fails with `invalid-frame` on anything that is not exactly one CBOR item of this profile. */
export function decode(bytes: Uint8Array): unknown {
  try {
    return encoder.decode(bytes) as unknown;
  } catch (cause) {
    throw new SkeinError("invalid-frame", `Not CBOR: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}
