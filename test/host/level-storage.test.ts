// What LevelDB does that the compliance suite cannot ask of a twin.

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { LevelStorage } from "../../src/host/level-storage.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

it("is opened once at a time", async () => {
  const directory = temporaryDirectory();
  const storage = await LevelStorage.open(directory.path);
  await expect(LevelStorage.open(directory.path)).rejects.toMatchObject({ code: "data-directory-locked" });
  await storage.close();
  await (await LevelStorage.open(directory.path)).close();
  directory.remove();
});

const isRoot = process.getuid?.() === 0;

it.skipIf(!isRoot || process.platform !== "linux")(
  "fails with disk-full, and writes again once there is room (LevelDB alone would not; needs root on Linux)",
  async () => {
    const directory = temporaryDirectory();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory.path]);
    try {
      const filler = join(directory.path, "filler");
      writeFileSync(filler, Buffer.alloc(600 * 1024));
      const storage = await LevelStorage.open(join(directory.path, "store"));
      // Does not compress: LevelDB would keep thousands of others in little room.
      const value = randomBytes(9_000);
      const kept: string[] = [];
      const fillUp = async () => {
        for (;;) {
          const key = `key ${kept.length}`;
          await storage.write([{ kind: "put", key, value }]);
          kept.push(key);
        }
      };
      await expect(fillUp()).rejects.toMatchObject({ code: "disk-full" });
      expect(kept.length).toBeGreaterThan(5);
      rmSync(filler);
      await storage.write([{ kind: "put", key: "after", value }]);
      for (const key of [...kept, "after"])
        expect(value.equals((await storage.get(key)) ?? Buffer.alloc(0))).toBe(true);
      await storage.close();
    } finally {
      execFileSync("umount", [directory.path]);
      directory.remove();
    }
  },
);
