// A disk of a few MiB that can be filled: a tmpfs of its own, where the machine lets the test mount one.

import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const run = (program: string, ...args: string[]): boolean =>
  spawnSync(program, args, { env: { PATH: "/bin:/usr/bin:/sbin:/usr/sbin" } }).status === 0;

export class SmallDisk {
  readonly path: string;

  /** Fails where nothing may be mounted. `options`: of `mount`, such as `ro`. */
  constructor(mebibytes: number, options = "rw") {
    this.path = mkdtempSync(join(tmpdir(), "skein-disk-"));
    if (run("mount", "-t", "tmpfs", "-o", `size=${mebibytes}m,${options}`, "tmpfs", this.path)) return;
    rmdirSync(this.path);
    throw new Error("a small disk cannot be mounted");
  }

  /** Takes all the room that is left. */
  fill(): void {
    const descriptor = openSync(join(this.path, "ballast"), "a");
    for (let bytes = 1024 * 1024; bytes >= 1; ) {
      try {
        writeSync(descriptor, Buffer.alloc(bytes));
      } catch {
        bytes = Math.floor(bytes / 2);
      }
    }
    closeSync(descriptor);
  }

  /** Gives it back. */
  makeRoom(): void {
    rmSync(join(this.path, "ballast"), { force: true });
  }

  makeDirectory(name: string): string {
    const path = join(this.path, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Nobody may have a file of it open. */
  dispose(): void {
    if (!run("umount", this.path)) run("umount", "-l", this.path);
    rmdirSync(this.path);
  }
}

function mayMount(): boolean {
  try {
    new SmallDisk(1).dispose();
    return true;
  } catch {
    return false;
  }
}

/** Root may, unless a container forbids it. */
export const canMountDisks = mayMount();
