// RAFT-CASES 13: a torn last record is fine; a torn record in the middle must refuse to start, loudly.

import { readFileSync, rmSync } from "node:fs";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blockBytes } from "../../../src/host/log-file/batch-format.ts";
import { append, LogOnDisk } from "./log-on-disk.ts";

const five = ["one", "two", "three", "four", "five"];
/** Bytes of a batch, by what they say. */
const regions = {
  magic: 0,
  checksum: 4,
  salt: 8,
  cycle: 16,
  "oldest cycle": 20,
  number: 24,
  "first position": 32,
  count: 40,
  length: 44,
  "payload length": 48,
  payload: 52,
};

describe("recovering a log", () => {
  let disk: LogOnDisk;

  beforeEach(() => {
    disk = new LogOnDisk();
  });
  afterEach(() => disk.remove());

  for (const [region, offset] of Object.entries(regions)) {
    it(`cuts a torn tail (last of five batches, ${region})`, async () => {
      await disk.write(five);
      disk.flip(disk.newest.path, 5 * blockBytes + offset);
      const { payloads, recovery } = await disk.open();
      expect(payloads).toEqual(five.slice(0, 4));
      expect(recovery.next).toBe(5);
      if (region !== "salt") expect(recovery.cutTail).toBe(true);
    });

    it(`refuses damage before the tail, naming file and offset (third of five batches, ${region})`, async () => {
      await disk.write(five);
      const { path } = disk.newest;
      disk.flip(path, 3 * blockBytes + offset);
      const message = expect.stringContaining(`${path} at byte ${3 * blockBytes}`);
      await expect(disk.open()).rejects.toMatchObject({ code: "log-damaged", message });
    });
  }

  it("refuses damage that zeroes a whole block before the tail", async () => {
    await disk.write(five);
    disk.change(disk.newest.path, (content) => content.fill(0, 2 * blockBytes, 3 * blockBytes));
    await expect(disk.open()).rejects.toMatchObject({ code: "log-damaged" });
  });

  it("does not take an earlier batch twice (the third of five, copied behind the tail)", async () => {
    await disk.write(five);
    disk.change(disk.newest.path, (content) => content.copy(content, 6 * blockBytes, 3 * blockBytes, 4 * blockBytes));
    expect((await disk.open()).payloads).toEqual(five);
  });

  describe("with three segments", () => {
    // 7 blocks of 8 hold a header and payloads, one batch each.
    const payloads = Array.from({ length: 15 }, (_, i) => `payload ${i + 1}`);

    beforeEach(() => disk.write(payloads));

    it("reads them all, in order", async () => {
      expect(disk.segments.length).toBe(3);
      expect((await disk.open()).payloads).toEqual(payloads);
    });

    it("takes no tail for torn but that of the newest (last batch of the first segment)", async () => {
      const [{ path } = disk.newest] = disk.segments;
      disk.flip(path, 6 * blockBytes + regions.payload);
      const message = expect.stringContaining(`${path} at byte ${6 * blockBytes}`);
      await expect(disk.open()).rejects.toMatchObject({ code: "log-damaged", message });
    });

    for (const [i, name] of ["oldest", "middle", "newest"].entries()) {
      it(`misses the ${name} segment when its header is unreadable, and names the file`, async () => {
        const { path } = disk.segments[i] ?? disk.newest;
        disk.flip(path, 20);
        const message = expect.stringContaining(path);
        await expect(disk.open()).rejects.toMatchObject({ code: "log-damaged", message });
      });
    }

    it("misses a segment whose file is gone (the middle one)", async () => {
      rmSync(disk.segments[1]?.path ?? "");
      const message = expect.stringContaining("segment of cycle 2 is missing");
      await expect(disk.open()).rejects.toMatchObject({ code: "log-damaged", message });
    });

    it("refuses a segment of an unknown format, saying what to do", async () => {
      const { path } = disk.newest;
      const { crc32 } = await import("../../../src/base/hash.ts");
      disk.change(path, (content) => {
        content.writeUInt16LE(9, 4);
        content.writeUInt32LE(crc32(content.subarray(48, blockBytes), crc32(content.subarray(0, 40))), 40);
      });
      const message = expect.stringContaining("newer version");
      await expect(disk.open()).rejects.toMatchObject({ code: "data-directory-unusable", message });
    });

    it("goes on in what is there when a segment's header was torn while it began", async () => {
      const { path, header } = disk.newest;
      // As if the power had failed in the middle of the newest header: nothing was written behind it.
      disk.change(path, (content) => content.fill(0xff, 100).fill(0, blockBytes));
      const { log, payloads: found } = await disk.open();
      expect(found).toEqual(payloads.slice(0, header.firstPosition - 1));
      expect(await append(log, "on")).toBeUndefined();
      await disk.abandon();
      expect((await disk.open()).payloads).toEqual([...found, "on"]);
    });
  });

  it("forgets a cut tail for good (cut in its third block, append, recover)", async () => {
    const large = Buffer.alloc(3 * blockBytes, 7);
    await disk.write(["one", "two", large]);
    const { path } = disk.newest;
    disk.flip(path, 5 * blockBytes);

    const first = await disk.open();
    expect(first.recovery).toMatchObject({ cutTail: true, next: 3 });
    expect(
      readFileSync(path)
        .subarray(3 * blockBytes)
        .every((byte) => byte === 0),
    ).toBe(true);
    await append(first.log, "three");
    await disk.abandon();
    expect((await disk.open()).payloads).toEqual(["one", "two", "three"]);
    await disk.abandon();
  });

  it("never passes a wrong payload off as right (random flips: an exact prefix, or a refusal)", async () => {
    const outcomes = { prefix: 0, whole: 0, refused: 0 };
    const payloads = Array.from({ length: 20 }, (_, i) => `payload ${i + 1} `.repeat(1 + (i % 7) * 60));
    await disk.write(payloads);
    const originals = disk.paths.map((path) => ({ path, content: readFileSync(path) }));
    const flip = fc.record({ file: fc.nat(originals.length - 1), bit: fc.nat(32 * 1024 * 8 - 1) });
    const property = fc.asyncProperty(fc.array(flip, { minLength: 1, maxLength: 3 }), async (flips) => {
      for (const { path, content } of originals) disk.change(path, (now) => content.copy(now));
      for (const { file, bit } of flips) {
        // Most of a file is padding: flips go to the first bytes of a block.
        const offset = (bit >> 3) - ((bit >> 3) % blockBytes) + ((bit >> 3) % 200);
        disk.change(originals[file]?.path ?? "", (now) =>
          now.writeUInt8(now.readUInt8(offset) ^ (1 << (bit & 7)), offset),
        );
      }
      try {
        const { payloads: found, positions } = await disk.open();
        expect(positions).toEqual(found.map((_, i) => i + 1));
        expect(found).toEqual(payloads.slice(0, found.length));
        outcomes[found.length === payloads.length ? "whole" : "prefix"] += 1;
      } catch (failure) {
        expect(failure).toMatchObject({ code: "log-damaged" });
        outcomes.refused += 1;
      } finally {
        await disk.abandon();
      }
    });
    await fc.assert(property, { numRuns: 150, seed: 42 });
    expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(0);
  }, 20_000);
});
