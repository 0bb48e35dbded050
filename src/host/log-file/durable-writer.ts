// One write at a time, durable when it is answered. Every batch comes this way, so there is no promise in it.

import { fdatasync, write } from "node:fs";
import { assert } from "../../base/errors.ts";
import { isWriteDurable } from "../disk-access.ts";

interface Write {
  readonly descriptor: number;
  readonly data: Buffer;
  readonly bytes: number;
  readonly offset: number;
}

type Ended = (failure: Error | undefined) => void;

export class DurableWriter {
  readonly #ended: Ended;
  #current: Write | undefined;
  #written = 0;

  /** `ended` is called once for each `write`, never before it returns. */
  constructor(ended: Ended) {
    this.#ended = ended;
  }

  /** The first `bytes` of `data`, which must stay as they are until it has ended. */
  write(current: Write): void {
    assert(this.#current === undefined, "one write at a time");
    this.#current = current;
    this.#written = 0;
    write(current.descriptor, current.data, 0, current.bytes, current.offset, this.#onWritten);
  }

  readonly #onWritten = (failure: Error | null, bytes: number): void => {
    const current = this.#current;
    assert(current !== undefined, "a write ends only once");
    if (failure !== null) {
      this.#end(failure);
      return;
    }
    this.#written += bytes;
    const { descriptor, data, offset } = current;
    const rest = current.bytes - this.#written;
    if (rest > 0) write(descriptor, data, this.#written, rest, offset + this.#written, this.#onWritten);
    else if (isWriteDurable) this.#end(null);
    else fdatasync(descriptor, this.#end);
  };

  readonly #end = (failure: Error | null): void => {
    this.#current = undefined;
    this.#ended(failure ?? undefined);
  };
}
