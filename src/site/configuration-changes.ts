// A list of changes as bytes: compact arrays, compressed where that helps (a hundred sensors of one kind differ in little), so
// that the configuration of a whole site fits one entry of the log.
//
// The compressed bytes are made once, by the proposer, and kept as they are: two versions of zlib may compress differently, but
// all of them unpack the same.

import { deflateRawSync, inflateRawSync } from "node:zlib";
import { encode, tryDecode } from "../base/cbor.ts";
import { SkeinError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { Fields } from "../base/shape.ts";
import type { ConfigurationChange } from "./configuration.ts";
import { isSection, packItem, type Section, sections, unpackItem } from "./configuration-items.ts";

const plain = 0;
const deflated = 1;
/** Below this, compressing saves nothing. */
const compressFrom = 256;
const nameLengthMax = 64;

/** Fails with `invalid-argument` on items that have not their normal form, or where the bytes are too many for an entry. */
export function packChanges(changes: readonly ConfigurationChange[]): Uint8Array {
  const packed = changes.map(({ section, name, before, after }) => {
    return [sections.indexOf(section), name, packSide(section, before), packSide(section, after)];
  });
  const bytes = encode(packed);
  const isWorthIt = bytes.length >= compressFrom;
  const result = Buffer.concat([Buffer.of(isWorthIt ? deflated : plain), isWorthIt ? deflateRawSync(bytes) : bytes]);
  if (unpackChanges(result) === undefined) {
    throw new SkeinError(
      "invalid-argument",
      `These ${changes.length} changes have items of a wrong shape, or are too many`,
    );
  }
  return result;
}

/** Undefined for anything that `packChanges` does not write. */
export function unpackChanges(bytes: Uint8Array): readonly ConfigurationChange[] | undefined {
  const items = unpackBytes(bytes);
  const fields = new Fields([items]);
  return fields.finish(fields.list(limits.configurationChanges, unpackChange));
}

function unpackBytes(bytes: Uint8Array): unknown {
  const packed = bytes.subarray(1);
  const unpacked = bytes[0] === deflated ? inflated(packed) : bytes[0] === plain ? packed : undefined;
  const decoded = unpacked === undefined ? undefined : tryDecode(unpacked);
  return decoded?.kind === "value" ? decoded.value : undefined;
}

/** zlib has no way to say "damaged, or too large" but to throw. */
function inflated(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return inflateRawSync(bytes, { maxOutputLength: limits.configurationChangeBytes });
  } catch {
    return undefined;
  }
}

/** `null` is "was not there"; an item stands in a list of one, so that no item is taken for it. */
const packSide = (section: Section, item: unknown): unknown => (item === undefined ? null : [packItem(section, item)]);

function unpackChange(value: unknown): ConfigurationChange | undefined {
  const fields = new Fields(value, 4);
  const section = sections[fields.count(sections.length - 1)];
  if (!isSection(section)) return undefined;
  const name = fields.text(nameLengthMax);
  const side = (item: unknown) => {
    const inner = new Fields(item, 1);
    const unpacked = unpackItem(section, inner.unknown());
    return unpacked === undefined ? undefined : inner.finish({ unpacked });
  };
  const before = fields.optional((each) => each.decoded(side));
  const after = fields.optional((each) => each.decoded(side));
  return fields.finish({ section, name, before: before?.unpacked, after: after?.unpacked });
}
