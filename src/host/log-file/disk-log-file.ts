// A durable sequence of payloads (DESIGN §11): what waits together becomes one batch, one write, one flush.
//
// Appends queue up; one loop writes a batch, waits for it to be durable, answers, and goes on with what has come meanwhile.
// Only the change to a new segment (once per segment) uses promises; the way of a batch has none.

import { randomBytes } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { assert, SkeinError } from "../../base/errors.ts";
import type { LogFile, LogFileOptions, LogPosition, LogRecord, LogUsage } from "../../base/ports/log-file.ts";
import { diskFailure, durableWriteFlags, isWriteDurable, writeAll } from "../disk-access.ts";
import { AppendQueue, type Waiting } from "./append-queue.ts";
import {
  type BatchHead,
  batchHeadBytes,
  blockBytes,
  descriptionBytesMax,
  encodeSegmentHeader,
  payloadHeadBytes,
  sealBatch,
  segmentHeaderBytes,
  wholeBlocks,
} from "./batch-format.ts";
import { DurableWriter } from "./durable-writer.ts";
import { batchBytesMax, refusalOf } from "./log-bounds.ts";
import { Segment } from "./segment.ts";
import type { SegmentPool } from "./segment-pool.ts";
import { readSegment } from "./segment-reader.ts";

export interface LogFileState {
  readonly name: string;
  /** `segmentBytes` in whole blocks. */
  readonly options: LogFileOptions;
  readonly pool: SegmentPool;
  /** Oldest first. */
  readonly live: Segment[];
  /** Of the newest segment; undefined when there is none. */
  readonly handle: FileHandle | undefined;
  readonly nextBatch: number;
  readonly next: LogPosition;
  /** What recovery wrote and synced. */
  readonly bytesWritten: number;
  readonly syncs: number;
}

/** The batch that is being written. */
interface InFlight {
  readonly segment: Segment;
  readonly items: readonly Waiting[];
  readonly head: BatchHead;
}

export class DiskLogFile implements LogFile {
  readonly #name: string;
  readonly #options: LogFileOptions;
  readonly #pool: SegmentPool;
  readonly #live: Segment[];
  /** Released, but no sync has said so yet. */
  readonly #released: Segment[] = [];
  readonly #queue = new AppendQueue();
  #next: LogPosition;
  /** Invariant: every payload before it is durable; #synced <= #next. */
  #synced: LogPosition;
  #nextBatch: number;
  #bytesWritten: number;
  #syncs: number;

  /** Of the newest segment. */
  #handle: FileHandle | undefined;
  /** A file that was taken and whose header failed for want of room: used first, so that no cycle begins twice. */
  #takenPath: string | undefined;
  /** The newest segment takes no more batches: a full disk left one there whose fate is unknown. */
  #isSegmentDone = false;
  #buffer = Buffer.alloc(16 * blockBytes);

  #isBusy = false;
  #isClosing = false;
  #isAbandoned = false;
  #poison: SkeinError | undefined;
  #whenIdle: (() => void)[] = [];

  readonly #writer = new DurableWriter((failure) => this.#onBatchEnded(failure));
  #inFlight: InFlight | undefined;

  constructor(state: LogFileState) {
    this.#name = state.name;
    this.#options = state.options;
    this.#pool = state.pool;
    this.#live = state.live;
    this.#handle = state.handle;
    this.#next = state.next;
    this.#synced = state.next;
    this.#nextBatch = state.nextBatch;
    this.#bytesWritten = state.bytesWritten;
    this.#syncs = state.syncs;
  }

  get next(): LogPosition {
    return this.#next;
  }

