// Which card a data directory lies on, so that a copied card is found out (PROTOCOLS, "Losing its past").
//
// Linux: the block device behind the directory, through sysfs: an SD card's CID, a drive's serial or WWID; failing these
// the file system's UUID, which a byte-for-byte copy shares, but a fresh image does not. Anything else: unknown.

import { readdir, readFile, readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Never counts as changed. */
export const unknownSerial = "unknown";

interface StorageSerialOptions {
  /** `/sys`; another root in tests. */
  readonly sysRoot?: string;
  /** `/dev`; another root in tests. */
  readonly devRoot?: string;
}

/** `kind:serial`, or `unknown`. Never fails: a device without this evidence works, it only cannot tell a copy. */
export async function storageSerial(path: string, options: StorageSerialOptions = {}): Promise<string> {
  const { sysRoot = "/sys", devRoot = "/dev" } = options;
  try {
    const { dev } = await stat(path);
    const block = await realpath(join(sysRoot, "dev", "block", deviceNumbers(dev)));
    // A partition's directory lies in that of its disk.
    const isPartition = (await readText(join(block, "partition"))) !== undefined;
    const disk = isPartition ? dirname(block) : block;
    for (const [kind, file] of evidence) {
      const serial = await readText(join(disk, file));
      if (serial !== undefined && serial !== "") return `${kind}:${serial}`;
    }
    return await fileSystemUuid(devRoot, basename(block));
  } catch {
    return unknownSerial;
  }
}

const evidence = [
  ["cid", "device/cid"],
  ["serial", "device/serial"],
  ["serial", "serial"],
  ["wwid", "device/wwid"],
  ["wwid", "wwid"],
] as const;

/** Evidence of two kinds says nothing: a container sees less than its host. */
export function isOtherStorage(before: string, now: string): boolean {
  const kind = (serial: string) => serial.slice(0, serial.indexOf(":") + 1);
  return before !== now && kind(before) !== "" && kind(before) === kind(now);
}

/** `major:minor` of Linux's device number (glibc, sys/sysmacros.h). */
export function deviceNumbers(device: number): string {
  const number = BigInt(device);
  const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & 0xfffff000n);
  const minor = (number & 0xffn) | ((number >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

async function fileSystemUuid(devRoot: string, device: string): Promise<string> {
  const directory = join(devRoot, "disk", "by-uuid");
  for (const uuid of await readdir(directory)) {
    if (basename(await readlink(join(directory, uuid))) === device) return `uuid:${uuid}`;
  }
  return unknownSerial;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch {
    return undefined;
  }
}
