// Checkpoints and snapshots on a simulated disk: chunks, spaces, and the power going at every moment of an install.

import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { SimulatedDisk } from "../../firmware-sim/disk/simulated-disk.ts";
import type { SimulatedStorage } from "../../firmware-sim/disk/simulated-storage.ts";
import { SeededRandom } from "../../firmware-sim/seeded-random.ts";
import { VirtualClock, VirtualTime } from "../../firmware-sim/virtual-clock.ts";
import { encode } from "../../src/base/cbor.ts";
import { SkeinError } from "../../src/base/errors.ts";
import type { MemberKey } from "../../src/base/ids.ts";
import { limits } from "../../src/base/limits.ts";
import { logIndex, milliseconds, seconds, siteTime, term } from "../../src/base/units.ts";
import type { SnapshotName, Voters } from "../../src/raft/types.ts";
import { type Checkpoint, Checkpoints, cellKey } from "../../src/replica/checkpoints.ts";
import { SnapshotTransfer } from "../../src/replica/snapshot-transfer.ts";
import { type Chunk, SnapshotAssembler, SnapshotReader } from "../../src/replica/snapshots.ts";
import { encodeProposal } from "../../src/site/command-codec.ts";
import { SiteState } from "../../src/site/state.ts";

// Fractions of a second alone; beside other work on a small machine, more.
vi.setConfig({ testTimeout: 60_000 });

const leader = `d1@${"0".repeat(32)}` as MemberKey;
const voters: Voters = { current: [leader] };
const founding = { kind: "found", site: "test" as never, generation: { number: 1, nonce: "0".repeat(32) } } as const;

/** Founded, with `revisions` of a configuration: more of them, more cells. */
function stateWith(revisions: number, text = "x"): SiteState {
  const state = SiteState.empty();
  const apply = (index: number, command: Parameters<typeof encodeProposal>[0]["command"]): void => {
    const bytes = encodeProposal({ client: undefined, command });
    const { outcome } = state.apply({ index: logIndex(index), term: term(1), siteTime: siteTime(0), command: bytes });
    if (outcome.kind !== "done") throw new Error(outcome.detail);
  };
  apply(1, founding);
  for (let i = 0; i < revisions; i++) {
    const after = {
      zone: undefined,
      power: "mains",
      labels: Object.fromEntries([1, 2, 3, 4].map((n) => [`l${n}`, text.repeat(20)])),
    };
    const change = { section: "devices", name: `pi-${i}`, before: undefined, after } as const;
    apply(i + 2, { kind: "configure", base: state.revision, changes: [change], author: "", note: "" });
  }
  return state;
}

class Bench {
  readonly time = new VirtualTime();
  disk: SimulatedDisk;

  constructor(seed = 1) {
    this.disk = new SimulatedDisk(this.time, new SeededRandom(seed));
  }

  async settle<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const watched = promise.finally(() => {
      isSettled = true;
    });
    watched.catch(() => undefined);
    for (let i = 0; !isSettled && i < 20_000; i++) {
      this.time.run(milliseconds(1));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return watched;
  }

  async open(
    storage = this.disk.openStorage(),
  ): Promise<Awaited<ReturnType<typeof Checkpoints.open>> & { storage: SimulatedStorage }> {
    return { storage, ...(await this.settle(Checkpoints.open(storage))) };
  }

  /** A checkpoint of `state` at `index`. */
  async save(checkpoints: Checkpoints, state: SiteState, index: number): Promise<SnapshotName> {
    const start = { index: logIndex(index), term: term(1), voters };
    const checkpoint: Checkpoint = { start, digest: state.digest(), bytes: 0 };
    await this.settle(checkpoints.save(checkpoint, state.takeDirty()));
    return { leader, index: start.index, term: start.term, digest: checkpoint.digest };
  }

  async chunks(checkpoints: Checkpoints, name: SnapshotName, chunkBytes = limits.snapshotChunkBytes): Promise<Chunk[]> {
    const reader = await this.settle(SnapshotReader.open(name, { checkpoints, chunkBytes }));
    const chunks: Chunk[] = [];
    for (let offset = 0; ; ) {
      const chunk = await this.settle(reader?.chunk(offset) ?? Promise.resolve(undefined));
      if (chunk === undefined) throw new Error(`no chunk at ${offset}`);
      chunks.push(chunk);
      offset += chunk.data.length;
      if (chunk.isLast) return chunks;
    }
  }
}

const served = (checkpoints: Checkpoints) => ({ checkpoints, chunkBytes: limits.snapshotChunkBytes });