  append(payload: Uint8Array, done: (failure?: SkeinError) => void): LogPosition {
    const position = this.#next;
    const refusal = this.#refusalOf(payload);
    if (refusal === undefined) {
      this.#queue.push({ payload, done, refusal });
      this.#next += 1;
    } else {
      this.#queue.push({ payload: new Uint8Array(0), done, refusal });
    }
    if (!this.#isBusy) {
      this.#isBusy = true;
      queueMicrotask(this.#work);
    }
    return position;
  }

  read(
    from: LogPosition,
    maxBytes: number,
    done: (failure: SkeinError | undefined, records: readonly LogRecord[]) => void,
  ): void {
    const segment = this.#live.findLast(({ firstPosition }) => firstPosition <= from);
    if (segment === undefined || from >= this.#synced) {
      setImmediate(done, this.#refusalToRead(from), []);
      return;
    }
    readSegment(segment, from, maxBytes, (failure, records) => {
      if (this.#isAbandoned) return;
      // What was released meanwhile may have been written again already: not damage.
      if (failure === undefined) done(undefined, records);
      else done(this.#refusalToRead(from) ?? failure, []);
    });
  }

  release(position: LogPosition): void {
    for (;;) {
      const [oldest, following] = this.#live;
      if (oldest === undefined || following === undefined || following.firstPosition > position) return;
      this.#released.push(oldest);
      this.#live.shift();
    }
  }

  usage(): LogUsage {
    return {
      bytes: this.#pool.files * this.#options.segmentBytes,
      segments: this.#live.length,
      bytesWritten: this.#bytesWritten + this.#pool.bytesWritten,
      syncs: this.#syncs + this.#pool.syncs,
    };
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#isBusy) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    await this.#pool.stop();
    await this.#handle?.close();
    this.#handle = undefined;
  }

  /**
   * Leaves the log as a power cut would: what waits is dropped, nobody is answered any more. Resolves when the write that was
   * under way has ended, which no process can call back; until then the files must not be opened again.
   */
  async abandon(): Promise<void> {
    this.#isAbandoned = true;
    this.#queue.takeAll();
    if (this.#isBusy) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    await this.#pool.stop();
    await this.#handle?.close();
    this.#handle = undefined;
  }

  #refusalToRead(from: LogPosition): SkeinError | undefined {
    const oldest = this.#live[0]?.firstPosition ?? this.#next;
    if (from >= oldest) return undefined;
    return new SkeinError("not-found", `${this.#name}: position ${from} was released, the oldest is ${oldest}`);
  }

  #refusalOf(payload: Uint8Array): SkeinError | undefined {
    if (this.#poison !== undefined) return this.#poison;
    const isClosed = this.#isClosing || this.#isAbandoned;
    const state = { name: this.#name, options: this.#options, waitingBytes: this.#queue.bytes, isClosed };
    return refusalOf(payload, state);
  }

  /** Invariant: runs only while nothing is being written. */
  readonly #work = (): void => {
    if (this.#isAbandoned || this.#queue.length === 0) {
      this.#rest();
      return;
    }
    if (this.#poison !== undefined) {
      this.#tell(this.#queue.takeAll(), this.#poison);
      this.#work();
      return;
    }
    const segment = this.#live.at(-1);
    if (segment === undefined || this.#handle === undefined || this.#isSegmentDone) {
      void this.#changeSegment();
      return;
    }
    // The last block is kept for a batch that only says what was released.
    const roomBytes = segment.size - blockBytes - segment.end - batchHeadBytes;
    const batch = this.#queue.take({ roomBytes, batchBytes: batchBytesMax, headBytes: payloadHeadBytes });
    if (batch.length > 0) this.#writeBatch(this.#handle.fd, segment, batch);
    else void this.#changeSegment();
  };

  #rest(): void {
    this.#isBusy = false;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #writeBatch(descriptor: number, segment: Segment, items: readonly Waiting[]): void {
    let [end, count] = [batchHeadBytes, 0];
    for (const { payload, refusal } of items) {
      if (refusal !== undefined) continue;
      end += payloadHeadBytes + payload.length;
      count += 1;
    }
    if (count === 0) {
      this.#tell(items, undefined);
      this.#work();
      return;
    }
    const bytes = wholeBlocks(end);
    const buffer = this.#bufferOf(bytes);
    let at = batchHeadBytes;
    for (const { payload, refusal } of items) {
      if (refusal !== undefined) continue;
      at = buffer.writeUInt32LE(payload.length, at);
      buffer.set(payload, at);
      at += payload.length;
    }
    buffer.fill(0, end, bytes);
    const head = this.#nextHead(segment, count, end);
    sealBatch(buffer, segment.salt, head);
    this.#inFlight = { segment, items, head };
    this.#writer.write({ descriptor, data: buffer, bytes, offset: segment.end });
  }

  #nextHead(segment: Segment, count: number, bytes: number): BatchHead {
    const oldestCycle = this.#live[0]?.cycle ?? segment.cycle;
    return { cycle: segment.cycle, oldestCycle, number: this.#nextBatch, firstPosition: this.#synced, count, bytes };
  }

  #bufferOf(bytes: number): Buffer {
    if (bytes <= this.#buffer.length) return this.#buffer;
    const buffer = Buffer.alloc(bytes);
    if (bytes <= batchBytesMax) this.#buffer = buffer;
    return buffer;
  }

  #onBatchEnded(failure: Error | undefined): void {
    const batch = this.#inFlight;
    assert(batch !== undefined, "a batch ends only once");
    this.#inFlight = undefined;
    if (this.#isAbandoned) {
      this.#rest();
    } else if (failure === undefined) {
      this.#bytesWritten += wholeBlocks(batch.head.bytes);
      this.#syncs += 1;
      this.#keep(batch.segment, batch.head);
      this.#tell(batch.items, undefined);
      this.#work();
    } else {
      // Whatever became of the batch: the next header says that it does not count.
      this.#isSegmentDone = true;
      this.#fail(diskFailure("writing", batch.segment.path, failure), batch.items);
    }
  }

  /** `head` is durable. */
  #keep(segment: Segment, head: BatchHead): void {
    segment.extend(head.firstPosition, wholeBlocks(head.bytes));
    this.#nextBatch += 1;
    this.#synced += head.count;
    this.#recycle(head.oldestCycle);
  }

  /** A refusal leaves the log as it was; anything else ends it. */
  #fail(failure: SkeinError, items: readonly Waiting[]): void {
    const isRefusal = failure.code === "disk-full" && this.#options.whenDiskIsFull === "refuse";
    let failed = items;
    if (isRefusal || failure.code === "log-full") {
      failed = [...items, ...this.#queue.takeAll()];
      this.#next = this.#synced;
    } else {
      this.#poison = failure;
    }
    this.#tell(failed, failure);
    this.#work();
  }

  #tell(items: readonly Waiting[], failure: SkeinError | undefined): void {
    for (const { done, refusal } of items) {
      if (this.#isAbandoned) return;
      done(refusal ?? failure);
    }
  }

  async #changeSegment(): Promise<void> {
    const description = Buffer.from(this.#options.describe(this.#synced));
    assert(description.length <= descriptionBytesMax, "what a segment's header carries fits it");
    let failure: SkeinError | undefined;
    try {
      await this.#beginSegment(description);
    } catch (cause) {
      failure = diskFailure("beginning a segment of", this.#name, cause);
    }
    if (this.#isAbandoned || failure === undefined) this.#work();
    else this.#fail(failure, []);
  }

  async #beginSegment(description: Buffer): Promise<void> {
    if (this.#takenPath === undefined && this.#pool.isEmpty && this.#released.length > 0) await this.#noteReleased();
    this.#takenPath ??= await this.#pool.take();
    if (this.#isAbandoned) return;
    const path = this.#takenPath;
    const newest = this.#live.at(-1);
    const cycle = (newest?.cycle ?? 0) + 1;
    const oldestCycle = this.#live[0]?.cycle ?? cycle;
    const salt = randomBytes(8);
    const firstPosition = this.#synced;
    const handle = await open(path, durableWriteFlags);
    try {
      const header = { salt, cycle, oldestCycle, firstBatch: this.#nextBatch, firstPosition, description };
      await writeAll(handle, encodeSegmentHeader(header), 0);
      if (!isWriteDurable) await handle.datasync();
    } catch (cause) {
      await handle.close();
      throw cause;
    }
    await this.#handle?.close();
    this.#handle = handle;
    this.#takenPath = undefined;
    this.#isSegmentDone = false;
    this.#live.push(new Segment({ path, cycle, salt, firstPosition, size: this.#options.segmentBytes, description }));
    this.#bytesWritten += segmentHeaderBytes;
    this.#syncs += 1;
    this.#recycle(oldestCycle);
  }

  /** Only a sync makes a release final; a batch without payloads does so when the files are needed before the next one. */
  async #noteReleased(): Promise<void> {
    const segment = this.#live.at(-1);
    const handle = this.#handle;
    if (segment === undefined || handle === undefined || this.#isSegmentDone) return;
    if (segment.end + blockBytes > segment.size) return;
    const block = Buffer.alloc(blockBytes);
    const head = this.#nextHead(segment, 0, batchHeadBytes);
    sealBatch(block, segment.salt, head);
    this.#isSegmentDone = true;
    await writeAll(handle, block, segment.end);
    if (!isWriteDurable) await handle.datasync();
    this.#bytesWritten += blockBytes;
    this.#syncs += 1;
    this.#keep(segment, head);
  }

  /** It is durable that segments before `oldestCycle` are not needed. */
  #recycle(oldestCycle: number): void {
    for (;;) {
      const oldest = this.#released[0];
      if (oldest === undefined || oldest.cycle >= oldestCycle) return;
      this.#released.shift();
      this.#pool.give(oldest.path);
    }
  }
}
