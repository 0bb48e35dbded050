// What does a day of checkpoints cost in LevelDB, and what would it cost in checkpoint files of our own?
// (docs/decisions/0002-storage.md)
//
// The state of a site: 1 MB in 2,000 cells, 100 of which change every minute (300 B each), and an outbox that grows by ten
// items a minute and is emptied every hour. 1,440 checkpoints. The other side is the least that could do: all values in
// memory, changes appended to a log file, the whole state written again when the changes outweigh it.

import { join } from "node:path";
import { assert } from "../src/base/errors.ts";
import type { LogFile } from "../src/base/ports/log-file.ts";
import type { StorageChange } from "../src/base/ports/storage.ts";
import { LevelStorage } from "../src/host/level-storage.ts";
import { DiskLogFiles } from "../src/host/log-file/disk-log-files.ts";
import { between, deviceCounters } from "./support/device-counters.ts";
import { cpuTimes, machineNote } from "./support/machine.ts";
import type { Bench, Row } from "./support/report.ts";

const minutes = 1_440;
const chunkBytes = 200_000;

interface Subject {
  readonly name: string;
  write(changes: readonly StorageChange[]): Promise<void>;
  cells(): Promise<number>;
}

async function levelDb(directory: string): Promise<Subject> {
  const storage = await LevelStorage.open(join(directory, "level"));
  return {
    name: "LevelDB",
    write: (changes) => storage.write(changes),
    cells: async () => (await storage.page({ from: "", to: "z" }, 1e6)).length,
  };
}

class CheckpointFile implements Subject {
  readonly name = "checkpoint file, values in memory";
  readonly #log: LogFile;
  readonly #cells = new Map<string, Uint8Array>();
  #bytes = 0;
  #bytesSinceWhole = 0;

  constructor(log: LogFile) {
    this.#log = log;
  }

  async write(changes: readonly StorageChange[]): Promise<void> {
    const parts: Uint8Array[] = [];
    for (const change of changes) {
      this.#bytes -= this.#sizeOf(change.key);
      if (change.kind === "put") this.#cells.set(change.key, change.value);
      else this.#cells.delete(change.key);
      this.#bytes += this.#sizeOf(change.key);
      parts.push(Buffer.from(`${change.key}\0`), ...(change.kind === "put" ? [change.value] : []));
    }
    const payload = Buffer.concat(parts);
    this.#bytesSinceWhole += payload.length;
    if (this.#bytesSinceWhole <= this.#bytes) await this.#append(payload);
    else await this.#writeWhole();
  }

  cells(): Promise<number> {
    return Promise.resolve(this.#cells.size);
  }

  #sizeOf(key: string): number {
    const value = this.#cells.get(key);
    return value === undefined ? 0 : key.length + value.length;
  }

  async #writeWhole(): Promise<void> {
    const from = this.#log.next;
    const chunks: Uint8Array[][] = [[]];
    let bytes = 0;
    for (const [key, value] of this.#cells) {
      if (bytes > chunkBytes) {
        chunks.push([]);
        bytes = 0;
      }
      chunks.at(-1)?.push(Buffer.from(`${key}\0`), value);
      bytes += value.length;
    }
    await Promise.all(chunks.map((parts) => this.#append(Buffer.concat(parts))));
    this.#log.release(from);
    this.#bytesSinceWhole = 0;
  }

  #append(payload: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#log.append(payload, (failure) => (failure === undefined ? resolve() : reject(failure)));
    });
  }
}

async function checkpointFile(directory: string): Promise<Subject> {
  const options = { segmentBytes: 1024 * 1024, segmentsAhead: 1, capacityBytes: 64 * 1024 * 1024 };
  const described = { ...options, whenDiskIsFull: "fatal" as const, describe: () => new Uint8Array(0) };
  const { log } = await new DiskLogFiles(join(directory, "own")).open("state", described, () => undefined);
  return new CheckpointFile(log);
}

/** Does not compress. Xorshift, so that both see the same. */
function values(): (bytes: number) => Buffer {
  let state = 42;
  return (bytes) => {
    const value = Buffer.alloc(bytes);
    for (let i = 0; i < bytes; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      value[i] = state;
    }
    return value;
  };
}

async function day(subject: Subject, directory: string): Promise<Row> {
  const value = values();
  const put = (key: string, bytes: number): StorageChange => ({ kind: "put", key, value: value(bytes) });
  const cell = (i: number) => `cell/${String(i).padStart(5, "0")}`;
  const item = (i: number) => `item/${String(i).padStart(8, "0")}`;
  await subject.write(Array.from({ length: 2_000 }, (_, i) => put(cell(i), 500)));
  let [first, next, handed] = [0, 0, 0];
  const times: number[] = [];
  const before = deviceCounters(directory);
  for (let minute = 0; minute < minutes; minute++) {
    const changes = Array.from({ length: 100 }, (_, i) => put(cell((minute * 733 + i * 97) % 2_000), 300));
    for (let i = 0; i < 10; i++) changes.push(put(item(next++), 300));
    if (minute % 60 === 59) while (first < next) changes.push({ kind: "delete", key: item(first++) });
    for (const change of changes) handed += change.key.length + (change.kind === "put" ? change.value.length : 0);
    const start = performance.now();
    await subject.write(changes);
    times.push(performance.now() - start);
  }
  // The kernel writes its own records back every 5 s.
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  const device = between(before, deviceCounters(directory));
  assert((await subject.cells()) === 2_000, `${subject.name} holds the cells, and nothing of the outbox`);
  times.sort((a, b) => a - b);
  const fromDevice = device === undefined ? [null, null] : [device.bytes / 1e6, device.flushes];
  const [p50, worst] = [times[minutes / 2] ?? 0, times.at(-1) ?? 0];
  return { name: subject.name, values: [handed / 1e6, ...fromDevice, p50, worst] };
}

export const checkpoints: Bench = {
  question: "a day of checkpoints in LevelDB, against files of our own",
  run: async (directory) => {
    const before = cpuTimes();
    return {
      title: "a day of checkpoints",
      columns: [
        { name: "handed MB", digits: 1 },
        { name: "device MB", digits: 1 },
        { name: "flushes", digits: 0 },
        { name: "p50 ms", digits: 2 },
        { name: "worst ms", digits: 1 },
      ],
      rows: [await day(await levelDb(directory), directory), await day(await checkpointFile(directory), directory)],
      judgements: [],
      notes: ["bytes and flushes are those of the whole device", machineNote(before)],
    };
  },
};