/** What a receiving device was told. */
function receiver(
  bench: Bench,
  checkpoints: Checkpoints,
  appliedIndex = 0,
): { transfer: SnapshotTransfer; told: string[]; states: SiteState[] } {
  const told: string[] = [];
  const states: SiteState[] = [];
  const transfer = new SnapshotTransfer(new VirtualClock(bench.time), served(checkpoints), {
    chunk: ({ offset }, { data }) => told.push(`chunk ${offset} ${data.length}`),
    gone: ({ index }) => told.push(`gone ${index}`),
    installed: ({ index }, _voters, state) => {
      told.push(`installed ${index}`);
      states.push(state);
    },
    rejected: ({ index }, reason) => told.push(`rejected ${index}: ${reason}`),
    failed: ({ code }) => told.push(`failed ${code}`),
    appliedIndex: () => logIndex(appliedIndex),
    checkpointsSettled: () => Promise.resolve(),
  });
  return { transfer, told, states };
}

function give(transfer: SnapshotTransfer, name: SnapshotName, chunks: readonly Chunk[]): void {
  let offset = 0;
  for (const { data, isLast } of chunks) {
    transfer.store({ kind: "store-chunk", name, offset, data, isLast, voters });
    offset += data.length;
  }
}

describe("a snapshot's chunks", () => {
  it("are no larger than they may be and give every cell back, whatever cells there are (empty, larger than a chunk, names of any script)", async () => {
    const chunkBytes = fc.constantFrom(1_024, 2_048, limits.snapshotChunkBytes);
    const size = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300 }), fc.integer({ min: 20_000, max: 90_000 }));
    const cells = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1, maxLength: 80, unit: "grapheme" }), size), {
      maxLength: 40,
      selector: ([key]) => key,
    });
    await fc.assert(
      fc.asyncProperty(cells, chunkBytes, async (given, most) => {
        const bench = new Bench();
        const { checkpoints } = await bench.open();
        const puts = given.map(([key, length]) => ({ key, value: new Uint8Array(length).fill(key.length) }));
        const start = { index: logIndex(9), term: term(1), voters };
        await bench.settle(checkpoints.save({ start, digest: "d", bytes: 0 }, { puts, deletes: [] }));
        const name = { leader, index: start.index, term: start.term, digest: "d" };
        const assembler = new SnapshotAssembler(name);
        const found = new Map<string, number>();
        for (const { data } of await bench.chunks(checkpoints, name, most)) {
          expect(data.length).toBeLessThanOrEqual(most);
          for (const { key, value } of assembler.add(data) ?? []) found.set(key, value.length);
        }
        expect(assembler.isWhole).toBe(true);
        expect([...found].sort()).toEqual(puts.map(({ key, value }) => [key, value.length]).sort());
      }),
      { numRuns: 60 },
    );
  });

  it("may be asked for again, in any order, after a restart of the sender: the same bytes", async () => {
    const bench = new Bench();
    const { checkpoints } = await bench.open();
    const name = await bench.save(checkpoints, stateWith(300), 301);
    const chunks = await bench.chunks(checkpoints, name);
    expect(chunks.length).toBeGreaterThan(2);
    bench.disk = bench.disk.crash();
    const again = await bench.open();
    const reader = await bench.settle(SnapshotReader.open(name, served(again.checkpoints)));
    const third = await bench.settle(
      reader?.chunk((chunks[0]?.data.length ?? 0) + (chunks[1]?.data.length ?? 0)) ?? Promise.resolve(undefined),
    );
    expect(third).toEqual(chunks[2]);
    expect(await bench.settle(reader?.chunk(1) ?? Promise.resolve(undefined))).toBeUndefined();
    expect(await bench.settle(reader?.chunk(99_999_999) ?? Promise.resolve(undefined))).toBeUndefined();
    expect(await bench.settle(reader?.chunk(0) ?? Promise.resolve(undefined))).toEqual(chunks[0]);
  });

  it("are of the checkpoint that they are named after, also while the next one is being written", async () => {
    for (let wait = 0; wait < 40; wait++) {
      const bench = new Bench(wait);
      const { checkpoints } = await bench.open();
      const state = stateWith(3);
      const name = await bench.save(checkpoints, state, 4);
      const expected = await bench.chunks(checkpoints, name);
      const later = stateWith(9, "y");
      const saving = bench.save(checkpoints, later, 10);
      bench.time.run(milliseconds(wait / 10));
      const reader = await bench.settle(SnapshotReader.open(name, served(checkpoints)));
      await saving;
      const chunk = await bench.settle(reader?.chunk(0) ?? Promise.resolve(undefined));
      if (reader !== undefined) expect(chunk).toEqual(expected[0]);
    }
  });

  it("never throw on what a peer sends", () => {
    const name = { leader, index: logIndex(1), term: term(1), digest: "d" };
    const odd = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.anything().map((value) => {
        try {
          return encode(value);
        } catch {
          return new Uint8Array(0);
        }
      }),
      fc
        .array(fc.tuple(fc.string(), fc.integer(), fc.integer(), fc.uint8Array({ maxLength: 5 })))
        .map((pieces) => encode(pieces)),
    );
    fc.assert(
      fc.property(fc.array(odd, { maxLength: 5 }), (parts) => {
        const assembler = new SnapshotAssembler(name);
        for (const part of parts) assembler.add(part);
      }),
    );
  });
});

