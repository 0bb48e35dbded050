// The directory of a device's logs: each is a directory of segments.

import type { FileHandle } from "node:fs/promises";
import { open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { limits } from "../../base/limits.ts";
import type { LogFileOptions, LogFiles, LogRecord, LogRecovery } from "../../base/ports/log-file.ts";
import { diskFailure, durableWriteFlags, ensureDirectory, syncDirectory } from "../disk-access.ts";
import { DiskLogFile } from "./disk-log-file.ts";
import { checkedOptions, checkName } from "./log-bounds.ts";
import { SegmentPool } from "./segment-pool.ts";
import { recoverSegments } from "./segment-recovery.ts";

export class DiskLogFiles implements LogFiles {
  readonly #directory: string;
  readonly #logs = new Set<DiskLogFile>();

  /** `directory` is created when the first log is opened. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  async open(
    name: string,
    options: LogFileOptions,
    recovered: (record: LogRecord) => void,
  ): Promise<{ log: DiskLogFile; recovery: LogRecovery }> {
    const checked = checkedOptions(name, options);
    const directory = join(this.#directory, name);
    try {
      await ensureDirectory(directory);
      return await this.#openIn(name, checked, recovered);
    } catch (cause) {
      throw diskFailure("opening", directory, cause);
    }
  }

  async #openIn(name: string, options: LogFileOptions, recovered: (record: LogRecord) => void) {
    const directory = join(this.#directory, name);
    const { segmentBytes, segmentsAhead, capacityBytes } = options;
    const found = await recoverSegments(directory, segmentBytes, recovered);
    const filesMax = Math.floor(capacityBytes / segmentBytes);
    const pool = new SegmentPool({ directory, segmentBytes, segmentsAhead, filesMax }, found);
    const [oldest, newest] = [found.live[0], found.live.at(-1)];
    let handle: FileHandle | undefined;
    if (newest !== undefined) handle = await open(newest.path, durableWriteFlags);
    try {
      // A log without a segment needs one; any other goes on in the one it has, also on a full disk.
      await pool.fill();
    } catch (failure) {
      if (newest === undefined) throw failure;
    }
    const { nextBatch, nextPosition: next, bytesWritten, syncs, live, cutTail } = found;
    const log = new DiskLogFile({ name, options, pool, live, handle, nextBatch, next, bytesWritten, syncs });
    this.#logs.add(log);
    const recovery = {
      description: oldest === undefined ? undefined : new Uint8Array(oldest.description),
      first: oldest?.firstPosition ?? next,
      next,
      cutTail,
    };
    return { log, recovery };
  }

  async setAside(name: string): Promise<void> {
    checkName(name);
    try {
      const names = await readdir(this.#directory);
      if (!names.includes(name)) return;
      const aside = names.map((found) => asideNumber(name, found)).filter((number) => number > 0);
      aside.sort((a, b) => a - b);
      await rename(join(this.#directory, name), join(this.#directory, asideName(name, (aside.at(-1) ?? 0) + 1)));
      await syncDirectory(this.#directory);
      for (const number of aside.slice(0, Math.max(0, aside.length + 1 - limits.logsSetAside))) {
        await rm(join(this.#directory, asideName(name, number)), { recursive: true });
      }
    } catch (cause) {
      throw diskFailure("setting aside", join(this.#directory, name), cause);
    }
  }

  /** Of all logs opened here, closed ones too. */
  usage(): { bytesWritten: number; syncs: number } {
    const sum = { bytesWritten: 0, syncs: 0 };
    for (const log of this.#logs) {
      const usage = log.usage();
      sum.bytesWritten += usage.bytesWritten;
      sum.syncs += usage.syncs;
    }
    return sum;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#logs].map((log) => log.close()));
  }

  /** See `DiskLogFile.abandon`. */
  async abandon(): Promise<void> {
    await Promise.all([...this.#logs].map((log) => log.abandon()));
  }
}

const asideName = (name: string, number: number): string => `${name}.aside-${number}`;

function asideNumber(name: string, found: string): number {
  return found.startsWith(`${name}.aside-`) ? Number(found.slice(`${name}.aside-`.length)) || 0 : 0;
}
