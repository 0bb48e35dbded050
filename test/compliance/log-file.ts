// What every LogFiles must do, the real one and the simulated one alike.

import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SkeinError } from "../../src/base/errors.ts";
import type { LogFile, LogFileOptions, LogFiles, LogRecord, LogRecovery } from "../../src/base/ports/log-file.ts";

export interface LogFilesFixture {
  /** The logs of the present life. */
  readonly files: LogFiles;
  /** Lets the world go on until `promise` is settled. */
  settle<T>(promise: Promise<T>): Promise<T>;
  /** What was not synced is lost; `files` is the next life. */
  cutPower(): Promise<void>;
  dispose(): Promise<void>;
}

interface Opened {
  readonly log: LogFile;
  readonly recovery: LogRecovery;
  readonly recovered: readonly LogRecord[];
}

const options: LogFileOptions = {
  segmentBytes: 64 * 1024,
  segmentsAhead: 1,
  capacityBytes: 512 * 1024,
  whenDiskIsFull: "fatal",
  describe: (first) => Buffer.from(`before ${first}`),
};

/** For real disks on busy machines. */
const slow = { timeout: 30_000 };

const text = ({ payload }: LogRecord) => Buffer.from(payload).toString();
const bytesOf = (length: number, seed: number) => new Uint8Array(length).fill(seed % 251);

