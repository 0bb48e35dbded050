// PROTOCOLS, "Joining, incarnations, bootstrap": what a data directory says about itself, and when it is somebody else.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { crc32 } from "../../src/base/hash.ts";
import { deviceId, siteId } from "../../src/base/ids.ts";
import type { LogFileOptions } from "../../src/base/ports/log-file.ts";
import { type HostDataDirectory, openDataDirectory } from "../../src/host/data-directory.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const options: LogFileOptions = {
  segmentBytes: 64 * 1024,
  segmentsAhead: 1,
  capacityBytes: 1024 * 1024,
  whenDiskIsFull: "fatal",
  describe: () => new Uint8Array(0),
};
const isRoot = process.getuid?.() === 0;

const owner = { site: siteId("farm"), device: deviceId("pi-1") };

describe("a data directory", () => {
  let root: ReturnType<typeof temporaryDirectory>;
  let path: string;
  let open: HostDataDirectory[];

  beforeEach(() => {
    root = temporaryDirectory();
    path = join(root.path, "site", "device");
    open = [];
  });
  afterEach(async () => {
    for (const directory of open) await directory.abandon();
    root.remove();
  });

  async function start(serial = "cid:one", as: Partial<typeof owner> = {}): Promise<HostDataDirectory> {
    const directory = await openDataDirectory(path, { ...owner, ...as }, async () => serial);
    open.push(directory);
    return directory;
  }

  async function append(directory: HostDataDirectory, name: string, payload: string) {
    const { log } = await directory.logFiles.open(name, options, () => undefined);
    await new Promise((resolve) => log.append(Buffer.from(payload), resolve));
    await log.close();
  }

  async function contents(directory: HostDataDirectory, name: string): Promise<string[]> {
    const payloads: string[] = [];
    const { log } = await directory.logFiles.open(name, options, ({ payload }) => {
      payloads.push(Buffer.from(payload).toString());
    });
    await log.close();
    return payloads;
  }

  it("is created with an incarnation of its own, for this user only, and counts its starts", async () => {
    const first = await start();
    expect(first.origin).toBe("created");
    expect(first.identity).toMatchObject({ session: 1, storageSerial: "cid:one" });
    expect(first.identity.incarnation).toMatch(/^[0-9a-f]{32}$/);
    if (process.platform !== "win32") expect(statSync(path).mode & 0o777).toBe(0o700);
    await first.close();
    await first.close();
    const second = await start();
    expect(second.origin).toBe("found");
    expect(second.identity).toMatchObject({ session: 2, incarnation: first.identity.incarnation });
  });

  it("keeps generation, logs and state from start to start, also without a clean end", async () => {
    const first = await start();
    await first.saveGeneration({ number: 1, nonce: "ab".repeat(16) });
    await append(first, "raft", "entry");
    await append(first, "readings", "reading");
    await first.storage.write([{ kind: "put", key: "state", value: Buffer.from("1") }]);
    await first.abandon();
    const second = await start();
    expect(second.identity.generation).toEqual({ number: 1, nonce: "ab".repeat(16) });
    expect(await contents(second, "raft")).toEqual(["entry"]);
    expect(await contents(second, "readings")).toEqual(["reading"]);
    expect(Buffer.from((await second.storage.get("state")) ?? []).toString()).toBe("1");
  });

  it("starts a new incarnation empty, but with its readings, and names the old one", async () => {
    const directory = await start();
    const old = directory.identity.incarnation;
    await append(directory, "raft", "entry");
    await append(directory, "readings", "reading");
    await directory.storage.write([{ kind: "put", key: "state", value: Buffer.from("1") }]);
    await directory.newIncarnation();
    expect(directory.identity.was).toEqual([old]);
    expect(directory.identity.incarnation).not.toBe(old);
    expect(directory.identity.session).toBe(1);
    expect(await contents(directory, "raft")).toEqual([]);
    expect(await directory.storage.get("state")).toBeUndefined();
    expect(await contents(directory, "readings")).toEqual(["reading"]);
    await directory.close();
    const again = await start();
    expect(again.identity).toMatchObject({ was: [old], incarnation: directory.identity.incarnation, session: 2 });
    expect(existsSync(join(path, "incarnations", old, "logs", "raft"))).toBe(true);
  });

  it("fills the stores of a new incarnation before it is the one, and leaves the old one if that fails", async () => {
    const directory = await start();
    const { incarnation: old } = directory.identity;
    await append(directory, "raft", "entry");
    await directory.storage.write([{ kind: "put", key: "state", value: Buffer.from("1") }]);
    const failing = directory.newIncarnation({ fill: () => Promise.reject(new Error("no room")) });
    await expect(failing).rejects.toThrow("no room");
    expect(directory.identity.incarnation).toBe(old);
    expect(Buffer.from((await directory.storage.get("state")) ?? []).toString()).toBe("1");
    const generation = { number: 2, nonce: "cd".repeat(16) };
    await directory.newIncarnation({
      generation,
      fill: async ({ storage, logFiles }) => {
        await storage.write([{ kind: "put", key: "state", value: Buffer.from("2") }]);
        const { log } = await logFiles.open("raft", options, () => undefined);
        await new Promise<void>((done) => log.append(Buffer.from("first"), () => done()));
        await log.close();
      },
    });
    await directory.close();
    const again = await start();
    expect(again.identity).toMatchObject({ generation, was: [old] });
    expect(await contents(again, "raft")).toEqual(["first"]);
    expect(Buffer.from((await again.storage.get("state")) ?? []).toString()).toBe("2");
  });

  it("keeps a bounded number of incarnations set aside (6 changes)", async () => {
    const directory = await start();
    for (let i = 0; i < 6; i++) await directory.newIncarnation();
    const kept = readdirSync(join(path, "incarnations"));
    expect(kept.length).toBe(4);
    expect(kept).toContain(directory.identity.incarnation);
    expect(kept).toContain(directory.identity.was[0]);
  });

  it("takes a new incarnation on another card, and none when the serial cannot be read", async () => {
    const first = await start("cid:one");
    await append(first, "raft", "entry");
    await first.close();
    const blind = await start("unknown");
    expect(blind.origin).toBe("found");
    await blind.close();
    const copy = await start("cid:two");
    expect(copy.origin).toBe("copied");
    expect(copy.identity).toMatchObject({ was: [first.identity.incarnation], storageSerial: "cid:two", session: 3 });
    expect(await contents(copy, "raft")).toEqual([]);
    await copy.close();
    expect((await start("cid:two")).origin).toBe("found");
  });

  it("takes a new incarnation when its identity is damaged, and keeps what was there (one digit flipped)", async () => {
    const first = await start();
    await first.close();
    const file = join(path, "identity.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"session": 1', '"session": 3'));
    const second = await start();
    expect(second.origin).toBe("damaged");
    expect(second.identity).toMatchObject({ session: 1 });
    expect(second.identity.incarnation).not.toBe(first.identity.incarnation);
    expect(existsSync(`${file}.damaged`)).toBe(true);
    expect(readdirSync(join(path, "incarnations"))).toContain(first.identity.incarnation);
  });

  it("takes a new incarnation when its state cannot be opened, and opens with a damaged lock", async () => {
    const first = await start();
    await first.storage.write([{ kind: "put", key: "state", value: Buffer.from("1") }]);
    await append(first, "readings", "reading");
    await first.close();
    for (const store of [join("incarnations", first.identity.incarnation, "storage"), "lock"]) {
      writeFileSync(join(path, store, "CURRENT"), "garbage");
    }
    const second = await start();
    expect(second.origin).toBe("damaged");
    expect(second.identity).toMatchObject({ was: [first.identity.incarnation], session: 2 });
    expect(await second.storage.get("state")).toBeUndefined();
    expect(await contents(second, "readings")).toEqual(["reading"]);
    expect(readdirSync(join(path, "incarnations"))).toContain(first.identity.incarnation);
  });

  it("lets in one agent at a time (same process, another process), and the next one right after a kill -9", async () => {
    const directory = await start();
    await expect(start()).rejects.toMatchObject({
      code: "data-directory-locked",
      message: expect.stringContaining(path),
    });
    await directory.close();
    const module = new URL("../../dist/src/host/data-directory.js", import.meta.url).pathname;
    const body = `import { openDataDirectory } from "${module}"; await openDataDirectory("${path}", { site: "farm", device: "pi-1" }); console.log("open"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", body], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    await expect(start()).rejects.toMatchObject({ code: "data-directory-locked" });
    child.kill("SIGKILL");
    await once(child, "close");
    expect((await start("unknown")).identity.session).toBe(3);
  });

  it.each([
    ["another device", { device: deviceId("pi-2") }],
    ["another site", { site: siteId("barn") }],
  ])(
    "is refused under another name, and untouched, because it holds votes and numbered readings [%s]",
    async (_, as) => {
      const { identity } = await start();
      await open[0]?.close();
      const file = join(path, "identity.json");
      const before = readFileSync(file, "utf8");
      await expect(start("cid:one", as)).rejects.toMatchObject({
        code: "data-directory-unusable",
        message: expect.stringMatching(
          /belongs to device pi-1 of site farm, not to pi-\d of \w+: start it under that name/,
        ),
      });
      expect(readFileSync(file, "utf8")).toBe(before);
      expect((await start()).identity).toMatchObject({ incarnation: identity.incarnation, session: 2 });
    },
  );

  it("of a time before it said whose it is belongs to who opens it first", async () => {
    const { identity } = await start();
    await open[0]?.close();
    const file = join(path, "identity.json");
    const body = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    for (const key of ["owner", "check"]) Reflect.deleteProperty(body, key);
    writeFileSync(file, JSON.stringify({ ...body, check: crc32(Buffer.from(JSON.stringify(body))) }));
    expect((await start("cid:one", { device: deviceId("pi-2") })).identity.incarnation).toBe(identity.incarnation);
    await open[1]?.close();
    await expect(start()).rejects.toMatchObject({ code: "data-directory-unusable" });
  });

  it("adds up what it writes", async () => {
    const directory = await start();
    const before = directory.usage();
    await append(directory, "readings", "reading");
    await directory.storage.write([{ kind: "put", key: "key", value: Buffer.from("value") }]);
    await directory.newIncarnation();
    const after = directory.usage();
    expect(after.bytesWritten - before.bytesWritten).toBeGreaterThan(64 * 1024);
    expect(after.syncs - before.syncs).toBeGreaterThanOrEqual(4);
  });

  describe("says in one message what is wrong with a path that cannot be used", () => {
    const message = (why: string) => ({ code: "data-directory-unusable", message: expect.stringContaining(why) });

    it("a file in the way", async () => {
      writeFileSync(join(root.path, "site"), "");
      await expect(start()).rejects.toMatchObject(message(`${path} cannot be used: a part of the path is a file`));
    });

    it.skipIf(process.platform !== "linux")("a place where nothing can be created (/proc)", async () => {
      await expect(openDataDirectory("/proc/skein/data", owner)).rejects.toMatchObject(message("cannot be created"));
    });

    it.skipIf(isRoot)("a directory of another user (not as root)", async () => {
      chmodSync(root.path, 0o500);
      await expect(start()).rejects.toMatchObject(message("this user may not write there"));
      chmodSync(root.path, 0o700);
    });

    it.skipIf(!isRoot || process.platform !== "linux")(
      "read-only and full file systems (needs root on Linux)",
      async () => {
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", root.path]);
        try {
          await (await start()).close();
          execFileSync("mount", ["-o", "remount,ro", root.path]);
          await expect(start()).rejects.toMatchObject(message("mounted read-only"));
          execFileSync("mount", ["-o", "remount,rw", root.path]);
          expect(() => writeFileSync(join(root.path, "filler"), Buffer.alloc(256 * 1024))).toThrow("ENOSPC");
          await expect(start()).rejects.toMatchObject(message("the file system is full"));
        } finally {
          execFileSync("umount", [root.path]);
        }
      },
    );
  });
});
