// What every Storage must do, the real one and the simulated one alike.

import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Storage, StorageChange } from "../../src/base/ports/storage.ts";

export interface StorageFixture {
  /** The storage of the present life. */
  readonly storage: Storage;
  /** Lets the world go on until `promise` is settled. */
  settle<T>(promise: Promise<T>): Promise<T>;
  /** What was not synced is lost; `storage` is the next life. */
  cutPower(): Promise<void>;
  dispose(): Promise<void>;
}

const put = (key: string, value: string): StorageChange => ({ kind: "put", key, value: Buffer.from(value) });
const all = { from: "", to: "\u{10ffff}" };
const text = (value: Uint8Array | undefined) => (value === undefined ? undefined : Buffer.from(value).toString());
const texts = (page: readonly (readonly [string, Uint8Array])[]) => page.map(([key, value]) => [key, text(value)]);

export function storageCompliance(kind: string, create: () => Promise<StorageFixture>): void {
  describe(`a storage (${kind})`, () => {
    let fixture: StorageFixture;
    const settle = <T>(promise: Promise<T>) => fixture.settle(promise);

    beforeEach(async () => {
      fixture = await create();
    });
    afterEach(() => fixture.dispose());

    it("gives back what was written, and nothing for what was not", async () => {
      await settle(fixture.storage.write([put("a", "1"), put("b", "")]));
      expect(text(await settle(fixture.storage.get("a")))).toBe("1");
      expect(text(await settle(fixture.storage.get("b")))).toBe("");
      expect(await settle(fixture.storage.get("c"))).toBeUndefined();
    });

    it("applies the changes of a batch in order (put, delete, put of one key)", async () => {
      await settle(fixture.storage.write([put("a", "1"), { kind: "delete", key: "a" }, put("b", "1"), put("b", "2")]));
      expect(texts(await settle(fixture.storage.page(all, 10)))).toEqual([["b", "2"]]);
    });

    it("takes an empty batch and deletes what is not there", async () => {
      await settle(fixture.storage.write([]));
      await settle(fixture.storage.write([{ kind: "delete", key: "nothing" }]));
      expect(await settle(fixture.storage.page(all, 10))).toEqual([]);
    });

    it("pages in the order of UTF-8 bytes, from included, to not, at most the limit", async () => {
      const keys = ["b", "a", "ä", "z", "\u{1f986}", "\u{ffee}", "aa", "A"];
      await settle(fixture.storage.write(keys.map((key) => put(key, key))));
      const page = await settle(fixture.storage.page(all, 100));
      expect(page.map(([key]) => key)).toEqual(["A", "a", "aa", "b", "z", "ä", "\u{ffee}", "\u{1f986}"]);
      const some = await settle(fixture.storage.page({ from: "a", to: "z" }, 2));
      expect(some.map(([key]) => key)).toEqual(["a", "aa"]);
      expect(await settle(fixture.storage.page({ from: "c", to: "c" }, 2))).toEqual([]);
    });

    it("clears a range and nothing else (1,200 keys)", async () => {
      const changes = Array.from({ length: 1_200 }, (_, i) => put(`m${String(i).padStart(4, "0")}`, "x"));
      await settle(fixture.storage.write([put("l", "kept"), ...changes, put("n", "kept")]));
      await settle(fixture.storage.clear({ from: "m", to: "n" }));
      expect(texts(await settle(fixture.storage.page(all, 2_000)))).toEqual([
        ["l", "kept"],
        ["n", "kept"],
      ]);
    });

    it("a snapshot does not see later writes, deletes and clears", async () => {
      await settle(fixture.storage.write([put("a", "1"), put("b", "1")]));
      const snapshot = fixture.storage.snapshot();
      await settle(fixture.storage.write([put("a", "2"), { kind: "delete", key: "b" }, put("c", "2")]));
      await settle(fixture.storage.clear({ from: "a", to: "b" }));
      expect(text(await settle(snapshot.get("a")))).toBe("1");
      expect(texts(await settle(snapshot.page(all, 10)))).toEqual([
        ["a", "1"],
        ["b", "1"],
      ]);
      expect(texts(await settle(fixture.storage.page(all, 10)))).toEqual([["c", "2"]]);
      await settle(snapshot.release());
    });

    it("copies what is handed in and out", async () => {
      const value = Buffer.from("mine");
      const writing = fixture.storage.write([{ kind: "put", key: "a", value }]);
      value.fill(0);
      await settle(writing);
      (await settle(fixture.storage.get("a")))?.fill(0);
      for (const [, found] of await settle(fixture.storage.page(all, 1))) found.fill(0);
      expect(text(await settle(fixture.storage.get("a")))).toBe("mine");
    });

    it("counts the bytes handed to it", async () => {
      const before = fixture.storage.bytesWritten;
      await settle(fixture.storage.write([put("key", "value")]));
      expect(fixture.storage.bytesWritten - before).toBe(8);
    });

    it("refuses everything once closed", async () => {
      const { storage } = fixture;
      await settle(storage.close());
      await expect(settle(storage.write([put("a", "1")]))).rejects.toMatchObject({ code: "disk-failed" });
      await expect(settle(storage.get("a"))).rejects.toMatchObject({ code: "disk-failed" });
    });

    it("keeps resolved batches whole through a power cut, and the one under way is whole or absent", async () => {
      for (let life = 0; life < 12; life++) {
        const batch = (n: number) => ["a", "b", "c"].map((key) => put(key, `${life}.${n}`));
        await settle(fixture.storage.write(batch(1)));
        fixture.storage.write(batch(2)).catch(() => undefined);
        await fixture.cutPower();
        const found = texts(await settle(fixture.storage.page(all, 10))).map(([, value]) => value);
        expect([`${life}.1`, `${life}.2`]).toContain(found[0]);
        expect(new Set(found).size).toBe(1);
      }
    });

    it("is what a map would be, through power cuts (random schedules)", { timeout: 30_000 }, async () => {
      const key = fc.constantFrom("a", "ab", "b", "ba", "c");
      const change = fc.oneof(
        fc.record({ kind: fc.constant("put" as const), key, value: fc.uint8Array({ maxLength: 50 }) }),
        fc.record({ kind: fc.constant("delete" as const), key }),
      );
      const step = fc.oneof(
        fc.record({ kind: fc.constant("write" as const), changes: fc.array(change, { maxLength: 5 }) }),
        fc.record({ kind: fc.constant("clear" as const), from: key, to: key }),
        fc.constant({ kind: "cut" as const }),
      );
      const model = new Map<string, Buffer>();
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
          for (const step of steps) {
            if (step.kind === "cut") {
              await fixture.cutPower();
            } else if (step.kind === "clear") {
              await settle(fixture.storage.clear(step));
              for (const found of [...model.keys()]) if (found >= step.from && found < step.to) model.delete(found);
            } else {
              await settle(fixture.storage.write(step.changes));
              for (const change of step.changes) {
                if (change.kind === "put") model.set(change.key, Buffer.from(change.value));
                else model.delete(change.key);
              }
            }
            const found = (await settle(fixture.storage.page(all, 100))).map(([name, value]) => [
              name,
              Buffer.from(value),
            ]);
            expect(found).toEqual([...model].sort(([a], [b]) => (a < b ? -1 : 1)));
          }
        }),
        { numRuns: 20, seed: 42 },
      );
    });
  });
}
