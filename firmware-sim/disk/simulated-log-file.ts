// The twin of src/host/log-file: the same packing into batches and segments, the same refusals, on a simulated device.

import { assert, SkeinError } from "../../src/base/errors.ts";
import type { LogFile, LogFileOptions, LogPosition, LogRecord, LogUsage } from "../../src/base/ports/log-file.ts";
import { AppendQueue, type Waiting } from "../../src/host/log-file/append-queue.ts";
import {
  batchHeadBytes,
  blockBytes,
  descriptionBytesMax,
  payloadHeadBytes,
  segmentHeaderBytes,
  wholeBlocks,
} from "../../src/host/log-file/batch-format.ts";
import { batchBytesMax, refusalOf } from "../../src/host/log-file/log-bounds.ts";
import type { SimulatedDevice, SimulatedWrite } from "./device.ts";
import { type LogContent, nextOf, type StoredSegment } from "./log-content.ts";

export class SimulatedLogFile implements LogFile {
  readonly #name: string;
  readonly #options: LogFileOptions;
  readonly #device: SimulatedDevice;
  readonly #content: LogContent;
  readonly #isTold: boolean;
  readonly #queue = new AppendQueue();
  /** Released in memory; on disk with the next batch. */
  #oldest: LogPosition = 0;
  #next: LogPosition;
  #bytesWritten = 0;
  #syncs = 0;
  #isBusy = false;
  #isClosing = false;
  #poison: SkeinError | undefined;
  #whenIdle: (() => void)[] = [];

  /** `options` are checked, `content` is recovered already. `isTold`: `onSynced` hears of its records. */
  constructor(name: string, options: LogFileOptions, device: SimulatedDevice, content: LogContent, isTold: boolean) {
    this.#isTold = isTold;
    this.#name = name;
    this.#options = options;
    this.#device = device;
    this.#content = content;
    this.#next = nextOf(content);
    this.#reserve();
  }

  get next(): LogPosition {
    return this.#next;
  }

  append(payload: Uint8Array, done: (failure?: SkeinError) => void): LogPosition {
    const position = this.#next;
    const refusal = this.#refusalOf(payload);
    this.#queue.push({ payload: refusal === undefined ? new Uint8Array(payload) : new Uint8Array(0), done, refusal });
    if (refusal === undefined) this.#next += 1;
    if (!this.#isBusy) {
      this.#isBusy = true;
      this.#device.soon(`${this.#name}: append`, () => this.#work());
    }
    return position;
  }