describe("installing a snapshot", () => {
  it("makes exactly the sender's state current, and keeps it over a restart", async () => {
    const bench = new Bench();
    const { checkpoints } = await bench.open();
    const sent = stateWith(200);
    const name = await bench.save(checkpoints, sent, 201);
    const other = new Bench(2);
    const { checkpoints: mine } = await other.open();
    await other.save(mine, stateWith(5), 6);
    const { transfer, told, states } = receiver(other, mine, 6);
    give(transfer, name, await bench.chunks(checkpoints, name));
    await other.settle(transfer.stop().then(() => undefined));
    expect(told).toEqual([]); // stopped: nobody is told any more
    const again = receiver(other, (await other.open()).checkpoints, 6);
    give(again.transfer, name, await bench.chunks(checkpoints, name));
    for (let i = 0; i < 200; i++) await other.settle(Promise.resolve(other.time.run(milliseconds(5))));
    expect(again.told).toEqual(["installed 201"]);
    expect(again.states[0]?.digest()).toBe(sent.digest());
    expect(states).toEqual([]);
    other.disk = other.disk.crash();
    const { recovered } = await other.open();
    expect(recovered.kind === "found" && recovered.state.digest()).toBe(sent.digest());
  });

  it("is all or nothing wherever the power goes", async () => {
    const bench = new Bench();
    const { checkpoints } = await bench.open();
    const sent = stateWith(60);
    const name = await bench.save(checkpoints, sent, 61);
    const chunks = await bench.chunks(checkpoints, name);
    const outcomes = new Set<number>();
    for (let cut = 0; cut < 90; cut++) {
      const other = new Bench(cut);
      const { checkpoints: mine } = await other.open();
      const old = stateWith(5, "o");
      await other.save(mine, old, 6);
      const { transfer } = receiver(other, mine, 6);
      give(transfer, name, chunks);
      for (let i = 0; i < cut; i++) {
        other.time.run(milliseconds(0.3));
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      other.disk = other.disk.crash();
      const { recovered, checkpoints: after } = await other.open();
      if (recovered.kind !== "found") throw new Error(`cut ${cut}: ${recovered.kind}`);
      const { index } = recovered.checkpoint.start;
      outcomes.add(index);
      expect(recovered.state.digest()).toBe((index === 61 ? sent : old).digest());
      // What is left over harms no later one.
      const next = receiver(other, after, 6);
      if (index === 61) continue;
      give(next.transfer, name, chunks);
      for (let i = 0; i < 100 && next.told.length === 0; i++)
        await other.settle(Promise.resolve(other.time.run(milliseconds(5))));
      expect(next.told).toEqual(["installed 61"]);
    }
    expect([...outcomes].sort((a, b) => a - b)).toEqual([6, 61]);
  });

  it("refuses another digest, a hole, a repetition of a name with other bytes, and what is older than the own state", async () => {
    const bench = new Bench();
    const { checkpoints } = await bench.open();
    const name = await bench.save(checkpoints, stateWith(200), 201);
    const chunks = await bench.chunks(checkpoints, name);
    const other = new Bench(2);
    const { checkpoints: mine } = await other.open();
    const old = stateWith(5);
    await other.save(mine, old, 6);
    const { transfer, told } = receiver(other, mine, 6);
    give(transfer, { ...name, digest: "f".repeat(32) }, chunks);
    give(transfer, name, chunks.slice(1));
    give(transfer, { ...name, index: logIndex(5) }, chunks);
    give(transfer, name, [{ data: Uint8Array.of(0xff), isLast: true }]);
    for (let i = 0; i < 200; i++) await other.settle(Promise.resolve(other.time.run(milliseconds(5))));
    expect(told.filter((line) => line.startsWith("installed"))).toEqual([]);
    expect(told[0]).toMatch(/^rejected 201: .*does not match its digest/);
    expect(told.at(-1)).toMatch(/unreadable/);
    give(transfer, name, chunks);
    for (let i = 0; i < 100; i++) await other.settle(Promise.resolve(other.time.run(milliseconds(5))));
    expect(told.at(-1)).toBe("installed 201");
  });

  it("goes on after a chunk that the disk had no room for", async () => {
    const bench = new Bench();
    const { checkpoints } = await bench.open();
    const name = await bench.save(checkpoints, stateWith(60), 61);
    const chunks = await bench.chunks(checkpoints, name);
    const other = new Bench(2);
    const { checkpoints: mine } = await other.open();
    const { transfer, told } = receiver(other, mine);
    other.disk.fill();
    give(transfer, name, chunks);
    for (let i = 0; i < 60; i++) await other.settle(Promise.resolve(other.time.run(milliseconds(5))));
    expect(told.length).toBeGreaterThan(0);
    expect(told.every((line) => line.startsWith("rejected"))).toBe(true);
    other.disk.makeRoom();
    give(transfer, name, chunks);
    for (let i = 0; i < 60; i++) await other.settle(Promise.resolve(other.time.run(milliseconds(5))));
    expect(told.at(-1)).toBe("installed 61");
  });

  it("is installed although the old space could not be emptied, and the next checkpoint is whole", async () => {
    const bench = new Bench();
    const { checkpoints } = await bench.open();
    const sent = stateWith(60);
    const name = await bench.save(checkpoints, sent, 61);
    const other = new Bench(2);
    const { checkpoints: mine, storage } = await other.open();
    await other.save(mine, stateWith(5), 6);
    const { transfer, told, states } = receiver(other, mine, 6);
    const clear = storage.clear.bind(storage);
    storage.clear = (range) =>
      range.from.startsWith(cellKey("a", "")) ? Promise.reject(new SkeinError("disk-full", "no room")) : clear(range);
    give(transfer, name, await bench.chunks(checkpoints, name));
    for (let i = 0; i < 60; i++) await other.settle(Promise.resolve(other.time.run(milliseconds(5))));
    expect(told).toEqual(["installed 61"]);
    const state = states[0] ?? SiteState.empty();
    const command = encodeProposal({ client: undefined, command: { ...founding } });
    state.apply({ index: logIndex(62), term: term(1), siteTime: siteTime(5), command });
    await other.save(mine, state, 62);
    other.disk = other.disk.crash();
    expect((await other.open()).recovered).toMatchObject({ kind: "found", checkpoint: { start: { index: 62 } } });
  });

  it("a disk that fails meanwhile ends the device, not just the snapshot", async () => {
    const bench = new Bench();
    const { checkpoints } = await bench.open();
    const name = await bench.save(checkpoints, stateWith(3), 4);
    const other = new Bench(2);
    const { checkpoints: mine } = await other.open();
    const { transfer, told } = receiver(other, mine);
    other.disk.fail();
    give(transfer, name, await bench.chunks(checkpoints, name));
    for (let i = 0; i < 60; i++) await other.settle(Promise.resolve(other.time.run(milliseconds(5))));
    expect(told[0]).toBe("failed disk-failed");
  });
});

describe("serving a snapshot", () => {
  it("two who pull two checkpoints get each their own, and a name that is gone is said to be gone", async () => {
    const bench = new Bench();
    const { checkpoints } = await bench.open();
    const { transfer, told } = receiver(bench, checkpoints);
    const ask = (name: SnapshotName, offset: number): Promise<void> =>
      transfer.serve({ kind: "serve-chunk", to: leader, term: term(1), name, offset });
    const first = await bench.save(checkpoints, stateWith(100), 101);
    const [sizeOfFirst] = (await bench.chunks(checkpoints, first)).map(({ data }) => data.length);
    await bench.settle(ask(first, 0));
    const second = await bench.save(checkpoints, stateWith(150, "z"), 151);
    await bench.settle(Promise.all([ask(second, 0), ask(second, 0), ask(first, sizeOfFirst ?? 0)]));
    expect(told.map((line) => line.split(" ").slice(0, 2).join(" ")).sort()).toEqual([
      "chunk 0",
      "chunk 0",
      "chunk 0",
      `chunk ${sizeOfFirst}`,
    ]);
    bench.time.run(seconds(61)); // nobody asked for a minute
    await bench.settle(Promise.resolve());
    await bench.settle(ask(first, 0));
    expect(told.at(-1)).toBe("gone 101");
    await bench.settle(transfer.stop());
    await bench.settle(ask(second, 0));
    expect(told.at(-1)).toBe("gone 101");
  });
});

describe("a checkpoint at the start", () => {
  it.each(["site", "state/a/site"])("that rotted is told from one that is not there (%s)", async (key) => {
    const bench = new Bench();
    const { checkpoints } = await bench.open();
    expect(checkpoints.current).toBeUndefined();
    await bench.save(checkpoints, stateWith(3), 4);
    bench.disk = bench.disk.crash();
    bench.disk.damageStorage(key === "site" ? "checkpoint/current" : key);
    expect((await bench.open()).recovered.kind).toBe("damaged");
  });
});
