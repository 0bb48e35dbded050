// A small log on a real disk, opened, closed and changed from outside.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SkeinError } from "../../../src/base/errors.ts";
import type { LogFile, LogFileOptions, LogRecord, LogRecovery } from "../../../src/base/ports/log-file.ts";
import { decodeSegmentHeader, type SegmentHeader } from "../../../src/host/log-file/batch-format.ts";
import { DiskLogFiles } from "../../../src/host/log-file/disk-log-files.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

export const smallLog: LogFileOptions = {
  segmentBytes: 32 * 1024,
  segmentsAhead: 1,
  capacityBytes: 256 * 1024,
  whenDiskIsFull: "fatal",
  describe: () => new Uint8Array(0),
};

export function append(log: LogFile, payload: string | Uint8Array): Promise<SkeinError | undefined> {
  return new Promise((resolve) => log.append(Buffer.from(payload), resolve));
}

interface SegmentOnDisk {
  readonly path: string;
  readonly header: SegmentHeader;
}

export class LogOnDisk {
  readonly #directory = temporaryDirectory();
  readonly #options: LogFileOptions;
  #files = new DiskLogFiles(this.#directory.path);

  constructor(options: Partial<LogFileOptions> = {}) {
    this.#options = { ...smallLog, ...options };
  }

  async open(): Promise<{ log: LogFile; recovery: LogRecovery; payloads: string[]; positions: number[] }> {
    const records: LogRecord[] = [];
    const opened = await this.#files.open("log", this.#options, (record) => records.push(record));
    const payloads = records.map(({ payload }) => Buffer.from(payload).toString());
    return { ...opened, payloads, positions: records.map(({ position }) => position) };
  }

  /** Closes, however it was opened. */
  async abandon(): Promise<void> {
    await this.#files.abandon();
    this.#files = new DiskLogFiles(this.#directory.path);
  }

  /** One batch, hence at least one block, each. */
  async write(payloads: readonly (string | Uint8Array)[]): Promise<void> {
    const { log } = await this.open();
    for (const payload of payloads) {
      const failure = await append(log, payload);
      if (failure !== undefined) throw failure;
    }
    await this.abandon();
  }

  get paths(): string[] {
    const directory = join(this.#directory.path, "log");
    return readdirSync(directory).map((name) => join(directory, name));
  }

  /** Those with a header, in the order of their lives. */
  get segments(): SegmentOnDisk[] {
    const found = this.paths.flatMap((path) => {
      const header = decodeSegmentHeader(readFileSync(path));
      return header === undefined ? [] : [{ path, header }];
    });
    return found.sort((a, b) => a.header.cycle - b.header.cycle);
  }

  get newest(): SegmentOnDisk {
    const newest = this.segments.at(-1);
    if (newest === undefined) throw new Error("the log has no segment yet");
    return newest;
  }

  change(path: string, change: (content: Buffer) => void): void {
    const content = readFileSync(path);
    change(content);
    writeFileSync(path, content);
  }

  flip(path: string, offset: number): void {
    this.change(path, (content) => content.writeUInt8(content.readUInt8(offset) ^ 0x10, offset));
  }

  async remove(): Promise<void> {
    await this.#files.abandon();
    this.#directory.remove();
  }
}
