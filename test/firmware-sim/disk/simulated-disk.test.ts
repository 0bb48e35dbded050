// The faults of the simulated disk: what a scenario may rely on.

import { beforeEach, describe, expect, it } from "vitest";
import { SimulatedDisk, usualDisk } from "../../../firmware-sim/disk/simulated-disk.ts";
import { SeededRandom } from "../../../firmware-sim/seeded-random.ts";
import { VirtualTime } from "../../../firmware-sim/virtual-clock.ts";
import type { LogFile, LogFileOptions, LogRecord } from "../../../src/base/ports/log-file.ts";
import { seconds } from "../../../src/base/units.ts";
import { settle } from "./settle.ts";

const options: LogFileOptions = {
  segmentBytes: 32 * 1024,
  segmentsAhead: 2,
  capacityBytes: 1024 * 1024,
  whenDiskIsFull: "fatal",
  describe: () => new Uint8Array(0),
};
const bytes = (text: string) => Buffer.from(text);

describe("a simulated disk", () => {
  let time: VirtualTime;
  let disk: SimulatedDisk;

  beforeEach(() => {
    time = new VirtualTime();
    disk = new SimulatedDisk(time, new SeededRandom(7));
  });

  async function open(on = disk, overrides: Partial<LogFileOptions> = {}) {
    const records: LogRecord[] = [];
    const opening = on.logFiles.open("raft", { ...options, ...overrides }, (record) => records.push(record));
    const { log, recovery } = await settle(time, opening);
    return { log, recovery, payloads: records.map(({ payload }) => Buffer.from(payload).toString()) };
  }

  const append = (log: LogFile, payload: string | Uint8Array) =>
    settle(time, new Promise<{ code: string } | undefined>((resolve) => log.append(Buffer.from(payload), resolve)));

  it("answers in an event of its own, some time later (never in a microtask)", async () => {
    const { log } = await open();
    let isSynced = false;
    const begun = time.now;
    log.append(bytes("one"), () => (isSynced = true));
    for (let i = 0; i < 20; i++) await Promise.resolve();
    await new Promise(setImmediate);
    expect(isSynced).toBe(false);
    time.run(seconds(1));
    expect(isSynced).toBe(true);
    expect(time.now).toBeGreaterThan(begun);
  });

  it("at a power cut loses, tears or keeps the batch under way, and always what waited behind it (300 cuts)", async () => {
    const seen = { kept: 0, lost: 0, torn: 0 };
    let { log } = await open();
    let calls = 0;
    for (let i = 0; i < 300; i++) {
      const before = log.next;
      log.append(bytes("under way"), () => (calls += 1));
      // The batch begins in an event of its own; what comes after that waits for the next one.
      while (time.runNext(time.now)) {
        // until it has begun
      }
      log.append(bytes("behind"), () => (calls += 1));
      disk = disk.crash();
      const again = await open();
      expect(again.payloads).not.toContain("behind");
      expect([before, before + 1]).toContain(again.log.next);
      if (again.log.next > before) seen.kept += 1;
      else if (again.recovery.cutTail) seen.torn += 1;
      else seen.lost += 1;
      ({ log } = again);
      log.release(log.next - 1);
    }
    time.run(seconds(60));
    expect(calls).toBe(0);
    expect(Math.min(seen.kept, seen.lost, seen.torn)).toBeGreaterThan(20);
  });

  it("leaves of a storage batch under way all or nothing (200 cuts)", async () => {
    const seen = new Set<number>();
    for (let i = 0; i < 200; i++) {
      const storage = disk.openStorage();
      await settle(time, storage.clear({ from: "", to: "z" }));
      const change = (key: string) => ({ kind: "put" as const, key, value: bytes("x") });
      void storage.write([change("a"), change("b"), change("c")]);
      void storage.write([change("d")]);
      disk = disk.crash();
      const found = await settle(time, disk.openStorage().page({ from: "", to: "z" }, 10));
      seen.add(found.length);
    }
    expect(seen).toEqual(new Set([0, 3]));
  });

  it("hangs and goes on (5 s, log and storage)", async () => {
    const { log } = await open();
    const storage = disk.openStorage();
    await append(log, "before");
    disk.hang();
    let answers = 0;
    log.append(bytes("one"), () => (answers += 1));
    void storage.write([{ kind: "put", key: "a", value: bytes("1") }]).then(() => (answers += 1));
    time.run(seconds(5));
    await new Promise(setImmediate);
    expect(answers).toBe(0);
    disk.resume();
    time.run(seconds(1));
    await new Promise(setImmediate);
    expect(answers).toBe(2);
  });

  it("keeps nothing of a hung write that a power cut overtakes, or all of it", async () => {
    const { log } = await open();
    await append(log, "before");
    disk.hang();
    log.append(bytes("hung"), () => expect.unreachable("the power was cut"));
    time.run(seconds(5));
    disk = disk.crash();
    const { payloads } = await open();
    expect(["before", "before,hung"]).toContain(payloads.join());
    expect(await append((await open()).log, "not hung any more")).toBeUndefined();
  });

  it("when full still takes what is reserved, and more once there is room (refuse)", async () => {
    const { log } = await open(disk, { whenDiskIsFull: "refuse" });
    await append(log, "1");
    disk.fill();
    let count = 0;
    while ((await append(log, Buffer.alloc(10_000))) === undefined) count += 1;
    expect(count).toBeGreaterThan(4);
    const { next } = log;
    expect((await append(log, Buffer.alloc(10_000)))?.code).toBe("disk-full");
    const write = disk.openStorage().write([{ kind: "put", key: "a", value: bytes("1") }]);
    await expect(settle(time, write)).rejects.toMatchObject({ code: "disk-full" });
    disk.makeRoom();
    expect(await append(log, "room")).toBeUndefined();
    expect(log.next).toBe(next + 1);
  });

  it("poisons a log whose write failed, until the next life", async () => {
    const { log } = await open();
    await append(log, "one");
    disk.fail();
    const failure = await append(log, "two");
    expect(failure?.code).toBe("disk-failed");
    expect(await append(log, "three")).toBe(failure);
    disk = disk.crash();
    expect((await open()).payloads).toEqual(["one"]);
  });

  it("refuses a log that rotted in the middle, and cuts one that rotted at its end", async () => {
    const { log } = await open();
    for (const payload of ["one", "two", "three"]) await append(log, payload);
    disk.damageLog("raft", 3);
    disk = disk.crash();
    const cut = await open();
    expect(cut.payloads).toEqual(["one", "two"]);
    expect(cut.recovery.cutTail).toBe(true);
    disk.damageLog("raft", 1);
    disk = disk.crash();
    await expect(open()).rejects.toMatchObject({ code: "log-damaged" });
  });

  it("shows rot in a stored value", async () => {
    const storage = disk.openStorage();
    await settle(time, storage.write([{ kind: "put", key: "a", value: bytes("right") }]));
    disk.damageStorage("a");
    expect(await settle(time, storage.get("a"))).not.toEqual(new Uint8Array(bytes("right")));
  });

  it("replays exactly (one seed, twice: same instants)", async () => {
    const run = async () => {
      time = new VirtualTime();
      disk = new SimulatedDisk(time, new SeededRandom(3));
      const { log } = await open();
      const instants: number[] = [];
      for (let i = 0; i < 20; i++) {
        await append(log, `${i}`);
        instants.push(time.now);
      }
      return instants;
    };
    expect(await run()).toEqual(await run());
  });

  describe("with a data directory", () => {
    const start = (on = disk) => settle(time, on.openDataDirectory());

    it("counts starts and keeps the identity through power cuts", async () => {
      const first = await start();
      expect(first).toMatchObject({ origin: "created", identity: { session: 1, storageSerial: usualDisk.serial } });
      await settle(time, first.saveGeneration({ number: 2, nonce: "ab".repeat(16) }));
      disk = disk.crash();
      const second = await start();
      expect(second.origin).toBe("found");
      expect(first.identity.session).toBe(1);
      expect(second.identity).toEqual({
        ...first.identity,
        session: 2,
        generation: { number: 2, nonce: "ab".repeat(16) },
      });
    });

    it("starts a new incarnation empty, but with its readings, and names the old one", async () => {
      const directory = await start();
      for (const name of ["raft", "readings"]) {
        const { log } = await settle(
          time,
          directory.logFiles.open(name, options, () => undefined),
        );
        await append(log, name);
        await settle(time, log.close());
      }
      await settle(time, directory.storage.write([{ kind: "put", key: "a", value: bytes("1") }]));
      const old = directory.identity.incarnation;
      await settle(time, directory.newIncarnation());
      expect(directory.identity.was).toEqual([old]);
      expect(directory.identity.incarnation).not.toBe(old);
      expect(await settle(time, directory.storage.get("a"))).toBeUndefined();
      const counts = { raft: 0, readings: 0 };
      for (const name of ["raft", "readings"] as const) {
        await settle(
          time,
          directory.logFiles.open(name, options, () => (counts[name] += 1)),
        );
      }
      expect(counts).toEqual({ raft: 0, readings: 1 });
    });

    it("takes a new incarnation on a copied card, while the original goes on", async () => {
      const first = await start();
      const copy = disk.copy("cid:other");
      const copied = await start(copy);
      expect(copied.origin).toBe("copied");
      expect(copied.identity).toMatchObject({ was: [first.identity.incarnation], storageSerial: "cid:other" });
      disk = disk.crash();
      expect((await start()).identity.incarnation).toBe(first.identity.incarnation);
    });

    it("does not open on a full disk", async () => {
      disk.fill();
      await expect(start()).rejects.toMatchObject({ code: "data-directory-unusable" });
    });
  });
});
