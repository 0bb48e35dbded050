// Whole numbers in as few bytes as they need: 7 bits a byte, lowest first, the high bit says that more follow (LEB128); signed
// ones fold the sign into the lowest bit. Up to 2^53, so by division and not by shifts.

export class ByteWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number in [0, 2^53). */
  count(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  /** A whole number in (−2^52, 2^52). */
  integer(value: number): void {
    this.count(value < 0 ? -2 * value - 1 : 2 * value);
  }

  double(value: number): void {
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#length, value);
    this.#length += 8;
  }

  text(value: string): void {
    const bytes = Buffer.from(value);
    this.count(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** What was written; the writer is not used any more. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + count));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** Never throws: past the end, or where a number has no end, it hands out 0 and remembers that it failed. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #hasFailed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Nothing failed, and nothing is left over. */
  get isComplete(): boolean {
    return !this.#hasFailed && this.#at === this.#bytes.length;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  byte(): number {
    return this.#bytes[this.#advance(1)] ?? 0;
  }

  count(): number {
    let value = 0;
    for (let scale = 1; scale <= Number.MAX_SAFE_INTEGER; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : this.#fail();
    }
    return this.#fail();
  }

  integer(): number {
    const folded = this.count();
    return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
  }

  double(): number {
    const at = this.#advance(8);
    return this.#hasFailed ? 0 : this.#view.getFloat64(at);
  }

  text(maxBytes: number): string {
    const length = this.count();
    if (length > maxBytes) return String(this.#fail());
    const at = this.#advance(length);
    return this.#hasFailed ? "" : Buffer.from(this.#bytes.subarray(at, at + length)).toString();
  }

  #advance(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) this.#fail();
    else this.#at += count;
    return this.#hasFailed ? this.#bytes.length : at;
  }

  #fail(): number {
    this.#hasFailed = true;
    return 0;
  }
}
