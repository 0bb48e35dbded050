// A live segment, and where in it a position is found without reading it from its beginning.

import type { LogPosition } from "../../base/ports/log-file.ts";
import { segmentHeaderBytes } from "./batch-format.ts";

/** Reading starts at most this far before what is looked for. 16 bytes of memory per mark. */
const markSpacingBytes = 64 * 1024;

/** `position` is the first payload of the batch at `offset`. */
interface Mark {
  readonly position: LogPosition;
  readonly offset: number;
}

export class Segment {
  readonly path: string;
  readonly cycle: number;
  readonly salt: Buffer;
  readonly firstPosition: LogPosition;
  /** Bytes of the file. */
  readonly size: number;
  readonly description: Buffer;
  /** Where the last synced batch ends. */
  end = segmentHeaderBytes;
  readonly #marks: Mark[] = [];

  constructor(segment: Pick<Segment, "path" | "cycle" | "salt" | "firstPosition" | "size" | "description">) {
    this.path = segment.path;
    this.cycle = segment.cycle;
    this.salt = segment.salt;
    this.firstPosition = segment.firstPosition;
    this.size = segment.size;
    this.description = segment.description;
  }

  /** A synced batch of `bytes` (whole blocks), beginning at `end`, whose first payload is `position`. */
  extend(position: LogPosition, bytes: number): void {
    const last = this.#marks.at(-1);
    if (last === undefined || this.end - last.offset >= markSpacingBytes) {
      this.#marks.push({ position, offset: this.end });
    }
    this.end += bytes;
  }

  /** A batch boundary at or before `position`. */
  offsetBefore(position: LogPosition): number {
    let [low, high] = [0, this.#marks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#marks[middle]?.position ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return this.#marks[low - 1]?.offset ?? segmentHeaderBytes;
  }
}
