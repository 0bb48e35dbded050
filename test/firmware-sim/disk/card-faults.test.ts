// What may happen to a simulated card: it slows down, rots, is wiped, copied or written back, and what it durably holds is told.

import { beforeEach, describe, expect, it } from "vitest";
import { DeviceGate } from "../../../firmware-sim/device-gate.ts";
import { SimulatedDisk } from "../../../firmware-sim/disk/simulated-disk.ts";
import { SeededRandom } from "../../../firmware-sim/seeded-random.ts";
import { VirtualTime } from "../../../firmware-sim/virtual-clock.ts";
import { encode } from "../../../src/base/cbor.ts";
import type { DataDirectory } from "../../../src/base/ports/data-directory.ts";
import type { LogFile, LogFileOptions } from "../../../src/base/ports/log-file.ts";
import { logIndex, milliseconds, minutes, seconds, term } from "../../../src/base/units.ts";
import { encodeStart } from "../../../src/replica/raft-log.ts";
import { settle } from "./settle.ts";

const options: LogFileOptions = {
  segmentBytes: 32 * 1024,
  segmentsAhead: 2,
  capacityBytes: 1024 * 1024,
  whenDiskIsFull: "fatal",
  describe: () => new Uint8Array(0),
};

describe("a simulated card", () => {
  let time: VirtualTime;
  let disk: SimulatedDisk;

  beforeEach(() => {
    time = new VirtualTime();
    disk = new SimulatedDisk(time, new SeededRandom(7));
  });

  const start = (): Promise<DataDirectory> => settle(time, disk.openDataDirectory());

  async function open(directory: DataDirectory, name: string): Promise<LogFile> {
    return (
      await settle(
        time,
        directory.logFiles.open(name, options, () => undefined),
      )
    ).log;
  }

  const append = (log: LogFile, payload: string) =>
    settle(time, new Promise<unknown>((resolve) => log.append(Buffer.from(payload), resolve)));

  const put = (directory: DataDirectory, key: string) =>
    settle(time, directory.storage.write([{ kind: "put", key, value: Buffer.from(key) }]));

  const durable = (name: string) =>
    disk.durableRecords(name).map(({ position, payload }) => `${position} ${Buffer.from(payload).toString()}`);

  /** A card with three records in each log and two cells. */
  async function filled(): Promise<DataDirectory> {
    const directory = await start();
    for (const name of ["raft", "readings"]) {
      const log = await open(directory, name);
      for (const payload of ["one", "two", "three"]) await append(log, payload);
    }
    await put(directory, "a");
    await put(directory, "b");
    return directory;
  }

  it("slows down, stays slow through a power cut, and recovers when told so (3 s a sync)", async () => {
    let log = await open(await start(), "raft");
    disk.setLatency({ syncLatencyMin: seconds(3), syncLatencyMax: seconds(4) });
    const slowAt = time.now;
    await append(log, "slow");
    expect(time.now - slowAt).toBeGreaterThan(3_000);
    disk = disk.crash();
    const stillSlowAt = time.now;
    log = await open(await start(), "raft");
    expect(time.now - stillSlowAt).toBeGreaterThan(3_000);
    disk.setLatency({ syncLatencyMin: milliseconds(1), syncLatencyMax: milliseconds(2) });
    await append(log, "first, with a segment of its own");
    const quickAt = time.now;
    await append(log, "quick");
    expect(time.now - quickAt).toBeLessThan(10);
  });

  it("stays full through a power cut, until there is room", async () => {
    await start();
    disk.fill();
    disk = disk.crash();
    await expect(start()).rejects.toMatchObject({ code: "data-directory-unusable" });
    disk.makeRoom();
    expect((await start()).origin).toBe("found");
  });

  it("tells each record once its sync has returned, before the one who appended it hears so, in every life", async () => {
    const order: string[] = [];
    disk.onSynced = (log, position, payload) => order.push(`${log} ${position} ${Buffer.from(payload).toString()}`);
    for (const word of ["one", "two"]) {
      const log = await open(await start(), "raft");
      log.append(Buffer.from(word), () => order.push(`heard ${word}`));
      expect(order).not.toContain(`heard ${word}`);
      time.run(seconds(1));
      disk = disk.crash();
    }
    expect(order).toEqual(["raft 1 one", "heard one", "raft 2 two", "heard two"]);
  });

  it("tells nothing of a log that is filled for a next incarnation: it counts from when that is the present one", async () => {
    const told: string[] = [];
    disk.onSynced = (log, _position, payload) => told.push(`${log} ${Buffer.from(payload).toString()}`);
    const directory = await filled();
    told.length = 0;
    await settle(
      time,
      directory.newIncarnation({
        fill: async ({ logFiles }) => {
          const { log } = await logFiles.open("raft", options, () => undefined);
          await new Promise<unknown>((resolve) => log.append(Buffer.from("filled"), resolve));
          await log.close();
        },
      }),
    );
    expect(told).toEqual([]);
    expect(durable("raft")).toEqual(["1 filled"]);
    await append(await open(directory, "raft"), "after");
    expect(told).toEqual(["raft after"]);
  });

  it("never tells a record of what the power cut left whole, whose sync did not return; it is durable all the same", async () => {
    let kept = 0;
    for (let i = 0; i < 60; i++) {
      disk = new SimulatedDisk(time, new SeededRandom(i));
      let told = 0;
      disk.onSynced = () => (told += 1);
      const log = await open(await start(), "raft");
      await append(log, "synced");
      log.append(Buffer.from("under way"), () => expect.unreachable("the power was cut"));
      while (time.runNext(time.now)) {
        // until the write has begun
      }
      disk = disk.crash();
      expect(told).toBe(1);
      const left = durable("raft");
      expect(["1 synced", "1 synced,2 under way"]).toContain(left.join());
      kept += left.length - 1;
      await open(await start(), "raft");
      expect(durable("raft")).toEqual(left);
    }
    expect(kept).toBeGreaterThan(8);
    expect(kept).toBeLessThan(40);
  });

  it("reads back what a power cut now would leave: of the present incarnation, copies, nothing that waits", async () => {
    const directory = await filled();
    expect(durable("raft")).toEqual(["1 one", "2 two", "3 three"]);
    disk.durableRecords("raft")[0]?.payload.fill(0);
    expect(durable("raft")).toEqual(["1 one", "2 two", "3 three"]);
    const log = await open(directory, "readings");
    log.append(Buffer.from("waits"), () => undefined);
    expect(durable("readings")).toHaveLength(3);
    await settle(time, directory.newIncarnation());
    expect(durable("raft")).toEqual([]);
    expect(durable("readings").length).toBeGreaterThan(2);
    expect(durable("none")).toEqual([]);
  });

  it("rots somewhere in the Raft log, the readings or a cell, says where, and each is hit (60 seeds)", async () => {
    const hit = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      disk = new SimulatedDisk(time, new SeededRandom(1));
      const directory = await filled();
      const rot = disk.rot(new SeededRandom(seed));
      if (rot?.kind === "storage") {
        hit.add(rot.key);
        expect(await settle(time, directory.storage.get(rot.key))).not.toEqual(new Uint8Array(Buffer.from(rot.key)));
        continue;
      }
      const { log = "", position = 0, isNewest } = rot ?? {};
      hit.add(`${log} ${position}`);
      expect(isNewest).toBe(position === 3);
      expect(disk.durableRecords(log).map((record) => record.position)).toEqual(
        [1, 2, 3].filter((p) => p !== position),
      );
      disk = disk.crash();
      const opening = open(await start(), log);
      if (isNewest === true) expect((await opening).next).toBe(3);
      else await expect(opening).rejects.toMatchObject({ code: "log-damaged" });
    }
    expect([...hit].sort()).toEqual(
      ["raft 1", "raft 2", "raft 3", "readings 1", "readings 2", "readings 3", "a", "b"].sort(),
    );
  });

  // Seed 11025: what rotted was a cell that a snapshot had left where nobody reads; its device rightly went on.
  it("rots, of what the agreement stands on, only what is read: not the space that snapshots are received into (40 seeds)", async () => {
    const current = encode(["a", encodeStart({ index: logIndex(9), term: term(1), voters: { current: [] } }), "0", 1]);
    const hit = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      disk = new SimulatedDisk(time, new SeededRandom(1));
      const { storage } = await start();
      const values = new Map([["checkpoint/current", Uint8Array.from(current)]]);
      for (const key of ["state/a/one", "state/a/two", "state/b/three"]) values.set(key, Buffer.from(key));
      await settle(time, storage.write([...values].map(([key, value]) => ({ kind: "put", key, value }))));
      const rot = disk.rotAgreement(new SeededRandom(seed));
      hit.add(rot?.kind === "storage" ? rot.key : "nothing");
    }
    expect([...hit].sort()).toEqual(["checkpoint/current", "state/a/one", "state/a/two"]);
  });

  it("does not rot where nothing is stored", () => {
    expect(disk.rot(new SeededRandom(1))).toBeUndefined();
  });

  it("is empty once wiped: the same machine and serial, another incarnation, nothing of the past", async () => {
    const before = await filled();
    const { serial } = disk;
    disk = disk.wiped();
    const after = await start();
    expect(after.origin).toBe("created");
    expect(after.identity).toMatchObject({ session: 1, storageSerial: serial });
    expect(after.identity.incarnation).not.toBe(before.identity.incarnation);
    expect(durable("readings")).toEqual([]);
    expect(await settle(time, after.storage.get("a"))).toBeUndefined();
    disk = disk.wiped("cid:new");
    expect((await start()).identity.storageSerial).toBe("cid:new");
    expect(disk.usage.syncs).toBe(1);
  });

  it("is what it was, identity and all, once a backup is written back onto it, however often", async () => {
    const first = await filled();
    const backup = disk.backup();
    const log = await open(first, "readings");
    await append(log, "after the backup");
    for (let i = 0; i < 2; i++) {
      disk = disk.restored(backup);
      const again = await start();
      expect(again.origin).toBe("found");
      expect(again.identity).toEqual({ ...first.identity, session: 2 });
      const restored = await open(again, "readings");
      expect(durable("readings")).toEqual(["1 one", "2 two", "3 three"]);
      await append(restored, "another history");
    }
  });

  it("counts what it took over all its lives, also when it is wiped or written back; a copy begins at 0", async () => {
    await filled();
    const { bytesWritten, syncs } = disk.usage;
    expect(syncs).toBeGreaterThan(8);
    const backup = disk.backup();
    const copy = disk.copy("cid:other");
    disk = disk.crash().wiped().restored(backup);
    expect(disk.usage).toEqual({ bytesWritten, syncs });
    await start();
    expect(disk.usage.syncs).toBe(syncs + 1);
    expect(copy.usage).toEqual({ bytesWritten: 0, syncs: 0 });
  });

  it("goes on writing while its device is suspended, and answers when that goes on; nothing after a power cut", async () => {
    const gate = new DeviceGate(time, "pi");
    disk.gate = gate;
    let log = await open(await start(), "raft");
    let answers = 0;
    log.append(Buffer.from("one"), () => (answers += 1));
    gate.pause();
    time.run(minutes(1));
    expect(answers).toBe(0);
    gate.resume();
    time.run(seconds(1));
    expect(answers).toBe(1);
    log.append(Buffer.from("two"), () => (answers += 1));
    time.runNext(time.now);
    gate.pause();
    time.run(minutes(1));
    expect(durable("raft")).toEqual(["1 one", "2 two"]);
    disk = disk.crash();
    gate.resume();
    time.run(seconds(1));
    expect(answers).toBe(1);
    log = await open(await start(), "raft");
    expect(log.next).toBe(3);
  });

  it("reports what it wrote to the trace: card, file, and the bytes of each record and cell", async () => {
    const seen: string[] = [];
    time.trace = (source, target, kind, payload) =>
      seen.push(`${source} ${target} ${kind} ${Buffer.from(payload ?? []).toString()}`);
    await filled();
    expect(seen).toContain("cid:simulated raft: batch record two");
    expect(seen).toContain("cid:simulated b put b");
    expect(seen).toContain("cid:simulated identity: replace synced ");
  });
});