  read(
    from: LogPosition,
    maxBytes: number,
    done: (failure: SkeinError | undefined, records: readonly LogRecord[]) => void,
  ): void {
    this.#device.read(`${this.#name}: read`, () => {
      const segments = this.#live();
      const oldest = segments[0]?.first ?? this.#next;
      if (from < oldest) {
        const released = `${this.#name}: position ${from} was released, the oldest is ${oldest}`;
        done(new SkeinError("not-found", released), []);
        return;
      }
      const segment = segments.findLast(({ first }) => first <= from);
      const damaged = segment?.batches.find(({ isDamaged, first }) => isDamaged && first >= from);
      if (damaged === undefined) done(undefined, recordsOf(segment, from, maxBytes));
      else done(new SkeinError("log-damaged", `${this.#name} at position ${damaged.first}: simulated rot`), []);
    });
  }

  release(position: LogPosition): void {
    this.#oldest = Math.max(this.#oldest, position);
  }

  usage(): LogUsage {
    const { segments, free } = this.#content;
    return {
      bytes: (segments.length + free) * this.#options.segmentBytes,
      segments: this.#live().length,
      bytesWritten: this.#bytesWritten,
      syncs: this.#syncs,
    };
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await new Promise<void>((resolve) => {
      if (this.#isBusy) this.#whenIdle.push(resolve);
      else this.#device.soon(`${this.#name}: close`, resolve);
    });
  }

  get #filesMax(): number {
    return Math.floor(this.#options.capacityBytes / this.#options.segmentBytes);
  }

  /** The segments that are not released; the newest always stays. */
  #live(): StoredSegment[] {
    const { segments } = this.#content;
    return segments.filter((_, i) => (segments[i + 1]?.first ?? Number.POSITIVE_INFINITY) > this.#oldest);
  }

  #refusalOf(payload: Uint8Array): SkeinError | undefined {
    if (this.#poison !== undefined) return this.#poison;
    const state = { name: this.#name, options: this.#options, waitingBytes: this.#queue.bytes };
    return refusalOf(payload, { ...state, isClosed: this.#isClosing });
  }

  #work(): void {
    if (this.#queue.length === 0) {
      this.#isBusy = false;
      for (const resolve of this.#whenIdle.splice(0)) resolve();
      return;
    }
    if (this.#poison !== undefined) {
      tell(this.#queue.takeAll(), this.#poison);
      this.#work();
      return;
    }
    const segment = this.#content.segments.at(-1);
    if (segment === undefined) {
      this.#beginSegment();
      return;
    }
    const roomBytes = this.#options.segmentBytes - blockBytes - segment.bytes - batchHeadBytes;
    const items = this.#queue.take({ roomBytes, batchBytes: batchBytesMax, headBytes: payloadHeadBytes });
    if (items.length === 0) this.#beginSegment();
    else this.#writeBatch(segment, items);
  }

  #writeBatch(segment: StoredSegment, items: readonly Waiting[]): void {
    const payloads = items.filter(({ refusal }) => refusal === undefined).map(({ payload }) => payload);
    if (payloads.length === 0) {
      tell(items, undefined);
      this.#work();
      return;
    }
    const bytes = wholeBlocks(
      batchHeadBytes + payloads.reduce((sum, { length }) => sum + payloadHeadBytes + length, 0),
    );
    const live = this.#live();
    const first = nextOf(this.#content);
    const name = `${this.#name}: batch`;
    this.#write(name, bytes, {
      apply: () => {
        segment.batches.push({ first, payloads, bytes, isDamaged: false });
        segment.bytes += bytes;
        this.#drop(live);
      },
      synced: () => {
        for (const [i, payload] of payloads.entries()) {
          this.#device.trace(name, "record", payload);
          if (this.#isTold) this.#device.onSynced?.(this.#name, first + i, payload);
        }
      },
      tear: () => {
        this.#content.hasTornTail = true;
      },
      done: (failure) => {
        if (failure === undefined) tell(items, undefined);
        else this.#fail(failure, items);
        this.#work();
      },
    });
  }

  #beginSegment(): void {
    const { segments } = this.#content;
    if (this.#content.free === 0 && this.#live().length < segments.length) {
      // The batch without payloads that makes the release final.
      const live = this.#live();
      this.#write(`${this.#name}: release`, blockBytes, {
        apply: () => this.#drop(live),
        done: (failure) => {
          if (failure !== undefined) this.#fail(failure, []);
          this.#work();
        },
      });
      return;
    }
    this.#reserve(1);
    if (this.#content.free === 0) {
      const isFull = segments.length >= this.#filesMax;
      const full = new SkeinError("log-full", `${this.#name} holds the bytes that it may hold`);
      this.#fail(isFull ? full : new SkeinError("disk-full", `${this.#name}: simulated full disk`), []);
      this.#work();
      return;
    }
    const first = nextOf(this.#content);
    const description = new Uint8Array(this.#options.describe(first));
    assert(description.length <= descriptionBytesMax, "what a segment's header carries fits it");
    const live = this.#live();
    this.#write(`${this.#name}: segment`, segmentHeaderBytes, {
      apply: () => {
        this.#content.free -= 1;
        const begun: StoredSegment = { first, description, batches: [], bytes: segmentHeaderBytes };
        this.#content.segments.push(begun);
        this.#drop([...live, begun]);
      },
      done: (failure) => {
        if (failure !== undefined) this.#fail(failure, []);
        else this.#reserve();
        this.#work();
      },
    });
  }

  #write(name: string, bytes: number, write: Omit<SimulatedWrite, "name">): void {
    this.#device.write(bytes, {
      name,
      ...write,
      apply: () => {
        write.apply();
        this.#bytesWritten += bytes;
        this.#syncs += 1;
      },
    });
  }

  #fail(failure: SkeinError, items: readonly Waiting[]): void {
    let failed = items;
    if (failure.code === "log-full" || (failure.code === "disk-full" && this.#options.whenDiskIsFull === "refuse")) {
      failed = [...items, ...this.#queue.takeAll()];
      this.#next = nextOf(this.#content);
    } else {
      this.#poison = failure;
    }
    tell(failed, failure);
  }

  /** Only `kept` is needed, and that is on disk. */
  #drop(kept: readonly StoredSegment[]): void {
    const { segments } = this.#content;
    const remaining = segments.filter((segment) => kept.includes(segment) || segment === segments.at(-1));
    this.#content.free += segments.length - remaining.length;
    this.#content.segments = remaining;
  }

  /** Ahead, as far as the bound and the disk allow. */
  #reserve(wanted = this.#options.segmentsAhead): void {
    if (this.#device.isFull) return;
    const room = this.#filesMax - this.#content.segments.length;
    this.#content.free = Math.max(this.#content.free, Math.min(wanted, room));
  }
}

function tell(items: readonly Waiting[], failure: SkeinError | undefined): void {
  for (const { done, refusal } of items) done(refusal ?? failure);
}

function recordsOf(segment: StoredSegment | undefined, from: LogPosition, maxBytes: number): LogRecord[] {
  const records: LogRecord[] = [];
  let bytes = 0;
  for (const batch of segment?.batches ?? []) {
    for (const [i, payload] of batch.payloads.entries()) {
      const position = batch.first + i;
      if (position < from) continue;
      if (records.length > 0 && bytes >= maxBytes) return records;
      records.push({ position, payload: new Uint8Array(payload) });
      bytes += payload.length;
    }
  }
  return records;
}