export function logFileCompliance(kind: string, create: () => Promise<LogFilesFixture>): void {
  describe(`a log file (${kind})`, () => {
    let fixture: LogFilesFixture;

    beforeEach(async () => {
      fixture = await create();
    });
    afterEach(() => fixture.dispose());

    async function open(overrides: Partial<LogFileOptions> = {}): Promise<Opened> {
      const recovered: LogRecord[] = [];
      const opening = fixture.files.open("raft", { ...options, ...overrides }, (record) => recovered.push(record));
      return { ...(await fixture.settle(opening)), recovered };
    }

    function append(log: LogFile, payload: Uint8Array | string): Promise<SkeinError | undefined> {
      return fixture.settle(new Promise((resolve) => log.append(Buffer.from(payload), resolve)));
    }

    function read(log: LogFile, from: number, maxBytes = 1_000) {
      const reading = new Promise<{ failure: SkeinError | undefined; records: readonly LogRecord[] }>((resolve) => {
        log.read(from, maxBytes, (failure, records) => resolve({ failure, records }));
      });
      return fixture.settle(reading);
    }

    it("is empty at first (nothing recovered, next position 1)", async () => {
      const { recovery, recovered, log } = await open();
      expect(recovery).toEqual({ description: undefined, first: 1, next: 1, cutTail: false });
      expect(recovered).toEqual([]);
      expect(log.next).toBe(1);
    });

    it("numbers payloads and answers in the order of appending, never before append returns", async () => {
      const { log } = await open();
      const answered: number[] = [];
      let hasReturned = false;
      const all = new Promise<void>((resolve) => {
        for (let position = 1; position <= 100; position++) {
          const given = log.append(bytesOf(300, position), () => {
            expect(hasReturned).toBe(true);
            answered.push(position);
            if (position === 100) resolve();
          });
          expect(given).toBe(position);
        }
      });
      hasReturned = true;
      await fixture.settle(all);
      expect(answered).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    });

    it("writes payloads that wait together as one batch (100 appends, one sync)", async () => {
      const { log } = await open({ segmentsAhead: 0 });
      await append(log, "begins the segment");
      const before = log.usage().syncs;
      const all = new Promise((resolve) => {
        for (let i = 1; i <= 100; i++) log.append(bytesOf(10, i), i === 100 ? resolve : () => undefined);
      });
      await fixture.settle(all);
      expect(log.usage().syncs - before).toBe(1);
    });

    it("gives back what was appended after closing and opening, empty payloads too", async () => {
      const { log } = await open();
      for (const payload of ["one", "", "three"]) await append(log, payload);
      await fixture.settle(log.close());
      const again = await open();
      expect(again.recovered.map(text)).toEqual(["one", "", "three"]);
      expect(again.recovered.map(({ position }) => position)).toEqual([1, 2, 3]);
      expect(again.recovery).toMatchObject({ first: 1, next: 4, cutTail: false });
      expect(Buffer.from(again.recovery.description ?? []).toString()).toBe("before 1");
    });

    it("closing waits for what was appended, and later appends fail", async () => {
      const { log } = await open();
      let answers = 0;
      for (let i = 0; i < 10; i++) log.append(bytesOf(10, i), () => (answers += 1));
      await fixture.settle(log.close());
      expect(answers).toBe(10);
      expect((await append(log, "late"))?.code).toBe("disk-failed");
    });

    it("refuses a payload that no segment holds and a name or a size that makes no sense", async () => {
      const { log } = await open();
      expect((await append(log, bytesOf(options.segmentBytes, 1)))?.code).toBe("invalid-argument");
      await append(log, "fits");
      expect(log.next).toBe(2);
      const odd = fixture.files.open("../raft", options, () => undefined);
      await expect(fixture.settle(odd)).rejects.toMatchObject({ code: "invalid-name" });
      await expect(open({ segmentBytes: 4096 })).rejects.toMatchObject({ code: "invalid-argument" });
      await expect(open({ capacityBytes: 64 * 1024 })).rejects.toMatchObject({ code: "invalid-argument" });
    });

    it("takes the largest payload that it says it takes (a whole segment)", async () => {
      const { log } = await open();
      const refusal = await append(log, bytesOf(options.segmentBytes, 1));
      const most = Number(/(\d+) are the most/.exec(refusal?.message ?? "")?.[1] ?? log.usage().bytes);
      expect(await append(log, bytesOf(most, 7))).toBeUndefined();
      const { records } = await read(log, 1);
      expect(records[0]?.payload.length).toBe(most);
    });

    it("reads from any position, at most about the bytes asked for, across segments (500 × 1 KB, 64 KB segments)", async () => {
      const { log } = await open({ capacityBytes: 2 * 1024 * 1024 });
      for (let i = 1; i <= 500; i++) log.append(bytesOf(1_024, i), () => undefined);
      await append(log, "last");
      for (const from of [1, 2, 63, 64, 250, 499, 501]) {
        const { failure, records } = await read(log, from, 3_000);
        expect(failure).toBeUndefined();
        expect(records[0]?.position).toBe(from);
        expect(records.length).toBeLessThanOrEqual(3);
      }
      const seen: number[] = [];
      while (seen.length < 501) {
        const { records } = await read(log, seen.length + 1, 20_000);
        expect(records.length).toBeGreaterThan(0);
        for (const { position, payload } of records) {
          if (position <= 500) expect(Buffer.from(payload).equals(bytesOf(1_024, position))).toBe(true);
          seen.push(position);
        }
      }
      expect(seen).toEqual(Array.from({ length: 501 }, (_, i) => i + 1));
    });

    it("reads nothing behind the last synced payload and says so before the oldest kept", async () => {
      const { log } = await open();
      for (let i = 0; i < 200; i++) log.append(bytesOf(1_024, i), () => undefined);
      await append(log, "last");
      expect(await read(log, 202)).toEqual({ failure: undefined, records: [] });
      log.release(150);
      expect((await read(log, 1)).failure?.code).toBe("not-found");
      expect((await read(log, 150)).records[0]?.position).toBe(150);
    });

    it("hands out copies (a changed payload does not change the log)", async () => {
      const { log } = await open();
      await append(log, "mine");
      (await read(log, 1)).records[0]?.payload.fill(0);
      expect((await read(log, 1)).records.map(text)).toEqual(["mine"]);
    });

    it("gives up whole released segments and keeps the rest (release, more appends, power cut)", async () => {
      const { log } = await open();
      for (let i = 1; i <= 200; i++) log.append(bytesOf(1_024, i), () => undefined);
      await append(log, "201");
      log.release(180);
      await append(log, "202");
      await fixture.cutPower();
      const { recovery, recovered } = await open();
      expect(recovery.first).toBeGreaterThan(100);
      expect(recovery.first).toBeLessThanOrEqual(180);
      expect(recovery.next).toBe(203);
      expect(Buffer.from(recovery.description ?? []).toString()).toBe(`before ${recovery.first}`);
      expect(recovered.map(({ position }) => position)).toEqual(
        Array.from({ length: 203 - recovery.first }, (_, i) => recovery.first + i),
      );
    });

    it("refuses at its bound without taking a position, and goes on after a release", async () => {
      const { log } = await open({ capacityBytes: 128 * 1024 });
      let refusal: SkeinError | undefined;
      while (refusal === undefined) refusal = await append(log, bytesOf(10_000, log.next));
      expect(refusal.code).toBe("log-full");
      const { next } = log;
      expect((await append(log, bytesOf(10_000, 1)))?.code).toBe("log-full");
      expect(log.next).toBe(next);
      log.release(next);
      expect(await append(log, bytesOf(10_000, next))).toBeUndefined();
      expect(log.next).toBe(next + 1);
      expect(log.usage().bytes).toBeLessThanOrEqual(128 * 1024);
      const { records } = await read(log, next, 100);
      expect(records.map(({ position }) => position)).toEqual([next]);
    });

    it("stays within its bound for ever (40 × its capacity, released all along)", slow, async () => {
      const { log } = await open({ capacityBytes: 256 * 1024 });
      for (let i = 1; i <= 640; i++) {
        expect(await append(log, bytesOf(16_000, i))).toBeUndefined();
        log.release(log.next - 2);
      }
      expect(log.usage().bytes).toBeLessThanOrEqual(256 * 1024);
      await fixture.cutPower();
      const { recovery, recovered } = await open({ capacityBytes: 256 * 1024 });
      expect(recovery.next).toBe(641);
      for (const { position, payload } of recovered) expect(payload).toEqual(bytesOf(16_000, position));
    });

    it("sets a log aside, and the name is free again", async () => {
      const { log } = await open();
      await append(log, "old");
      await fixture.settle(log.close());
      await fixture.settle(fixture.files.setAside("raft"));
      expect((await open()).recovered).toEqual([]);
      await fixture.settle(fixture.files.setAside("readings"));
    });

    it("answers nothing after a power cut, and keeps what it had acknowledged", async () => {
      const { log } = await open();
      for (let i = 1; i <= 50; i++) await append(log, `${i}`);
      let late = 0;
      for (let i = 51; i <= 100; i++) log.append(Buffer.from(`${i}`), () => (late += 1));
      // Long enough for the first batch to be under way.
      for (let i = 0; i < 5; i++) await Promise.resolve();
      await fixture.cutPower();
      const { recovered, log: again } = await open();
      await append(again, "on");
      expect(late).toBe(0);
      expect(recovered.length).toBeGreaterThanOrEqual(50);
      expect(recovered.map(text)).toEqual(recovered.map(({ position }) => `${position}`));
    });

    it("is what an array would be, through closing, power cuts and releases (random schedules)", slow, async () => {
      const step = fc.oneof(
        fc.record({
          kind: fc.constant("append" as const),
          sizes: fc.array(fc.nat(9_000), { minLength: 1, maxLength: 8 }),
        }),
        fc.record({ kind: fc.constant("release" as const), back: fc.nat(30) }),
        fc.record({ kind: fc.constant("read" as const), back: fc.nat(60) }),
        fc.constant({ kind: "close" as const }),
        fc.constant({ kind: "cut" as const }),
      );
      const runs = { numRuns: 15, seed: 42 };
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60, size: "max" }), async (steps) => {
          await fixture.dispose();
          fixture = await create();
          const kept: Buffer[] = [];
          let [{ log }, released] = [await open(), 1];
          for (const step of steps) {
            if (step.kind === "append") {
              const payloads = step.sizes.map((size) => Buffer.from(bytesOf(size, size + kept.length)));
              const failures = await fixture.settle(
                Promise.all(payloads.map((p) => new Promise((resolve) => log.append(p, resolve)))),
              );
              for (const [i, payload] of payloads.entries()) if (failures[i] === undefined) kept.push(payload);
            } else if (step.kind === "release") {
              released = Math.max(released, log.next - step.back);
              log.release(released);
            } else if (step.kind === "read") {
              const from = log.next - step.back;
              if (from < released) continue;
              const { records } = await read(log, from, 10_000);
              if (from < log.next) expect(records[0]?.position).toBe(from);
              for (const { position, payload } of records) expect(kept[position - 1]?.equals(payload)).toBe(true);
            } else {
              if (step.kind === "close") await fixture.settle(log.close());
              await fixture.cutPower();
              const again = await open();
              log = again.log;
              expect(again.recovery.next).toBe(kept.length + 1);
              expect(again.recovery.first).toBeLessThanOrEqual(released);
              expect(again.recovered.length).toBe(again.recovery.next - again.recovery.first);
              for (const { position, payload } of again.recovered) {
                expect(kept[position - 1]?.equals(payload)).toBe(true);
              }
            }
          }
        }),
        runs,
      );
    });
  });
}
