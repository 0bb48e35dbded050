// Segment files that are ready to be written: zero-filled ahead, or recycled.
//
// A file that was written once has its blocks: a commit into it changes no metadata, costs one flush instead of two, and
// cannot meet a full disk. So a full disk is met here, while reserving, and the log goes on in what is reserved.

import { open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { SkeinError } from "../../base/errors.ts";
import { diskFailure, syncDirectory, writeAll } from "../disk-access.ts";

const zeros = Buffer.alloc(64 * 1024);
/**
 * Released segments kept beyond those reserved: in a steady state then nothing is created or removed. A checkpoint lets go of
 * 2,000 entries at once, eight segments of the Raft log where each took a block of its own; keeping only two of them, the rest
 * were removed and filled with zeros anew: 7.2 instead of 4.2 KB to the card for each commit.
 */
const surplus = 8;

export interface SegmentPoolOptions {
  readonly directory: string;
  readonly segmentBytes: number;
  readonly segmentsAhead: number;
  /** Live and free files together. */
  readonly filesMax: number;
}

export class SegmentPool {
  readonly #options: SegmentPoolOptions;
  readonly #free: string[];
  #files: number;
  #lastNumber: number;
  #reserving: Promise<void> | undefined;
  /** Under way: who opens the log next must not find these files. */
  readonly #removals = new Set<Promise<void>>();
  #isStopped = false;
  bytesWritten = 0;
  syncs = 0;

  /** `free`: paths of whole files without needed data. `files`: how many there are in all, `lastNumber` the highest name. */
  constructor(options: SegmentPoolOptions, found: { free: string[]; files: number; lastNumber: number }) {
    this.#options = options;
    this.#free = found.free;
    this.#files = found.files;
    this.#lastNumber = found.lastNumber;
  }

  get files(): number {
    return this.#files;
  }

  get isEmpty(): boolean {
    return this.#free.length === 0;
  }

  /** A file to write. Fails with `log-full`, `disk-full` or `disk-failed`. */
  async take(): Promise<string> {
    for (;;) {
      const path = this.#free.shift();
      if (path !== undefined) {
        this.#reserveAhead();
        return path;
      }
      if (this.#files >= this.#options.filesMax && this.#reserving === undefined) {
        const bytes = this.#options.filesMax * this.#options.segmentBytes;
        throw new SkeinError("log-full", `${this.#options.directory} holds the ${bytes} bytes that it may hold`);
      }
      this.#reserving ??= this.#reserve();
      await this.#reserving;
    }
  }

  /** `path` is no longer needed; the sync that says so has returned. */
  give(path: string): void {
    if (this.#free.length < this.#options.segmentsAhead + surplus) {
      this.#free.push(path);
      return;
    }
    this.#files -= 1;
    // A file that stays behind is found, and used, at the next opening.
    const removal = unlink(path).catch(() => undefined);
    this.#removals.add(removal);
    void removal.then(() => this.#removals.delete(removal));
  }

  /** Reserves what `segmentsAhead` asks for. Fails like `take`, but only when not a single file is free. */
  async fill(): Promise<void> {
    while (this.#isWanting()) {
      try {
        this.#reserving ??= this.#reserve();
        await this.#reserving;
      } catch (failure) {
        if (this.isEmpty) throw failure;
        return;
      }
    }
  }

  /** Begins no more files; resolves when those being written or removed are done. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#reserving?.catch(() => undefined);
    await Promise.all(this.#removals);
  }

  #isWanting(): boolean {
    const { segmentsAhead, filesMax } = this.#options;
    return !this.#isStopped && this.#free.length < segmentsAhead && this.#files < filesMax;
  }

  #reserveAhead(): void {
    if (!this.#isWanting() || this.#reserving !== undefined) return;
    this.#reserving = this.#reserve();
    // A disk that is full now may have room when the file is needed: `take` tries again, and then the failure counts.
    this.#reserving.then(
      () => this.#reserveAhead(),
      () => undefined,
    );
  }

  async #reserve(): Promise<void> {
    const { directory, segmentBytes } = this.#options;
    this.#lastNumber += 1;
    const path = join(directory, segmentName(this.#lastNumber));
    this.#files += 1;
    try {
      await this.#writeZeros(path, segmentBytes);
      await syncDirectory(directory);
      this.syncs += 2;
      this.#free.push(path);
    } catch (cause) {
      this.#files -= 1;
      await unlink(path).catch(() => undefined);
      throw diskFailure("reserving", path, cause);
    } finally {
      this.#reserving = undefined;
    }
  }

  async #writeZeros(path: string, bytes: number): Promise<void> {
    const handle = await open(path, "wx", 0o600);
    try {
      for (let at = 0; at < bytes && !this.#isStopped; at += zeros.length) {
        const chunk = zeros.subarray(0, Math.min(zeros.length, bytes - at));
        await writeAll(handle, chunk, at);
        this.bytesWritten += chunk.length;
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

const namePattern = /^(\d{8,})\.segment$/;

const segmentName = (number: number): string => `${String(number).padStart(8, "0")}.segment`;

/** The number in a segment file's name; undefined for any other file. */
export function segmentNumber(name: string): number | undefined {
  const digits = namePattern.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
