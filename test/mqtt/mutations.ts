// Mutations of bytes and of CBOR trees, drawn from a seed.

import type { SeededRandom } from "../../firmware-sim/seeded-random.ts";

/** Bytes that stand in a tree as they are: what no encoder of ours would write. */
class Raw {
  readonly bytes: Uint8Array;
  constructor(hex: string) {
    this.bytes = Uint8Array.from(Buffer.from(hex, "hex"));
  }
}

/** One to four changes: bits, bytes, lengths, cuts, repetitions, insertions. */
export function mutateBytes(original: Uint8Array, random: SeededRandom): Uint8Array {
  let bytes = Buffer.from(original);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(bytes.length + 1);
    switch (random.below(9)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
        if (at < bytes.length) bytes[at] = random.below(256);
        break;
      case 2:
        if (at < bytes.length) bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)] ?? 0;
        break;
      case 3:
        bytes = bytes.subarray(0, at);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(8))]);
        break;
      case 5:
        bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(8)), bytes.subarray(at)]);
        break;
      case 6:
        bytes = Buffer.concat([bytes, bytes.subarray(at)]);
        break;
      case 7: // the length of a list, map, text or bytes, made large
        bytes = Buffer.concat([bytes.subarray(0, at), lengthHead(random), bytes.subarray(at + 1)]);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), nesting(random), bytes.subarray(at)]);
    }
  }
  return bytes;
}

function lengthHead(random: SeededRandom): Uint8Array {
  const major = 2 + random.below(4);
  const width = random.below(4);
  return Buffer.concat([Buffer.of((major << 5) | (24 + width)), random.bytes(1 << width)]);
}

const nesting = (random: SeededRandom): Uint8Array =>
  new Uint8Array(random.below(40) === 0 ? 70_000 : random.below(200)).fill(
    [0x81, 0xa1, 0x9f, 0xbf][random.below(4)] ?? 0,
  );

const oddities: readonly unknown[] = [
  ...[null, undefined, true, false, 0, -1, 1.5, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e300],
  ...[
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    "",
    "x",
    "\u0000",
    "a@b",
    "toString",
    "__proto__",
  ],
  ...["x".repeat(300), "x".repeat(5_000), new Uint8Array(0), new Uint8Array(1), new Uint8Array(60_000)],
  ...[[], [[]], {}, { length: 3 }, { 0: 1, 1: 2, length: 2 }, new Array<number>(5_000).fill(1)],
  new Raw(`c2590400${"ff".repeat(1_024)}`), // bignum
  new Raw("c34101"), // negative bignum
  new Raw("1b0020000000000000"), // beyond 2^53
  new Raw("c000"), // date
  new Raw("d81b826552656745787061"), // regular expression
  new Raw("d9010280"), // set
  new Raw("d8404100"), // typed array
  new Raw("d9dfff8319e00081616101"), // record definition
  new Raw("9f01ff"), // no definite length
  new Raw("a10102"), // a key that is no text
  new Raw(`${"81".repeat(31)}00`),
  new Raw(`${"81".repeat(5_000)}00`),
];

/** One to three changes somewhere in plain data: a value of another type, one too many, one too few, two exchanged. */
export function mutateTree(tree: unknown, random: SeededRandom): unknown {
  let result = tree;
  for (let changes = 1 + random.below(3); changes > 0; changes--) result = mutateOnce(result, random);
  return result;
}

function mutateOnce(tree: unknown, random: SeededRandom): unknown {
  const children = Array.isArray(tree) ? tree.length : 0;
  if (Array.isArray(tree) && children > 0 && random.below(4) > 0) {
    const items: unknown[] = [...(tree as unknown[])];
    const at = random.below(children);
    const other = random.below(children);
    switch (random.below(8)) {
      case 0:
        items.splice(at, 1);
        break;
      case 1:
        items.splice(at, 0, oddity(random));
        break;
      case 2:
        [items[at], items[other]] = [items[other], items[at]];
        break;
      case 3:
        items.push(...items.slice(at));
        break;
      default:
        items[at] = mutateOnce(items[at], random);
    }
    return items;
  }
  if (typeof tree === "number" && random.below(2) === 0) return -tree - random.below(3);
  if (typeof tree === "string" && random.below(2) === 0) {
    return Buffer.from(mutateBytes(Buffer.from(tree), random)).toString();
  }
  return oddity(random);
}

const oddity = (random: SeededRandom): unknown => oddities[random.below(oddities.length)];

/** Writes plain data, and `Raw` as it is. */
export function writeCbor(value: unknown): Uint8Array {
  if (value instanceof Raw) return value.bytes;
  if (value === null) return Buffer.of(0xf6);
  if (value === undefined) return Buffer.of(0xf7);
  if (typeof value === "boolean") return Buffer.of(value ? 0xf5 : 0xf4);
  if (typeof value === "number") return writeNumber(value);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(writeCbor)]);
  const entries = Object.entries(value as object).flat();
  return Buffer.concat([head(5, entries.length / 2), ...entries.map(writeCbor)]);
}

function writeNumber(value: number): Uint8Array {
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) return head(0, value);
  if (Number.isInteger(value) && value < 0 && value >= -(2 ** 32)) return head(1, -1 - value);
  const bytes = Buffer.alloc(9, 0xfb);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function head(major: number, argument: number): Uint8Array {
  if (argument < 24) return Buffer.of((major << 5) | argument);
  const bytes = Buffer.alloc(5, (major << 5) | 26);
  bytes.writeUInt32BE(argument, 1);
  return bytes;
}
