// A failed write is never repeated: it ends the log. A full disk is met while reserving, not while committing.

import { execFileSync } from "node:child_process";
import { constants, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LogFileOptions } from "../../../src/base/ports/log-file.ts";
import { DiskLogFile } from "../../../src/host/log-file/disk-log-file.ts";
import { DiskLogFiles } from "../../../src/host/log-file/disk-log-files.ts";
import { SegmentPool } from "../../../src/host/log-file/segment-pool.ts";
import { recoverSegments } from "../../../src/host/log-file/segment-recovery.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { append, LogOnDisk, smallLog } from "./log-on-disk.ts";

it("a failed write poisons the log: every later append fails with the same error and nothing is written", async () => {
  const disk = new LogOnDisk();
  await disk.write(["one"]);
  const { path } = disk.newest;
  const found = await recoverSegments(join(path, ".."), smallLog.segmentBytes, () => undefined);
  const pool = new SegmentPool({ directory: join(path, ".."), ...smallLog, filesMax: 8 }, found);
  // A descriptor that may only read refuses every write.
  const handle = await open(path, "r");
  const log = new DiskLogFile({ name: "log", options: smallLog, pool, handle, next: found.nextPosition, ...found });

  const failures = await Promise.all(["two", "three"].map((payload) => append(log, payload)));
  expect(failures[0]).toMatchObject({ code: "disk-failed", message: expect.stringContaining(path) });
  expect(failures[1]).toBe(failures[0]);
  expect(await append(log, "four")).toBe(failures[0]);
  expect(log.usage().bytesWritten).toBe(0);
  await log.close();
  await disk.abandon();
  expect((await disk.open()).payloads).toEqual(["one"]);
  await disk.remove();
});

it.skipIf(process.platform !== "linux")(
  "writes so that the kernel answers only when it is durable (O_DSYNC; Linux)",
  async () => {
    const disk = new LogOnDisk();
    await disk.write(["one"]);
    const { log } = await disk.open();
    const { path } = disk.newest;
    const descriptors = readdirSync("/proc/self/fd").filter((name) => {
      try {
        return readlinkSync(`/proc/self/fd/${name}`) === path;
      } catch {
        return false;
      }
    });
    expect(descriptors.length).toBe(1);
    const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${descriptors[0]}`, "utf8"))?.[1] ?? "0";
    expect(Number.parseInt(flags, 8) & constants.O_DSYNC).toBe(constants.O_DSYNC);
    await log.close();
    await disk.remove();
  },
);

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot || process.platform !== "linux")("a full disk (a tmpfs of 1 MB; needs root on Linux)", () => {
  const options: LogFileOptions = { ...smallLog, segmentBytes: 128 * 1024, capacityBytes: 4 * 1024 * 1024 };
  let directory: ReturnType<typeof temporaryDirectory>;
  let files: DiskLogFiles;

  beforeEach(() => {
    directory = temporaryDirectory();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory.path]);
    files = new DiskLogFiles(join(directory.path, "logs"));
  });
  afterEach(async () => {
    await files.abandon();
    execFileSync("umount", [directory.path]);
    directory.remove();
  });

  const fillUp = (path: string) => {
    try {
      for (let i = 0; ; i++) writeFileSync(join(path, `filler-${i}`), Buffer.alloc(4_096));
    } catch {
      // full
    }
  };
  const empty = (path: string) => execFileSync("sh", ["-c", `rm -f ${path}/filler-*`]);

  it("lets the log go on in what is reserved, then fails it for good (fatal)", async () => {
    const { log } = await files.open("log", options, () => undefined);
    await append(log, "the first segment begins, the next is reserved");
    await log.close();
    const again = await files.open("log", options, () => undefined);
    fillUp(directory.path);
    let failure: Awaited<ReturnType<typeof append>>;
    let count = 0;
    while (failure === undefined) {
      failure = await append(again.log, Buffer.alloc(10_000));
      count += 1;
    }
    // What is left of two segments of 128 KB.
    expect(count).toBeGreaterThan(15);
    expect(failure).toMatchObject({ code: "disk-full", message: expect.stringContaining("no room left") });
    empty(directory.path);
    expect(await append(again.log, "late")).toBe(failure);
  });

  it("refuses what no longer fits, takes more once there is room, and keeps all it took (refuse)", async () => {
    const refusing = { ...options, whenDiskIsFull: "refuse" } as const;
    const { log } = await files.open("log", refusing, () => undefined);
    await append(log, "1");
    fillUp(directory.path);
    while ((await append(log, Buffer.alloc(10_000))) === undefined) {
      // until the disk is full
    }
    const { next } = log;
    expect((await append(log, Buffer.alloc(10_000)))?.code).toBe("disk-full");
    expect(log.next).toBe(next);
    empty(directory.path);
    expect(await append(log, "room again")).toBeUndefined();
    await files.abandon();
    files = new DiskLogFiles(join(directory.path, "logs"));
    const positions: number[] = [];
    await files.open("log", refusing, ({ position }) => positions.push(position));
    expect(positions).toEqual(Array.from({ length: next }, (_, i) => i + 1));
  });

  it("fails to open a new log on a full disk, and opens an old one", async () => {
    const { log } = await files.open("old", options, () => undefined);
    await append(log, "one");
    await log.close();
    mkdirSync(join(directory.path, "logs", "new"));
    fillUp(directory.path);
    const opening = files.open("new", options, () => undefined);
    await expect(opening).rejects.toMatchObject({ code: "disk-full" });
    const { log: old, recovery } = await files.open("old", options, () => undefined);
    expect(recovery.next).toBe(2);
    expect(await append(old, "two")).toBeUndefined();
  });
});
