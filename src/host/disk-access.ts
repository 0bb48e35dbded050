// The few ways in which the stores touch the file system, and what their failures are called.

import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { isSkeinError, SkeinError } from "../base/errors.ts";

/**
 * On Linux a write to a descriptor opened with O_DSYNC returns when it is durable: one trip through the thread pool
 * instead of two (bench/store.ts: p50 0.14 instead of 0.17 ms). Elsewhere the flag is absent or promises less.
 */
export const isWriteDurable = process.platform === "linux";
export const durableWriteFlags = isWriteDurable ? constants.O_RDWR | constants.O_DSYNC : constants.O_RDWR;

const fullCodes = new Set(["ENOSPC", "EDQUOT"]);

/** `disk-full` or `disk-failed`, saying what was attempted on which file. */
export function diskFailure(what: string, path: string, cause: unknown): SkeinError {
  if (isSkeinError(cause)) return cause;
  const code = errorCode(cause);
  // No file system call made it: a broken invariant goes on its way.
  if (code === "") throw cause;
  if (fullCodes.has(code)) {
    return new SkeinError("disk-full", `${what} ${path}: no room left; free some space on this file system`, cause);
  }
  return new SkeinError("disk-failed", `${what} ${path}: ${code}`, cause);
}

/** What the operating system called it; empty for anything else. */
export function errorCode(cause: unknown): string {
  if (!(cause instanceof Error) || !("syscall" in cause) || !("code" in cause)) return "";
  return typeof cause.code === "string" ? cause.code : "";
}

/** Makes a new, renamed or removed name durable. Windows has no such call and needs none. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function writeAll(handle: FileHandle, data: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const { bytesWritten } = await handle.write(data, done, data.length - done, position + done);
    done += bytesWritten;
  }
}

/**
 * Creates `path` and what is missing above it, for this user only. Not `mkdir({ recursive })`: under /proc that never returns
 * (seen on Node 20.20).
 */
export async function ensureDirectory(path: string): Promise<void> {
  try {
    await makeDirectory(path);
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT" || dirname(path) === path) throw cause;
    await ensureDirectory(dirname(path));
    await makeDirectory(path);
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (cause) {
    if (errorCode(cause) === "EEXIST") return;
    throw cause;
  }
  await syncDirectory(dirname(path));
}

/** After a power cut the file holds either what it held before or `content`. Two syncs. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const draft = `${path}.new`;
  const handle = await open(draft, "w", 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, path);
  await syncDirectory(dirname(path));
}
