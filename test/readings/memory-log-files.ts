// A log file in memory for the readings' tests: payloads are synced one disk delay after their append, a power cut forgets the
// rest, and the disk can be full.

import { SkeinError } from "../../src/base/errors.ts";
import type { Clock } from "../../src/base/ports/clock.ts";
import type { LogFile, LogFileOptions, LogFiles, LogRecord, LogRecovery } from "../../src/base/ports/log-file.ts";
import { type Duration, milliseconds } from "../../src/base/units.ts";

export class MemoryDisk {
  /** What survives a power cut. */
  records: LogRecord[] = [];
  description: Uint8Array | undefined;
  next = 1;
  failure: SkeinError | undefined;
  /** Bytes that may lie in `records`. */
  capacity = Number.POSITIVE_INFINITY;
  reads = 0;
}

export class MemoryLogFiles implements LogFiles {
  readonly disk: MemoryDisk;
  readonly #clock: Clock;
  readonly #delay: Duration;

  constructor(disk: MemoryDisk, clock: Clock, delay: Duration = milliseconds(5)) {
    this.disk = disk;
    this.#clock = clock;
    this.#delay = delay;
  }

  open(
    _name: string,
    options: LogFileOptions,
    recovered: (record: LogRecord) => void,
  ): Promise<{ log: LogFile; recovery: LogRecovery }> {
    const { disk } = this;
    disk.records.forEach(recovered);
    disk.description ??= options.describe(1);
    // A payload whose sync never returned has no position either.
    disk.next = (disk.records.at(-1)?.position ?? disk.next - 1) + 1;
    const first = disk.records[0]?.position ?? disk.next;
    const recovery = { description: disk.description, first, next: disk.next, cutTail: false };
    return Promise.resolve({ log: this.#log(), recovery });
  }

  setAside(): Promise<void> {
    this.disk.records = [];
    return Promise.resolve();
  }

  #log(): LogFile {
    const { disk } = this;
    const clock = this.#clock;
    const delay = this.#delay;
    return {
      get next() {
        return disk.next;
      },
      append(payload, done) {
        const position = disk.next;
        disk.next += 1;
        clock.after(delay, "sync", () => {
          const used = disk.records.reduce((sum, record) => sum + record.payload.length, 0);
          if (used + payload.length > disk.capacity) done(new SkeinError("log-full", "the log is full"));
          else if (disk.failure !== undefined) done(disk.failure);
          else {
            disk.records.push({ position, payload: payload.slice() });
            done();
          }
        });
        return position;
      },
      read(from, maxBytes, done) {
        disk.reads += 1;
        clock.after(delay, "read", () => {
          const records: LogRecord[] = [];
          let bytes = 0;
          for (const record of disk.records) {
            if (record.position < from) continue;
            if (records.length > 0 && bytes + record.payload.length > maxBytes) break;
            bytes += record.payload.length;
            records.push(record);
          }
          done(undefined, records);
        });
      },
      release(position) {
        disk.records = disk.records.filter((record) => record.position >= position);
      },
      usage: () => ({ bytes: 0, segments: 1, bytesWritten: 0, syncs: 0 }),
      close: () => Promise.resolve(),
    };
  }
}
