// What does one durable commit of 200 bytes cost: time, bytes to the device, flushes?
//
// All stores take turns in one run, so that a busy machine is busy for each of them.

import { constants, fdatasync, write } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "../src/base/errors.ts";
import type { LogFileOptions } from "../src/base/ports/log-file.ts";
import { LevelStorage } from "../src/host/level-storage.ts";
import { DiskLogFiles } from "../src/host/log-file/disk-log-files.ts";
import { between, deviceCounters } from "./support/device-counters.ts";
import { cpuTimes, machineNote } from "./support/machine.ts";
import type { Bench, Row } from "./support/report.ts";
import { quantile } from "./support/statistics.ts";

const rounds = 10;
const commitsPerRound = 300;
/** Until segments are recycled and no more are written ahead, as in any log that has run for a while. */
const warmUp = 1_500;
const commits = warmUp + rounds * commitsPerRound;
const payload = Buffer.alloc(200, 7);

interface Subject {
  readonly name: string;
  commit(): Promise<void>;
  /** Payloads that are there when the store is opened again. */
  count(): Promise<number>;
}

const logOptions: LogFileOptions = {
  segmentBytes: 1024 * 1024,
  segmentsAhead: 2,
  capacityBytes: 64 * 1024 * 1024,
  whenDiskIsFull: "fatal",
  describe: () => new Uint8Array(0),
};

async function logFile(directory: string): Promise<Subject> {
  const files = new DiskLogFiles(join(directory, "logs"));
  const { log } = await files.open("bench", logOptions, () => undefined);
  return {
    name: "skein's log file",
    commit: () =>
      new Promise((resolve, reject) => {
        const position = log.append(payload, (failure) => (failure ? reject(failure) : resolve()));
        log.release(position - 300);
      }),
    count: async () => {
      await log.close();
      const { log: again } = await files.open("bench", logOptions, () => undefined);
      await again.close();
      return again.next - 1;
    },
  };
}

async function levelDb(directory: string): Promise<Subject> {
  const storage = await LevelStorage.open(join(directory, "level"));
  let next = 0;
  return {
    name: "LevelDB, batch with sync",
    commit: () => storage.write([{ kind: "put", key: `key ${next++}`, value: payload }]),
    count: async () => (await storage.page({ from: "", to: "l" }, 1e6)).length,
  };
}

/** The floors: no format, no checksum, no recovery. */
async function bare(directory: string, kind: "append" | "ahead" | "ahead-dsync"): Promise<Subject> {
  const path = join(directory, kind);
  const isDsync = kind === "ahead-dsync";
  const step = kind === "append" ? payload.length : 4096;
  const block = Buffer.concat([payload, Buffer.alloc(step - payload.length)]);
  const filler = await open(path, "w");
  if (kind !== "append") await filler.write(Buffer.alloc(commits * step));
  await filler.sync();
  await filler.close();
  const handle = await open(path, isDsync ? constants.O_RDWR | constants.O_DSYNC : constants.O_RDWR);
  let at = 0;
  const names = {
    append: "bare append + fdatasync",
    ahead: "bare file written ahead + fdatasync",
    "ahead-dsync": "bare file written ahead, O_DSYNC",
  };
  return {
    name: names[kind],
    commit: () =>
      new Promise((resolve, reject) => {
        const end = (failure: Error | null) => (failure ? reject(failure) : resolve());
        write(handle.fd, block, 0, step, at, (failure) => {
          if (failure !== null || isDsync) end(failure);
          else fdatasync(handle.fd, end);
        });
        at += step;
      }),
    count: async () => {
      await handle.close();
      const content = await readFile(path);
      let count = 0;
      while (content.subarray(count * step, count * step + payload.length).equals(payload)) count += 1;
      return count;
    },
  };
}

export const store: Bench = {
  question: "time, bytes and flushes of one durable commit of 200 B",
  run: async (directory) => {
    const before = cpuTimes();
    const subjects = [await bare(directory, "append"), await bare(directory, "ahead")];
    if (process.platform === "linux") subjects.push(await bare(directory, "ahead-dsync"));
    subjects.push(await logFile(directory), await levelDb(directory));
    return {
      title: `one durable commit of ${payload.length} B`,
      columns: [
        { name: "p50 ms", digits: 3 },
        { name: "p99 ms", digits: 3 },
        { name: "bytes", digits: 0 },
        { name: "flushes", digits: 2 },
      ],
      rows: await measure(subjects, directory),
      judgements: [],
      notes: [
        `${rounds} rounds of ${commitsPerRound}, taking turns; bytes and flushes are those of the whole device`,
        machineNote(before),
      ],
    };
  },
};

async function measure(subjects: readonly Subject[], directory: string): Promise<Row[]> {
  const measured = subjects.map((subject) => ({
    subject,
    times: [] as number[],
    bytes: 0,
    flushes: 0,
    isCounted: true,
  }));
  for (const { subject } of measured) for (let i = 0; i < warmUp; i++) await subject.commit();
  for (let round = 0; round < rounds; round++) {
    for (const one of measured) {
      const before = deviceCounters(directory);
      for (let i = 0; i < commitsPerRound; i++) {
        const start = performance.now();
        await one.subject.commit();
        one.times.push(performance.now() - start);
      }
      const device = between(before, deviceCounters(directory));
      one.bytes += device?.bytes ?? 0;
      one.flushes += device?.flushes ?? 0;
      one.isCounted &&= device !== undefined;
    }
  }
  const rows: Row[] = [];
  for (const { subject, times, bytes, flushes, isCounted } of measured) {
    assert((await subject.count()) === commits, `${subject.name} has what it acknowledged`);
    const counted = isCounted ? [bytes / times.length, flushes / times.length] : [null, null];
    rows.push({ name: subject.name, values: [quantile(times, 0.5), quantile(times, 0.99), ...counted] });
  }
  return rows;
}
