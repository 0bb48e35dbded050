// Reading decoded CBOR of unknown shape, field by field.
//
// Problem: what a peer sends may be anything, and a check that is forgotten is a crash. Idea: a cursor over an array that
// always hands back a value of the asked type, remembers the first field that was none, and gives the whole only if there
// was no such field and nothing is left over. So a decoder is a plain object literal, and never throws.

const nothing = new Uint8Array(0);

export class Fields {
  readonly #items: readonly unknown[];
  #next = 0;
  #failedAt: number | undefined;

  /** Fields of `value`, if it is an array of exactly `count` items. */
  constructor(value: unknown, count?: number) {
    const isArray = Array.isArray(value) && (count === undefined || value.length === count);
    this.#items = isArray ? value : [];
    if (!isArray) this.#failedAt = -1;
  }

  /** Which field was wrong first; −1: the array itself. */
  get failedAt(): number | undefined {
    return this.#failedAt;
  }

  get length(): number {
    return this.#items.length;
  }

  get isAtEnd(): boolean {
    return this.#next >= this.#items.length;
  }

  /** `whole`, if every field read so far was right and none is left. */
  finish<Whole>(whole: Whole): Whole | undefined {
    if (this.#failedAt === undefined && this.#next !== this.#items.length) this.#failedAt = this.#next;
    return this.#failedAt === undefined ? whole : undefined;
  }

  /** Marks the field read last as wrong, for a condition that only the caller knows. */
  require(condition: boolean): void {
    if (!condition) this.#fail();
  }

  unknown(): unknown {
    return this.#items[this.#next++];
  }

  /** A whole number in [0, max]. */
  count(max = Number.MAX_SAFE_INTEGER): number {
    const item = this.unknown();
    return Number.isSafeInteger(item) && (item as number) >= 0 && (item as number) <= max
      ? (item as number)
      : this.#fail(0);
  }

  /** A whole number, of either sign. */
  integer(): number {
    const item = this.unknown();
    return Number.isSafeInteger(item) ? (item as number) : this.#fail(0);
  }

  /** Any number that is one; infinities included. */
  number(): number {
    const item = this.unknown();
    return typeof item === "number" && !Number.isNaN(item) ? item : this.#fail(0);
  }

  /** A finite number that is not negative. */
  time(): number {
    const item = this.unknown();
    return typeof item === "number" && item >= 0 && item < Number.MAX_SAFE_INTEGER ? item : this.#fail(0);
  }

  flag(): boolean {
    const item = this.unknown();
    return typeof item === "boolean" ? item : this.#fail(false);
  }

  /** At most `max` UTF-16 units. */
  text(max: number): string {
    const item = this.unknown();
    return typeof item === "string" && item.length <= max ? item : this.#fail("");
  }

  bytes(max: number): Uint8Array {
    const item = this.unknown();
    return item instanceof Uint8Array && item.length <= max ? item : this.#fail(nothing);
  }

  /** A field for which `isOne` holds, e.g. `isMemberKey`. */
  matching<Type>(isOne: (item: unknown) => item is Type): Type {
    const item = this.unknown();
    return isOne(item) ? item : this.#fail(item as Type);
  }

  /** `undefined` where the array has null, else what `read` reads. */
  optional<Type>(read: (fields: this) => Type): Type | undefined {
    if (this.#items[this.#next] !== null) return read(this);
    this.#next += 1;
    return undefined;
  }

  /** What `decode` makes of the field; wrong where it makes nothing. */
  decoded<Type>(decode: (item: unknown) => Type | undefined): Type {
    const result = decode(this.unknown());
    return result === undefined ? this.#fail(result as Type) : result;
  }

  /** A list of at most `max` items, each decoded. */
  list<Type>(max: number, decode: (item: unknown) => Type | undefined): Type[] {
    const item = this.unknown();
    if (!Array.isArray(item) || item.length > max) return this.#fail([]);
    const results: Type[] = [];
    for (const each of item) {
      const result = decode(each);
      if (result === undefined) return this.#fail([]);
      results.push(result);
    }
    return results;
  }

  #fail(): undefined;
  #fail<Type>(instead: Type): Type;
  #fail<Type>(instead?: Type): Type | undefined {
    this.#failedAt ??= this.#next - 1;
    return instead;
  }
}

/** Plain data, at most `depth` levels deep: no bignum, no instance of a class. */
export function isPlain(value: unknown, depth: number): boolean {
  if (value === null || value === undefined || value instanceof Uint8Array) return true;
  if (typeof value !== "object") return typeof value !== "bigint" && typeof value !== "symbol";
  if (depth <= 0) return false;
  if (Array.isArray(value)) return value.every((item) => isPlain(item, depth - 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).every((item) => isPlain(item, depth - 1));
}
