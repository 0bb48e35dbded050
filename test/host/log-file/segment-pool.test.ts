// Surplus files are removed while the log goes on. Found in review: a removal that was still under way when the log was
// closed took a file away that the next life had found and counted on.

import { readdirSync } from "node:fs";
import type * as FileSystemPromises from "node:fs/promises";
import { expect, it, vi } from "vitest";
import { DiskLogFiles } from "../../../src/host/log-file/disk-log-files.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { append, smallLog } from "./log-on-disk.ts";

/** Removing waits until the disk gets round to it. */
const slowDisk = vi.hoisted(() => ({ turn: Promise.resolve() }));

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof FileSystemPromises>();
  return { ...real, unlink: (path: string) => slowDisk.turn.then(() => real.unlink(path)) };
});

it("gives surplus files back to the disk, and is not closed before (13 segments released at once, slow disk)", async () => {
  const directory = temporaryDirectory();
  const files = new DiskLogFiles(directory.path);
  const { log } = await files.open(
    "log",
    { ...smallLog, segmentsAhead: 0, capacityBytes: 512 * 1024 },
    () => undefined,
  );
  for (let i = 0; i < 78; i++) expect(await append(log, Buffer.alloc(4_000))).toBeUndefined();
  expect(log.usage().segments).toBe(13);
  log.release(log.next);
  let getRound: () => void = () => undefined;
  slowDisk.turn = new Promise((resolve) => {
    getRound = resolve;
  });
  // The sync after which the files are free.
  expect(await append(log, "sync")).toBeUndefined();

  const closing = log.close().then(() => "closed");
  const patience = new Promise((resolve) => setTimeout(resolve, 100, "waits"));
  expect(await Promise.race([closing, patience])).toBe("waits");
  getRound();
  await closing;
  expect(readdirSync(`${directory.path}/log`).length).toBe(9);
  expect(log.usage().bytes).toBe(9 * smallLog.segmentBytes);
  directory.remove();
});
