// RAFT-CASES 42: a recycled segment holds whole records of its former life, with good checksums.

import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blockBytes, decodeBatch } from "../../../src/host/log-file/batch-format.ts";
import { append, LogOnDisk } from "./log-on-disk.ts";

describe("a recycled segment", () => {
  let disk: LogOnDisk;

  beforeEach(() => {
    disk = new LogOnDisk({ segmentsAhead: 0, capacityBytes: 3 * 32 * 1024 });
  });
  afterEach(() => disk.remove());

  async function appendUntilRecycled(): Promise<string[]> {
    const { log } = await disk.open();
    const written: string[] = [];
    while (!disk.segments.some(({ header }) => header.cycle === 5)) {
      written.push(`payload ${log.next}`);
      expect(await append(log, `payload ${log.next}`)).toBeUndefined();
      log.release(log.next - 3);
    }
    await disk.abandon();
    return written;
  }

  it("never shows what its former life left behind the tail", async () => {
    const written = await appendUntilRecycled();
    const content = readFileSync(disk.newest.path);
    const stale = [];
    for (let at = 2 * blockBytes; at < content.length; at += blockBytes) {
      const batch = decodeBatch(content, at);
      if (batch !== undefined) stale.push(batch);
    }
    expect(stale.length).toBeGreaterThan(3);

    const { payloads, positions, recovery } = await disk.open();
    expect(recovery.next).toBe(written.length + 1);
    expect(positions.at(-1)).toBe(written.length);
    expect(payloads).toEqual(written.slice(recovery.first - 1));
    await disk.abandon();
    const cleaned = readFileSync(disk.newest.path);
    expect(cleaned.subarray(2 * blockBytes).every((byte) => byte === 0)).toBe(true);
  });

  it("does not take a stale batch with the expected number and position for its own (only the salt tells)", async () => {
    const written = await appendUntilRecycled();
    const { path, header } = disk.newest;
    // A batch that is right in everything but its life: cycle, number, position and checksum match.
    const { sealBatch } = await import("../../../src/host/log-file/batch-format.ts");
    disk.change(path, (content) => {
      const forged = Buffer.alloc(blockBytes);
      const head = { cycle: header.cycle, oldestCycle: header.oldestCycle, number: header.firstBatch + 1 };
      sealBatch(forged, Buffer.alloc(8, 1), { ...head, firstPosition: written.length + 1, count: 0, bytes: 48 });
      forged.copy(content, 2 * blockBytes);
    });
    expect((await disk.open()).recovery).toMatchObject({ next: written.length + 1, cutTail: false });
  });
});
